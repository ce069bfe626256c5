// slipway push FILE|DIR NAME:TAG
#include "cli/push.h"

#include <algorithm>
#include <memory>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/counted.h"
#include "cli/input.h"
#include "cli/model/local.h"
#include "cli/progress.h"
#include "cli/registry_access.h"
#include "cli/text.h"
#include "model/package.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string path;
  std::string reference;
  std::string form;
};

Json ToJson(const model::Package& package) {
  Json files = Json::array();
  for (const model::PackageFile& file : package.files) {
    files.push_back({{"path", file.path},
                     {"digest", file.digest.text()},
                     {"sizeBytes", file.size_bytes},
                     {"mediaType", file.media_type}});
  }
  return {
      {"format", package.format}, {"sizeBytes", package.size_bytes}, {"files", std::move(files)}};
}

}  // namespace

Result<void> PushPath(Client& client, const std::string& path, const std::string& reference,
                      const std::string& form) {
  TRY_VOID(client.OutputFormat());
  TRY(registry, OpenRegistry(client, reference));
  FileSystem& files = PosixFileSystem();
  Progress reading(client.clock(), "reading");
  TRY(package, model::PackageModel(files, AbsolutePath(path),
                                   {.form = FormOf(form),
                                    .progress = reading.is_bar() ? UpdatesOf(reading) : nullptr}));
  reading.Finish();
  NoteLeftOut(package);
  Progress pushing(client.clock(), "pushing");
  TRY(pushed, model::Push(files, package, registry.reference, *registry.client,
                          {.progress = UpdatesOf(pushing),
                           .make_client = registry.make_client,
                           .notes = registry.notes.get()}));
  pushing.Finish();
  return PrintPushed(client, registry.reference, pushed, ToJson(package));
}

void NoteLeftOut(const model::Package& package) {
  constexpr size_t kShown = 5;
  const std::vector<std::string>& names = package.left_out;
  if (names.empty()) return;
  const std::span<const std::string> first(names.data(), std::min(names.size(), kShown));
  const std::string more =
      names.size() > kShown ? fmt::format(" and {} more", names.size() - kShown) : "";
  Note(Printable(fmt::format("left out, as names that begin with a dot are: {}{}",
                             fmt::join(first, ", "), more)));
}

Result<void> PrintPushed(Client& client, const oci::Reference& reference,
                         const model::Pushed& pushed, Json shown) {
  TRY(format, client.OutputFormat());
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"repository", reference.repository},
                      {"tag", reference.tag},
                      {"digest", pushed.digest.text()},
                      {"changed", pushed.changed},
                      {"format", shown["format"]},
                      {"sizeBytes", shown["sizeBytes"]},
                      {"uploadedBytes", pushed.bytes_uploaded},
                      {"files", shown["files"]}},
                     format);
  }
  const std::string name = reference.ToString();
  if (format == Format::kName) return PrintLine(Printable(name));
  if (!pushed.changed) {
    return PrintLine(Printable(
        fmt::format("{} is {} already; nothing changed", name, ShortDigest(pushed.digest.text()))));
  }
  return PrintLine(Printable(fmt::format(
      "pushed {} ({}, {}, {}, {} sent)", name, ShortDigest(pushed.digest.text()),
      Counted(shown["files"].size(), "file"), FormatBytes(shown["sizeBytes"].get<uint64_t>()),
      FormatBytes(pushed.bytes_uploaded))));
}

void AddPush(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->path, "FILE|DIR",
                     "Model file, or folder with all that belongs to it");
  command.Positional(&options->reference, "NAME:TAG", "Where to push it");
  AddForm(command, &options->form);
  command.Example("push model.onnx fraud:v1");
  command.Example("push detector/ vision/detector:1.4");
  command.Example("push detector/ vision/detector:1.4-image --form modelcar");
  command.Run([&client, options] {
    return PushPath(client, options->path, options->reference, options->form);
  });
}

}  // namespace slipway::cli
