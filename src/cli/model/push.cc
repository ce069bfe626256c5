// slipway model push [FILE|DIR] NAME:TAG
#include "model/push.h"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/input.h"
#include "cli/model/local.h"
#include "cli/model/rows.h"
#include "cli/model/verbs.h"
#include "cli/progress.h"
#include "cli/push.h"
#include "cli/registry_access.h"
#include "model/local/entry_digest.h"
#include "oci/limits.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string first;
  std::string second;
  std::string form;
};

// `text`: what is in the local store; `target`: where it goes.
Result<void> PushSaved(Client& client, const std::string& text, const std::string& target) {
  TRY_VOID(client.OutputFormat());
  TRY(store, OpenModels(client));
  TRY(registry, OpenRegistry(client, target));
  TRY(hold, store.Keep());
  TRY(entry, FindLocal(store, text));
  auto artifact = store.ReadArtifact(entry.manifest);
  if (!artifact.has_value()) return WithAdvice(artifact.error(), text);
  Progress progress(client.clock(), "pushing");
  auto pushed = model::PushArtifact(store, *artifact, registry.reference, *registry.client,
                                    {.progress = UpdatesOf(progress),
                                     .make_client = registry.make_client,
                                     .notes = registry.notes.get()});
  progress.Finish();
  if (!pushed.has_value()) return WithAdvice(pushed.error(), text);
  const oci::FetchedManifest& root = artifact->root();
  TRY(manifest, oci::ParseManifest(root.bytes, root.media_type));
  const std::string config = ReadConfig(store, manifest);
  return PrintPushed(client, registry.reference, *pushed,
                     DescribeManifest(entry.name, root.digest, manifest, config));
}

Result<void> Push(Client& client, const Options& options) {
  const bool has_target = !options.second.empty();
  bool is_digest = model::IsDigestPrefix(options.first);
  if (has_target && is_digest) {
    TRY(is_path, PosixFileSystem().Exists(AbsolutePath(options.first)));
    is_digest = !is_path;
  }
  if (has_target && !is_digest) {
    return PushPath(client, options.first, options.second, options.form);
  }
  if (is_digest && !has_target) {
    return InvalidArgument("USAGE", fmt::format("{0} does not say where to push it: write "
                                                "`slipway model push {0} NAME:TAG`",
                                                options.first));
  }
  if (options.form.empty()) {
    return PushSaved(client, options.first, has_target ? options.second : options.first);
  }
  return InvalidArgument(
      "FORM_FIXED",
      fmt::format("--form is for FILE|DIR: {} has the form that it was saved in", options.first));
}

}  // namespace

void AddModelPush(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->first, "NAME:TAG|PATH",
                     "What was saved or pulled; or a file, a folder or a digest of what was saved, "
                     "and then where to push it");
  command.Positional(&options->second, "NAME:TAG", "Where to push the file, folder or digest",
                     Need::kOptional);
  AddForm(command, &options->form);
  command.Example("model push fraud:v1");
  command.Example("model push 0123456789ab fraud:v1");
  command.Example("model push detector/ registry.example/vision/detector:1.4");
  command.Run([&client, options] { return Push(client, *options); });
}

}  // namespace slipway::cli
