// slipway model export NAME:TAG [DIR]
#include "model/export.h"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/counted.h"
#include "cli/input.h"
#include "cli/model/fetching.h"
#include "cli/model/local.h"
#include "cli/model/verbs.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "model/local/entry_digest.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string reference;
  std::string folder;  // empty: named like the model
  std::string destination;
};

Result<model::LocalEntry> FindOrFetch(Client& client, model::LocalStore& store,
                                      const std::string& text) {
  auto entry = FindLocal(store, text);
  if (entry.has_value() || entry.error().reason() != "MODEL_UNKNOWN") return entry;
  if (model::IsDigestPrefix(text)) return entry;  // it does not say of which repository
  const auto fetched = FetchModel(client, store, text);
  if (fetched.has_value()) return FindLocal(store, text);
  return fetched.error().Prefixed(fmt::format("{} is not in the local store: ", text));
}

// The last segment of the name, without the tag; of what has none, the digest as lists show it.
std::string FolderNameOf(const model::LocalEntry& entry) {
  if (entry.name.empty()) {
    return std::string(entry.manifest.digest.hex().substr(0, model::kMinDigestDigits));
  }
  const auto reference = oci::Reference::Parse(entry.name);
  const std::string repository = reference.has_value() ? reference->repository : entry.name;
  return repository.substr(repository.rfind('/') + 1);
}

Result<void> ExportModel(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  if (!options.folder.empty() && !options.destination.empty()) {
    return InvalidArgument("USAGE", "the folder is there twice: as DIR and with --destination");
  }
  TRY(store, OpenModels(client));
  TRY(entry, FindOrFetch(client, store, options.reference));
  TRY(hold, store.Keep());
  std::string folder = options.folder.empty() ? options.destination : options.folder;
  if (folder.empty()) folder = FolderNameOf(entry);
  auto manifest = store.ReadManifest(entry.manifest);
  if (!manifest.has_value()) return WithAdvice(manifest.error(), options.reference);
  Progress progress(client.clock(), "exporting");
  auto files = model::Export(PosixFileSystem(), store, manifest->bytes, AbsolutePath(folder),
                             {.progress = UpdatesOf(progress)});
  progress.Finish();
  if (!files.has_value()) {
    return WithAdvice(files.error(), options.reference).Prefixed(options.reference + ": ");
  }
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"name", entry.name},
                      {"digest", entry.manifest.digest.text()},
                      {"folder", AbsolutePath(folder)},
                      {"files", *files}},
                     format);
  }
  if (format == Format::kName) return PrintLine(Printable(ShownName(entry)));
  return PrintLine(Printable(fmt::format("exported {} into {} ({}, {})", ShownName(entry), folder,
                                         ShortDigest(entry.manifest.digest.text()),
                                         Counted(files->size(), "file"))));
}

}  // namespace

void AddModelExport(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->reference, "NAME:TAG",
                     "Model version, or a digest of the local store; it is pulled first if it is "
                     "not here");
  command.Positional(&options->folder, "DIR", "Folder for its files (the model's name)",
                     Need::kOptional);
  command.Option(&options->destination, "-d,--destination", "DIR", "The same as DIR");
  command.Example("model export fraud:v1");
  command.Example("model export vision/detector:1.4 -d /srv/detector");
  command.Run([&client, options] { return ExportModel(client, *options); });
}

}  // namespace slipway::cli
