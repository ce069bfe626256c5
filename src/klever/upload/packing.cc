#include "klever/upload/packing.h"

#include <nlohmann/json.hpp>

#include "klever/limits.h"
#include "klever/upload/upload_metadata.h"
#include "model/archive/archive.h"
#include "model/archive/extract.h"
#include "model/limits.h"
#include "model/ormb/ormb_file.h"

namespace slipway::klever {
namespace {

// What the Finder puts into a zip beside the files.
constexpr std::string_view kFinderFolder = "__MACOSX";
constexpr size_t kHeadBytes = 512;

Result<void> CheckSum(File& file, const Digest& expected) {
  Hasher hasher(expected.algorithm());
  std::string piece(kPieceBytes, '\0');
  for (uint64_t offset = 0;;) {
    TRY(count, file.ReadAt(offset, piece.data(), piece.size()));
    if (count == 0) break;
    hasher.Update({piece.data(), count});
    offset += count;
  }
  const Digest found = hasher.Finish();
  if (found == expected) return {};
  return InvalidArgument("CHECKSUM_MISMATCH", "the file that came has the SHA-256 " +
                                                  std::string(found.hex()) + ", not " +
                                                  std::string(expected.hex()) + "; send it again.");
}

Result<void> CheckIsZip(File& file) {
  std::string head(kHeadBytes, '\0');
  TRY(size, file.ReadAt(0, head.data(), head.size()));
  head.resize(size);
  if (model::RecogniseArchive(head) == model::ArchiveType::kZip) return {};
  return InvalidArgument("NOT_A_ZIP", "the form's field `file` is no zip file.");
}

// Takes away what the Finder put among the files.
Result<void> RemoveFinderFiles(FileSystem& files, const std::string& folder,
                               const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (name != ".DS_Store" && !name.starts_with("._")) continue;
    TRY_VOID(files.Remove(folder + "/" + path));
  }
  return files.RemoveTree(folder + "/" + std::string(kFinderFolder));
}

Result<void> Unzip(FileSystem& files, const PackingOrder& order, const std::string& folder,
                   const store::DiskReserve& reserve) {
  TRY(file, files.Open(order.zip_path, {}));
  if (order.checksum) TRY_VOID(CheckSum(*file, *order.checksum));
  TRY_VOID(CheckIsZip(*file));
  model::EntryNames names;
  TRY(archive, model::OpenArchive(*file, model::ArchiveType::kZip, names));
  TRY_VOID(files.MakeDirectories(folder));
  // The folder is removed when the program starts.
  model::ExtractOptions options{.is_durable = false};
  options.progress = [&reserve](uint64_t) { return reserve.Check(kPieceBytes); };
  TRY(paths, model::Extract(files, *archive, folder, options));
  if (paths.empty()) return InvalidArgument("PACKAGE_EMPTY", "there is no file in the zip.");
  return RemoveFinderFiles(files, folder, paths);
}

// The folder of the model's files: the only thing at the zip's top, if that is a folder.
Result<std::string> TopOf(FileSystem& files, const std::string& folder) {
  TRY(names, files.List(folder));
  if (names.size() != 1) return folder;
  const std::string only = folder + "/" + names[0];
  TRY(info, files.Info(only));
  return info.is_directory ? only : folder;
}

struct Unpacked {
  std::string model_folder;  // that becomes model/
  Json ormb_file;            // null: there is none
};

// `ormbfile.yaml` beside a folder `model` is what a download of this server has.
Result<Unpacked> LookInto(FileSystem& files, std::string top) {
  Unpacked unpacked{.model_folder = top, .ormb_file = nullptr};
  const std::string ormb_file = top + "/" + std::string(model::kOrmbFile);
  const std::string inner = top + "/" + std::string(model::kOrmbFolder);
  TRY(has_file, files.Exists(ormb_file));
  TRY(has_folder, files.Exists(inner));
  if (!has_file || !has_folder) return unpacked;
  TRY(names, files.List(top));
  TRY(info, files.Info(inner));
  if (!info.is_directory || names.size() != 2) return unpacked;
  TRY(text, ReadWholeFile(files, ormb_file, model::kMaxMetadataBytes));
  TRY(json, model::ParseOrmbFile(text));
  unpacked.ormb_file = std::move(json);
  unpacked.ormb_file.erase("directoryStructure");
  unpacked.model_folder = inner;
  return unpacked;
}

}  // namespace

Result<model::Package> PackUpload(FileSystem& files, const PackingOrder& order,
                                  const store::DiskReserve& reserve) {
  const std::string unzipped = order.work_folder + "/zip";
  TRY_VOID(Unzip(files, order, unzipped, reserve));
  TRY(top, TopOf(files, unzipped));
  TRY(unpacked, LookInto(files, top));
  const std::string package = order.work_folder + "/package";
  TRY_VOID(files.MakeDirectories(package));
  TRY_VOID(files.Rename(unpacked.model_folder, package + "/" + std::string(model::kOrmbFolder)));
  const Json metadata = UploadMetadata(order.model, std::move(unpacked.ormb_file), order.subject);
  // JSON is YAML.
  TRY_VOID(
      WriteFileDurably(files, package + "/" + std::string(model::kOrmbFile), DumpJson(metadata)));
  return model::PackageModel(files, package, {.form = model::PackageForm::kOrmb});
}

}  // namespace slipway::klever
