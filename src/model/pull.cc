#include "model/pull.h"

#include <fmt/format.h>

#include "model/layer_files.h"

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr std::string_view kPartialSuffix = ".slipway-partial";

// Takes the first `size_bytes` of the file into the hasher.
Result<void> HashFile(File& file, uint64_t size_bytes, Hasher& hasher) {
  std::string piece(kPieceBytes, '\0');
  for (uint64_t offset = 0; offset < size_bytes;) {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(piece.size(), size_bytes - offset));
    TRY(size, file.ReadAt(offset, piece.data(), wanted));
    if (size == 0) break;
    hasher.Update({piece.data(), size});
    offset += size;
  }
  return {};
}

Result<bool> IsThere(FileSystem& files, const std::string& path, const oci::Descriptor& layer) {
  auto info = files.Info(path);
  if (!info.has_value() || info->is_directory || info->size_bytes != layer.size_bytes) return false;
  TRY(file, files.Open(path, {}));
  Hasher hasher(layer.digest.algorithm());
  TRY_VOID(HashFile(*file, layer.size_bytes, hasher));
  return hasher.Finish() == layer.digest;
}

// Those that are not in the folder already with their content.
Result<std::vector<const LayerFile*>> MissingFiles(FileSystem& files,
                                                   const std::vector<LayerFile>& layers,
                                                   const std::string& folder,
                                                   Transfers& transfers) {
  std::vector<char> is_there(layers.size());  // one byte each: threads write side by side
  TRY_VOID(transfers.Run(layers.size(), [&](size_t index, oci::Client&) -> Result<void> {
    TRY(found, IsThere(files, folder + "/" + layers[index].path, layers[index].layer));
    is_there[index] = found ? 1 : 0;
    return {};
  }));
  std::vector<const LayerFile*> missing;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (is_there[i] == 0) missing.push_back(&layers[i]);
  }
  return missing;
}

class FilePull {
 public:
  FilePull(FileSystem& files, const std::string& repository, Transfers& transfers)
      : files_(files), repository_(repository), transfers_(transfers) {}

  Result<void> Pull(const LayerFile& wanted, const std::string& target, oci::Client& client) {
    TRY_VOID(files_.MakeDirectories(target.substr(0, target.rfind('/')), 0755));
    const std::string partial = target + std::string(kPartialSuffix);
    TRY(resumed, files_.Exists(partial));
    auto loaded = Load(wanted, partial, client);
    if (!loaded.has_value() && loaded.error().reason() == "DIGEST_MISMATCH") {
      // Wrong bytes are of no use for the next try; what is left of a cut transfer is. They may be
      // the remains of an earlier one: then it is worth one more try from the beginning.
      TRY_VOID(files_.Remove(partial));
      if (resumed) loaded = Load(wanted, partial, client);
    }
    if (!loaded.has_value()) return loaded.error().Prefixed(fmt::format("{}: ", wanted.path));
    return files_.Rename(partial, target);
  }

 private:
  Result<void> Load(const LayerFile& wanted, const std::string& partial, oci::Client& client) {
    TRY(file, files_.Open(partial, {.write = true, .create = true, .mode = 0644}));
    TRY(info, file->Info());
    uint64_t offset = info.size_bytes;
    if (offset > wanted.layer.size_bytes) {
      TRY_VOID(file->Truncate(0));
      offset = 0;
    }
    Hasher hasher(wanted.layer.digest.algorithm());
    TRY_VOID(HashFile(*file, offset, hasher));
    TRY_VOID(client.DownloadBlob(
        repository_, wanted.layer.digest, wanted.layer.size_bytes, offset,
        [&](std::string_view piece) -> Result<void> {
          TRY_VOID(transfers_.Check());
          TRY_VOID(file->WriteAt(offset, piece));
          offset += piece.size();
          transfers_.Report(wanted.path, offset, wanted.layer.size_bytes);
          return {};
        },
        std::move(hasher)));
    return file->Sync();
  }

  FileSystem& files_;
  const std::string& repository_;
  Transfers& transfers_;
};

}  // namespace

Result<Pulled> Pull(FileSystem& files, const oci::Reference& from, oci::Client& client,
                    const std::string& folder, const TransferOptions& options) {
  TRY(fetched, client.GetManifest(from.repository, from.Selector()));
  TRY(manifest, oci::ParseManifest(fetched.bytes, fetched.media_type));
  TRY(layers, LayerFiles(manifest));
  Pulled pulled{.digest = fetched.digest, .files = {}};
  TRY_VOID(files.MakeDirectories(folder, 0755));
  Transfers transfers(client, options);
  TRY(missing, MissingFiles(files, layers, folder, transfers));
  for (const LayerFile& wanted : layers) pulled.files.push_back(wanted.path);
  for (const LayerFile* wanted : missing) {
    transfers.Report(wanted->path, 0, wanted->layer.size_bytes);
    pulled.bytes_downloaded += wanted->layer.size_bytes;
  }
  FilePull pull(files, from.repository, transfers);
  TRY_VOID(transfers.Run(missing.size(), [&](size_t index, oci::Client& worker) {
    return pull.Pull(*missing[index], folder + "/" + missing[index]->path, worker);
  }));
  TRY_VOID(files.SyncDirectory(folder));
  return pulled;
}

}  // namespace slipway::model
