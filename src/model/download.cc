#include "model/download.h"

#include <fmt/format.h>

#include "model/stored_layer.h"

namespace slipway::model {
namespace {

Result<uint64_t> Load(File& file, const oci::Descriptor& blob, const std::string& repository,
                      const std::string& shown, oci::Client& client, Transfers& transfers) {
  TRY(info, file.Info());
  uint64_t offset = info.size_bytes;
  if (offset > blob.size_bytes) {
    TRY_VOID(file.Truncate(0));
    offset = 0;
  }
  const uint64_t before_bytes = offset;
  Hasher hasher(blob.digest.algorithm());
  TRY_VOID(HashFile(file, offset, hasher));
  TRY_VOID(client.DownloadBlob(
      repository, blob.digest, blob.size_bytes, offset,
      [&](std::string_view piece) -> Result<void> {
        TRY_VOID(transfers.Check());
        TRY_VOID(file.WriteAt(offset, piece));
        offset += piece.size();
        transfers.Report(shown, offset, blob.size_bytes);
        return {};
      },
      std::move(hasher)));
  TRY_VOID(file.Sync());
  return offset - before_bytes;
}

}  // namespace

Result<uint64_t> Download(File& file, const oci::Descriptor& blob, const std::string& repository,
                          const std::string& shown, oci::Client& client, Transfers& transfers) {
  TRY(before, file.Info());
  auto loaded = Load(file, blob, repository, shown, client, transfers);
  if (!loaded.has_value() && loaded.error().reason() == "DIGEST_MISMATCH") {
    // Wrong bytes are of no use for the next try; what is left of a cut transfer is. They may be
    // the remains of an earlier one: then it is worth one more try from the beginning.
    TRY_VOID(file.Truncate(0));
    if (before.size_bytes > 0) loaded = Load(file, blob, repository, shown, client, transfers);
    if (!loaded.has_value() && loaded.error().reason() == "DIGEST_MISMATCH") {
      TRY_VOID(file.Truncate(0));
    }
  }
  if (loaded.has_value()) return loaded;
  return loaded.error().Prefixed(fmt::format("{}: ", shown));
}

}  // namespace slipway::model
