// slipway model tag SRC DST
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/local.h"
#include "cli/model/verbs.h"
#include "cli/registry_access.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string source;
  std::string target;
  bool remote = false;
};

Result<void> PrintTagged(Client& client, const std::string& from, const std::string& to,
                         const Digest& digest, bool changed) {
  TRY(format, client.OutputFormat());
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson(
        {{"source", from}, {"name", to}, {"digest", digest.text()}, {"changed", changed}}, format);
  }
  if (format == Format::kName) return PrintLine(Printable(to));
  const std::string text = changed ? "{} is {} now ({})" : "{} is {} already ({}); nothing changed";
  return PrintLine(
      Printable(fmt::format(fmt::runtime(text), to, from, ShortDigest(digest.text()))));
}

Result<void> TagLocal(Client& client, const Options& options) {
  TRY(store, OpenModels(client));
  TRY(target, ParseTagged(options.target));
  TRY(entry, FindLocal(store, options.source));
  const std::string name = target.ToString();
  TRY(changed, store.Tag({entry.name, entry.manifest.digest}, name));
  return PrintTagged(client, ShownName(entry), name, entry.manifest.digest, changed);
}

Result<void> TagRemote(Client& client, const Options& options) {
  TRY(registry, OpenRegistry(client, options.source));
  TRY(target, ParseTagged(options.target));
  const oci::Reference& source = registry.reference;
  if (source.host != target.host || source.repository != target.repository) {
    return InvalidArgument(
        "REFERENCE_INVALID",
        fmt::format("{} is another repository than {}: tags at a registry are in one repository; "
                    "`slipway model copy` takes a model to another",
                    options.target, options.source));
  }
  TRY(manifest, registry.client->GetManifest(source.repository, source.Selector()));
  TRY(before, registry.client->HeadManifest(target.repository, target.tag));
  const bool changed = !before || before->digest != manifest.digest;
  if (changed) {
    TRY_VOID(registry.client->PutManifest(target.repository, target.tag, manifest.media_type,
                                          manifest.bytes));
  }
  return PrintTagged(client, source.ToString(), target.ToString(), manifest.digest, changed);
}

}  // namespace

void AddModelTag(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->source, "SRC", "NAME:TAG that is there, or its digest");
  command.Positional(&options->target, "DST", "NAME:TAG that stands for it from now on");
  command.Flag(&options->remote, "--remote", "At the registry, in one repository");
  command.Example("model tag fraud:v1 fraud:stable");
  command.Example("model tag 0123456789ab fraud:found");
  command.Example("model tag fraud:v1 registry.example/risk/fraud:v1");
  command.Example("model tag fraud:v2 fraud:stable --remote");
  command.Run([&client, options]() -> Result<void> {
    TRY_VOID(client.OutputFormat());
    return options->remote ? TagRemote(client, *options) : TagLocal(client, *options);
  });
}

}  // namespace slipway::cli
