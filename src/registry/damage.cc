#include "registry/damage.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "registry/limits.h"

namespace slipway::registry {
namespace {

constexpr std::string_view kWayOut =
    " is damaged on the disk, and therefore not served: push the same content again, or restore "
    "the data folder from a backup.";

}  // namespace

std::string DamagedKey(const Digest& object) {
  return std::string(kDamagedPrefix).append(object.text());
}

Result<bool> IsDamaged(const store::Snapshot& snapshot, const Digest& object) {
  TRY(row, snapshot.Get(DamagedKey(object)));
  return row.has_value();
}

Result<void> MarkDamaged(store::Transaction& transaction, const Digest& object,
                         std::string_view what, WallTime now) {
  const Json row = {{"foundAt", FormatRfc3339(now)}, {"what", what}};
  return transaction.Put(DamagedKey(object), DumpJson(row));
}

Error DamagedBlob(std::string_view repository, const Digest& digest) {
  return NotFound("BLOB_UNKNOWN", "the blob " + digest.text() + " of " + std::string(repository) +
                                      std::string(kWayOut));
}

Error DamagedManifest(std::string_view repository, const Digest& digest) {
  return NotFound("MANIFEST_UNKNOWN", "the manifest " + digest.text() + " of " +
                                          std::string(repository) + std::string(kWayOut));
}

namespace {

Error Noted(std::string_view repository, const Digest& digest, Error error) {
  LogWarning("content of the registry is missing on the disk, or has another size",
             {{"repository", repository}, {"digest", digest.text()}});
  return error;
}

}  // namespace

Error LostBlob(std::string_view repository, const Digest& digest) {
  return Noted(repository, digest, DamagedBlob(repository, digest));
}

Error LostManifest(std::string_view repository, const Digest& digest) {
  return Noted(repository, digest, DamagedManifest(repository, digest));
}

Result<void> DamageCount::Refresh(store::MetaStore& meta) {
  return meta.ReadNow([this](const store::Snapshot& snapshot) -> Result<void> {
    TRY(rows,
        snapshot.ScanSizes(kDamagedPrefix, store::PrefixEnd(kDamagedPrefix), kMaxCountedDamage));
    count_ = rows.size();
    return {};
  });
}

}  // namespace slipway::registry
