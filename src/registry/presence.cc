#include "registry/presence.h"

#include <optional>
#include <utility>

#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/rows.h"

namespace slipway::registry {
namespace {

// A file that should be there, and the name under which it is asked for.
struct ExpectedFile {
  Digest digest;
  Digest object;
  uint64_t size_bytes = 0;
};

// Nothing if the bytes are a row.
Result<std::optional<ExpectedFile>> FileOf(const store::Snapshot& snapshot, const Digest& digest,
                                           const Digest& object, uint64_t size_bytes) {
  TRY(bytes, ReadInlineObject(snapshot, object));
  if (bytes) return std::optional<ExpectedFile>();
  return std::optional<ExpectedFile>(
      {.digest = digest, .object = object, .size_bytes = size_bytes});
}

// Nothing also for what the repository does not have.
Result<std::optional<ExpectedFile>> FileOfBlob(const store::Snapshot& snapshot,
                                               std::string_view repository, const Digest& digest) {
  TRY(row, FindBlob(snapshot, repository, digest));
  if (!row) return std::optional<ExpectedFile>();
  return FileOf(snapshot, digest, row->object, row->size_bytes);
}

Result<std::optional<ExpectedFile>> FileOfChild(const store::Snapshot& snapshot,
                                                std::string_view repository, const Digest& digest) {
  TRY(row, FindManifest(snapshot, repository, digest));
  if (!row) return FileOfBlob(snapshot, repository, digest);
  return FileOf(snapshot, digest, row->object, row->size_bytes);
}

Result<std::vector<ExpectedFile>> FilesOf(const store::Snapshot& snapshot,
                                          const std::string& repository,
                                          const oci::Manifest& manifest) {
  std::vector<ExpectedFile> files;
  const auto add = [&files](Result<std::optional<ExpectedFile>> file) -> Result<void> {
    if (!file) return file.error();
    if (*file) files.push_back(std::move(**file));
    return {};
  };
  if (manifest.config) TRY_VOID(add(FileOfBlob(snapshot, repository, manifest.config->digest)));
  for (const oci::Descriptor& layer : manifest.layers) {
    TRY_VOID(add(FileOfBlob(snapshot, repository, layer.digest)));
  }
  for (const oci::Descriptor& child : manifest.children) {
    TRY_VOID(add(FileOfChild(snapshot, repository, child.digest)));
  }
  return files;
}

}  // namespace

bool LastSeen::IsRecent(SteadyTime now) const {
  const SteadyTime::rep at = at_;
  return at != 0 && now - SteadyTime(SteadyTime::duration(at)) < kFileSeenFor;
}

Result<bool> HasFile(store::ObjectStore& objects, const Digest& object, uint64_t size_bytes) {
  const auto info = objects.Info(object);
  if (info) return info->size_bytes == size_bytes;
  if (info.error().code() == Code::kNotFound) return false;
  return info.error();
}

Result<std::unique_ptr<File>> OpenWhole(store::ObjectStore& objects, const Digest& object,
                                        uint64_t size_bytes) {
  TRY(file, objects.Open(object));
  TRY(info, file->Info());
  if (info.size_bytes == size_bytes) return file;
  return NotFound("BLOB_UNKNOWN", "the file of the object " + object.text() + " has " +
                                      std::to_string(info.size_bytes) + " bytes instead of " +
                                      std::to_string(size_bytes));
}

Result<std::vector<Digest>> FindLost(store::MetaStore& meta, store::ObjectStore& objects,
                                     const std::string& repository, const oci::Manifest& manifest) {
  std::vector<ExpectedFile> files;
  TRY_VOID(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, FilesOf(snapshot, repository, manifest));
    files = std::move(found);
    return {};
  }));
  std::vector<Digest> lost;
  for (const ExpectedFile& file : files) {
    TRY(there, HasFile(objects, file.object, file.size_bytes));
    if (!there) lost.push_back(file.digest);
  }
  return lost;
}

Result<bool> IsLost(store::MetaStore& meta, store::ObjectStore& objects, const Digest& blob) {
  std::optional<ExpectedFile> file;
  TRY_VOID(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    const std::string prefix = HolderPrefix(blob);
    TRY(holders, snapshot.Scan(prefix, store::PrefixEnd(prefix), 1));
    if (holders.empty()) return {};
    TRY(found, FileOfBlob(snapshot, holders.front().key.substr(prefix.size()), blob));
    file = std::move(found);
    return {};
  }));
  if (!file) return false;
  TRY(there, HasFile(objects, file->object, file->size_bytes));
  return !there;
}

}  // namespace slipway::registry
