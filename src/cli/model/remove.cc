// slipway model remove NAME:TAG...
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/model/local.h"
#include "cli/model/verbs.h"
#include "cli/registry_access.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::vector<std::string> names;
  bool remote = false;
};

Result<void> PrintNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) TRY_VOID(PrintLine(Printable(name)));
  return {};
}

// The name in the store, also of an entry that cannot be read: it is to be removed, not to be used.
Result<std::string> FindName(model::LocalStore& store, const std::string& text) {
  const auto entry = FindLocal(store, text);
  if (entry.has_value()) return entry->name;
  const auto reference = oci::Reference::Parse(text);
  if (entry.error().reason() != "MODEL_UNKNOWN" || !reference.has_value()) return entry.error();
  TRY(there, store.HasName(reference->ToString()));
  if (!there) return entry.error();
  return reference->ToString();
}

Result<void> RemoveLocal(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(store, OpenModels(client));
  std::vector<std::string> names;
  for (const std::string& text : options.names) {
    TRY(name, FindName(store, text));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  TRY(removed, store.Remove(names));
  if (!removed.problem.empty()) {
    Note(Printable(fmt::format("nothing is freed: {}; remove what names it", removed.problem)));
  }
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson(
        {{"names", names}, {"freedBytes", removed.freed_bytes}, {"deferred", removed.is_deferred}},
        format);
  }
  if (format == Format::kName) return PrintNames(names);
  const std::string freed = removed.is_deferred
                                ? "what is not needed any more is freed by the program that is at "
                                  "work in the store"
                                : FormatBytes(removed.freed_bytes) + " freed";
  return PrintLine(Printable(fmt::format("removed {} ({})", fmt::join(names, ", "), freed)));
}

// A tag that is to go only as long as it is what the digest beside it says.
Result<void> CheckTagStillIs(const RegistryAccess& registry) {
  const oci::Reference& reference = registry.reference;
  if (reference.tag.empty() || !reference.digest) return {};
  TRY(found, registry.client->HeadManifest(reference.repository, reference.tag));
  if (!found) return NotFound("MANIFEST_UNKNOWN", "the tag " + reference.tag + " is not there");
  if (found->digest == *reference.digest) return {};
  return FailedPrecondition(
      "TAG_DIFFERS", fmt::format("the tag {} is {} there; nothing was removed", reference.tag,
                                 found->digest.text()));
}

Result<void> RemoveRemote(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  std::vector<std::string> names;
  for (const std::string& text : options.names) {
    TRY(registry, OpenRegistry(client, text));
    const oci::Reference& reference = registry.reference;
    Result<void> deleted = CheckTagStillIs(registry);
    if (deleted) {
      deleted = registry.client->DeleteManifest(
          reference.repository, reference.tag.empty() ? reference.Selector() : reference.tag);
    }
    if (!deleted.has_value()) {
      if (!names.empty()) Note(Printable(fmt::format("removed {}", fmt::join(names, ", "))));
      return deleted.error().Prefixed(text + ": ");
    }
    names.push_back(reference.ToString());
  }
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"names", names}}, format);
  }
  if (format == Format::kName) return PrintNames(names);
  return PrintLine(Printable(fmt::format("removed {} at the registry", fmt::join(names, ", "))));
}

}  // namespace

void AddModelRemove(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positionals(&options->names, "NAME:TAG", "What to remove");
  command.Flag(&options->remote, "--remote",
               "Delete the tag at the registry (a manifest with all its tags, if it is named by "
               "its digest)");
  command.Example("model remove fraud:v1 fraud:v2");
  command.Example("model remove registry.example/risk/fraud:v1 --remote");
  command.Run([&client, options] {
    return options->remote ? RemoveRemote(client, *options) : RemoveLocal(client, *options);
  });
}

}  // namespace slipway::cli
