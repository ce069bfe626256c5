// slipway model push [FILE|DIR] NAME:TAG
#include "model/push.h"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/local.h"
#include "cli/model/rows.h"
#include "cli/model/verbs.h"
#include "cli/progress.h"
#include "cli/push.h"
#include "cli/registry_access.h"
#include "oci/limits.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string first;
  std::string second;
  std::string form;
};

Result<void> PushSaved(Client& client, const std::string& text) {
  TRY_VOID(client.OutputFormat());
  TRY(store, OpenModels(client));
  TRY(registry, OpenRegistry(client, text));
  TRY(hold, store.Keep());
  TRY(entry, FindLocal(store, text));
  auto artifact = store.ReadArtifact(entry.manifest);
  if (!artifact.has_value()) return WithAdvice(artifact.error(), text);
  Progress progress(client.clock(), "pushing");
  auto pushed =
      model::PushArtifact(store, *artifact, registry.reference, *registry.client,
                          {.progress = UpdatesOf(progress), .make_client = registry.make_client});
  progress.Finish();
  if (!pushed.has_value()) return WithAdvice(pushed.error(), text);
  const oci::FetchedManifest& root = artifact->root();
  TRY(manifest, oci::ParseManifest(root.bytes, root.media_type));
  const std::string config = ReadConfig(store, manifest);
  return PrintPushed(client, registry.reference, *pushed,
                     DescribeManifest(entry.name, root.digest, manifest, config));
}

Result<void> Push(Client& client, const Options& options) {
  if (!options.second.empty()) {
    return PushPath(client, options.first, options.second, options.form);
  }
  if (options.form.empty()) return PushSaved(client, options.first);
  return InvalidArgument(
      "FORM_FIXED",
      fmt::format("--form is for FILE|DIR: {} has the form that it was saved in", options.first));
}

}  // namespace

void AddModelPush(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->first, "NAME:TAG|PATH",
                     "What was saved or pulled; or a file or folder, and then where to push it");
  command.Positional(&options->second, "NAME:TAG", "Where to push the file or folder",
                     Need::kOptional);
  AddForm(command, &options->form);
  command.Example("model push fraud:v1");
  command.Example("model push detector/ registry.example/vision/detector:1.4");
  command.Run([&client, options] { return Push(client, *options); });
}

}  // namespace slipway::cli
