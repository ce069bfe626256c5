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
#include "model/local/entry_digest.h"

namespace slipway::cli {
namespace {

struct Options {
  std::vector<std::string> names;
  bool remote = false;
  bool force = false;
};

Result<void> PrintNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) TRY_VOID(PrintLine(Printable(name)));
  return {};
}

// Also of an entry that cannot be read: it is to be removed, not to be used.
Result<model::EntryKey> FindUnreadable(model::LocalStore& store, const std::string& text,
                                       const Error& unknown) {
  const auto digest = Digest::Parse(text);
  if (digest.has_value()) return model::EntryKey{.name = "", .digest = *digest};
  const auto reference = oci::Reference::Parse(text);
  if (!reference.has_value()) return unknown;
  TRY(there, store.HasName(reference->ToString()));
  if (!there) return unknown;
  return model::EntryKey{.name = reference->ToString()};
}

// Whoever removes a digest may not know of all the names that it has by now.
Result<void> CheckOneName(const std::vector<model::LocalEntry>& entries, const std::string& text) {
  std::vector<std::string> names;
  for (const model::LocalEntry& entry : entries) {
    if (!entry.name.empty()) names.push_back(entry.name);
  }
  if (names.size() <= 1) return {};
  return FailedPrecondition(
      "NAMES_SEVERAL",
      fmt::format("{} has several names: {}; write the one to remove, or --force for all of them",
                  text, fmt::join(names, ", ")));
}

// What the text means. Named by its digest, an entry is removed only if it has that one still.
Result<std::vector<model::EntryKey>> Choose(model::LocalStore& store, const std::string& text,
                                            bool force) {
  const auto entries = FindAllLocal(store, text);
  if (!entries.has_value() && entries.error().reason() != "MODEL_UNKNOWN") return entries.error();
  if (!entries.has_value()) {
    TRY(key, FindUnreadable(store, text, entries.error()));
    return std::vector{std::move(key)};
  }
  if (!force) TRY_VOID(CheckOneName(*entries, text));
  const bool is_by_digest = model::IsDigestPrefix(text) || text.find('@') != std::string::npos;
  std::vector<model::EntryKey> keys;
  for (const model::LocalEntry& entry : *entries) {
    model::EntryKey key{.name = entry.name};
    if (is_by_digest || entry.name.empty()) key.digest = entry.manifest.digest;
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<void> RemoveLocal(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(store, OpenModels(client));
  std::vector<model::EntryKey> keys;
  std::vector<std::string> names;
  std::vector<std::string> digests;  // of what had no name
  for (const std::string& text : options.names) {
    TRY(chosen, Choose(store, text, options.force));
    for (model::EntryKey& key : chosen) {
      std::vector<std::string>& shown = key.name.empty() ? digests : names;
      const std::string& word = key.name.empty() ? key.digest->text() : key.name;
      if (std::ranges::find(shown, word) != shown.end()) continue;
      shown.push_back(word);
      keys.push_back(std::move(key));
    }
  }
  TRY(removed, store.Remove(keys));
  if (!removed.problem.empty()) {
    Note(Printable(fmt::format("nothing is freed: {}; remove what names it", removed.problem)));
  }
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"names", names},
                      {"digests", digests},
                      {"freedBytes", removed.freed_bytes},
                      {"deferred", removed.is_deferred}},
                     format);
  }
  names.insert(names.end(), digests.begin(), digests.end());
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

// Docker's registry takes the tag for a digest that is none, and says so.
Error WithWayOut(const Error& error, const RegistryAccess& registry) {
  const oci::Reference& reference = registry.reference;
  const bool may_be_unknown =
      error.code() == Code::kInvalidArgument || error.code() == Code::kUnimplemented;
  if (!may_be_unknown || reference.tag.empty()) return error;
  const auto found = registry.client->HeadManifest(reference.repository, reference.tag);
  if (!found || !*found) return error;
  return Error(
      error.code(), error.reason(),
      fmt::format("{} It may be one that deletes by digest alone, with all tags that stand for it: "
                  "`slipway model remove {}@{} --remote`",
                  error.message(), registry.FullName(), (*found)->digest.text()),
      error.details());
}

Result<void> RemoveRemote(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  if (options.force) {
    return InvalidArgument("USAGE",
                           "--force is for the local store: at a registry a digest goes with all "
                           "its tags");
  }
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
      return WithWayOut(deleted.error(), registry).Prefixed(text + ": ");
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
  command.Positionals(&options->names, "NAME:TAG", "What to remove, by name or digest");
  command.Flag(&options->remote, "--remote",
               "Delete the tag at the registry (a manifest with all its tags, if it is named by "
               "its digest)");
  command.Flag(&options->force, "--force", "By digest: also if it has several names, all of them");
  command.Example("model remove fraud:v1 fraud:v2");
  command.Example("model remove 0123456789ab --force");
  command.Example("model remove registry.example/risk/fraud:v1 --remote");
  command.Run([&client, options] {
    return options->remote ? RemoveRemote(client, *options) : RemoveLocal(client, *options);
  });
}

}  // namespace slipway::cli
