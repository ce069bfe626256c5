// slipway push FILE|DIR NAME:TAG
#include "model/push.h"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/progress.h"
#include "cli/registry_access.h"
#include "cli/text.h"
#include "model/package.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string path;
  std::string reference;
};

Json ToJson(const oci::Reference& reference, const model::Package& package,
            const model::Pushed& pushed) {
  Json files = Json::array();
  for (const model::PackageFile& file : package.files) {
    files.push_back({{"path", file.path},
                     {"digest", file.digest.text()},
                     {"sizeBytes", file.size_bytes},
                     {"mediaType", file.media_type}});
  }
  return {{"repository", reference.repository},
          {"tag", reference.tag},
          {"digest", pushed.digest.text()},
          {"changed", pushed.changed},
          {"format", package.format},
          {"sizeBytes", package.size_bytes},
          {"uploadedBytes", pushed.bytes_uploaded},
          {"files", std::move(files)}};
}

Result<void> Push(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(registry, OpenRegistry(client, options.reference));
  FileSystem& files = PosixFileSystem();
  Progress reading(client.clock(), "reading");
  TRY(package, model::PackageModel(files, AbsolutePath(options.path),
                                   {.progress = reading.is_bar() ? UpdatesOf(reading) : nullptr}));
  reading.Finish();
  Progress pushing(client.clock(), "pushing");
  TRY(pushed, model::Push(files, package, registry.reference, *registry.client,
                          {.progress = UpdatesOf(pushing), .make_client = registry.make_client}));
  pushing.Finish();
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson(ToJson(registry.reference, package, pushed), format);
  }
  const std::string name = registry.reference.ToString();
  if (format == Format::kName) return PrintLine(Printable(name));
  if (!pushed.changed) {
    return PrintLine(Printable(
        fmt::format("{} is {} already; nothing changed", name, ShortDigest(pushed.digest.text()))));
  }
  return PrintLine(Printable(fmt::format(
      "pushed {} ({}, {} files, {}, {} sent)", name, ShortDigest(pushed.digest.text()),
      package.files.size(), FormatBytes(package.size_bytes), FormatBytes(pushed.bytes_uploaded))));
}

}  // namespace

void AddPush(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->path, "FILE|DIR",
                     "Model file, or folder with all that belongs to it");
  command.Positional(&options->reference, "NAME:TAG", "Where to push it");
  command.Example("push model.onnx fraud:v1");
  command.Example("push detector/ vision/detector:1.4");
  command.Run([&client, options] { return Push(client, *options); });
}

}  // namespace slipway::cli
