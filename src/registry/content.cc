#include "registry/content.h"

#include "registry/damage.h"
#include "registry/lookup.h"

namespace slipway::registry {
namespace {

class RegistryContent final : public oci::ContentSource {
 public:
  RegistryContent(store::MetaStore& meta, store::ObjectStore& objects)
      : meta_(meta), objects_(objects) {}

  Result<std::unique_ptr<File>> Open(const Digest& digest) override {
    std::optional<Digest> object;
    std::optional<std::string> bytes;
    TRY_VOID(meta_.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(resolved, ResolveAlias(snapshot, digest));
      object = std::move(resolved);
      if (!object) return {};
      TRY(damaged, IsDamaged(snapshot, *object));
      if (damaged) {
        return DataLoss("BLOB_DAMAGED",
                        "the content " + digest.text() +
                            " is damaged on the disk: push it again, or restore a backup.");
      }
      TRY(found, ReadInlineObject(snapshot, *object));
      bytes = std::move(found);
      return {};
    }));
    if (!object) return NotFound("BLOB_UNKNOWN", "there is no content " + digest.text() + ".");
    if (!bytes) return objects_.Open(*object);
    return oci::MakeMemoryFile(std::make_shared<const std::string>(std::move(*bytes)));
  }

  // Of a row and a file of the same digest the row counts: the file may be one that was damaged.
  std::optional<std::string> LocalPath(const Digest& digest) override {
    std::optional<Digest> object;
    const auto read = meta_.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(resolved, ResolveAlias(snapshot, digest));
      object = std::move(resolved);
      if (!object) return {};
      TRY(damaged, IsDamaged(snapshot, *object));
      TRY(row, ReadInlineObject(snapshot, *object));
      if (damaged || row) object.reset();
      return {};
    });
    if (!read || !object || !objects_.Info(*object)) return std::nullopt;
    return objects_.LocalPath(*object);
  }

 private:
  store::MetaStore& meta_;
  store::ObjectStore& objects_;
};

}  // namespace

std::unique_ptr<oci::ContentSource> MakeRegistryContent(store::MetaStore& meta,
                                                        store::ObjectStore& objects) {
  return std::make_unique<RegistryContent>(meta, objects);
}

}  // namespace slipway::registry
