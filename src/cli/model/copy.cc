// slipway model copy SRC DST
#include "model/copy.h"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/counted.h"
#include "cli/model/verbs.h"
#include "cli/progress.h"
#include "cli/registry_access.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string source;
  std::string target;
  bool referrers = false;
};

Json ToJson(const std::string& target, const model::Copied& copied) {
  return {{"reference", target},
          {"digest", copied.digest.text()},
          {"changed", copied.changed},
          {"manifests", copied.manifests},
          {"referrers", copied.referrers},
          {"blobs",
           {{"there", copied.blobs_there},
            {"mounted", copied.blobs_mounted},
            {"sent", copied.blobs_sent}}},
          {"sentBytes", copied.bytes_sent}};
}

// NAME:TAG, or NAME@DIGEST, that the copy has.
std::string NameOf(const RegistryAccess& source, const RegistryAccess& target,
                   const model::Copied& copied) {
  oci::Reference name = target.reference;
  if (name.tag.empty() && !name.digest) name.tag = source.reference.tag;
  if (name.tag.empty()) name.digest = copied.digest;
  return name.ToString();
}

Result<void> Copy(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(source, OpenRegistry(client, options.source));
  TRY(target, OpenRegistry(client, options.target, Selector::kOptional));
  Progress progress(client.clock(), "copying");
  TRY(copied, model::Copy({source.reference, *source.client, source.make_client},
                          {target.reference, *target.client, target.make_client},
                          {.referrers = options.referrers,
                           .same_registry = source.host == target.host,
                           .progress = UpdatesOf(progress)}));
  progress.Finish();
  const std::string name = NameOf(source, target, copied);
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson(ToJson(name, copied), format);
  }
  if (format == Format::kName) return PrintLine(Printable(name));
  const std::string digest = ShortDigest(copied.digest.text());
  if (!copied.changed) {
    return PrintLine(Printable(fmt::format("{} is {} already; nothing changed", name, digest)));
  }
  return PrintLine(Printable(fmt::format(
      "copied {} to {} ({}, {}, {} sent, {} mounted, {} were there, {} sent)", options.source, name,
      digest, Counted(copied.manifests, "manifest"), Counted(copied.blobs_sent, "blob"),
      copied.blobs_mounted, copied.blobs_there, FormatBytes(copied.bytes_sent))));
}

}  // namespace

void AddCopy(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->source, "SRC", "Model version or image to copy: NAME:TAG");
  command.Positional(&options->target, "DST", "Its new name; without a tag, the source's");
  command.Flag(&options->referrers, "--referrers",
               "Bring signatures, attestations and all else that refers to it along");
  command.Example("model copy fraud:v1 registry.example/risk/fraud");
  command.Example("model copy registry.example/risk/fraud:v1 risk/fraud:v1 --referrers");
  command.Run([&client, options] { return Copy(client, *options); });
}

}  // namespace slipway::cli
