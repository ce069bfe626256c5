// slipway model save FILE|DIR NAME:TAG
#include "model/local/save.h"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/counted.h"
#include "cli/input.h"
#include "cli/model/local.h"
#include "cli/model/rows.h"
#include "cli/model/verbs.h"
#include "cli/progress.h"
#include "cli/push.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string path;
  std::string reference;
  std::string form;
};

Result<void> SaveModel(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(reference, ParseTagged(options.reference));
  TRY(store, OpenModels(client));
  const std::string name = reference.ToString();
  Progress progress(client.clock(), "saving");
  TRY(saved, model::Save(store, PosixFileSystem(), AbsolutePath(options.path), name,
                         {.form = FormOf(options.form), .progress = UpdatesOf(progress)}));
  progress.Finish();
  const model::Package& package = saved.package;
  NoteLeftOut(package);
  if (format == Format::kJson || format == Format::kYaml) {
    TRY(manifest, oci::ParseManifest(package.manifest));
    Json shown = DescribeManifest(name, package.manifest_digest, manifest, package.config);
    shown["format"] = package.format;
    shown["changed"] = saved.changed;
    shown["store"] = store.folder();
    return PrintJson(shown, format);
  }
  if (format == Format::kName) return PrintLine(Printable(name));
  const std::string digest = ShortDigest(package.manifest_digest.text());
  if (!saved.changed) {
    return PrintLine(Printable(fmt::format("{} is {} already; nothing changed", name, digest)));
  }
  return PrintLine(Printable(fmt::format("saved {} ({}, {}, {})", name, digest,
                                         Counted(package.files.size(), "file"),
                                         FormatBytes(package.size_bytes))));
}

}  // namespace

void AddModelSave(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->path, "FILE|DIR",
                     "Model file, or folder with all that belongs to it");
  command.Positional(&options->reference, "NAME:TAG", "Name to keep it under");
  AddForm(command, &options->form);
  command.Example("model save model.onnx fraud:v1");
  command.Example("model save detector/ registry.example/vision/detector:1.4 --form ormb");
  command.Run([&client, options] { return SaveModel(client, *options); });
}

}  // namespace slipway::cli
