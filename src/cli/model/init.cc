// slipway model init [DIR]
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/counted.h"
#include "cli/input.h"
#include "cli/model/verbs.h"
#include "cli/text.h"
#include "model/metadata/read_metadata.h"
#include "model/package.h"

namespace slipway::cli {
namespace {

constexpr std::string_view kComment =
    "# What is to be known of this model: it travels with every push. All members may be left "
    "out;\n# `slipway explain` does not know them, docs/formats/model-metadata.md does.\n";

// What ormb's file says is taken over; the rest is what the files tell.
model::Metadata Draft(const model::Package& package, const std::string& folder) {
  model::Metadata metadata = package.metadata;
  metadata.api_version = "slipway/v1";
  metadata.kind = model::kMetadataKind;
  if (metadata.name.empty()) metadata.name = folder.substr(folder.rfind('/') + 1);
  if (metadata.format.empty()) metadata.format = package.format;
  if (!metadata.signature && package.signature) {
    metadata.signature =
        model::StatedSignature{.inputs = model::StatedOf(package.signature->inputs),
                               .outputs = model::StatedOf(package.signature->outputs)};
  }
  return metadata;
}

Result<void> Init(Client& client, const std::string& given) {
  TRY(format, client.OutputFormat());
  const std::string folder = AbsolutePath(given.empty() ? "." : given);
  FileSystem& files = PosixFileSystem();
  TRY(info, files.Info(folder));
  if (!info.is_directory) {
    return InvalidArgument("FILE_TYPE",
                           fmt::format("{} is a file: name the folder that it is in", folder));
  }
  TRY(package, model::LookAtModel(files, folder));
  for (const std::string_view name : model::kMetadataFiles) {
    TRY(there, files.Exists(folder + "/" + std::string(name)));
    if (there) {
      return AlreadyExists(
          "FILE_EXISTS", fmt::format("{}/{} is there already, and is left as it is", folder, name));
    }
  }
  const model::Metadata metadata = Draft(package, folder);
  const std::string path = folder + "/model.yaml";
  TRY(file, files.Open(path, {.write = true, .create = true, .exclusive = true, .mode = 0644}));
  TRY_VOID(file->WriteAt(0, std::string(kComment) + model::DumpMetadata(metadata)));
  TRY_VOID(file->Sync());
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"path", path}, {"metadata", Encode(metadata)}}, format);
  }
  if (format == Format::kName) return PrintLine(Printable(path));
  const std::string what = metadata.format.empty() ? "no format is recognised" : metadata.format;
  return PrintLine(Printable(
      fmt::format("wrote {} ({}, {})", path, what, Counted(package.files.size(), "file"))));
}

}  // namespace

void AddModelInit(Command& command, Client& client) {
  auto folder = std::make_shared<std::string>();
  command.Positional(folder.get(), "DIR", "Folder of the model (the current one)", Need::kOptional);
  command.Example("model init detector/");
  command.Run([&client, folder] { return Init(client, *folder); });
}

}  // namespace slipway::cli
