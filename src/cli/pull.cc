// slipway pull NAME:TAG [DIR]
#include "model/pull.h"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/counted.h"
#include "cli/input.h"
#include "cli/progress.h"
#include "cli/registry_access.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string reference;
  std::string folder;  // empty: named like the model
};

Result<void> Pull(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(registry, OpenRegistry(client, options.reference));
  const std::string& repository = registry.reference.repository;
  std::string folder =
      options.folder.empty() ? repository.substr(repository.rfind('/') + 1) : options.folder;
  Progress progress(client.clock(), "pulling");
  TRY(pulled,
      model::Pull(PosixFileSystem(), registry.reference, *registry.client, AbsolutePath(folder),
                  {.progress = UpdatesOf(progress), .make_client = registry.make_client}));
  progress.Finish();
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"repository", repository},
                      {"digest", pulled.digest.text()},
                      {"folder", AbsolutePath(folder)},
                      {"files", pulled.files},
                      {"downloadedBytes", pulled.bytes_downloaded}},
                     format);
  }
  const std::string name = registry.reference.ToString();
  if (format == Format::kName) return PrintLine(Printable(name));
  return PrintLine(Printable(fmt::format(
      "pulled {} into {} ({}, {}, {} received)", name, folder, ShortDigest(pulled.digest.text()),
      Counted(pulled.files.size(), "file"), FormatBytes(pulled.bytes_downloaded))));
}

}  // namespace

void AddPull(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->reference, "NAME:TAG", "Model version to fetch");
  command.Positional(&options->folder, "DIR", "Folder for its files (the model's name)",
                     Need::kOptional);
  command.Example("pull fraud:v1");
  command.Example("pull vision/detector:1.4 /srv/detector");
  command.Run([&client, options] { return Pull(client, *options); });
}

}  // namespace slipway::cli
