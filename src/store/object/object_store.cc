#include "store/object/object_store.h"

namespace slipway::store {

namespace {

constexpr size_t kListPage = 500;

}  // namespace

Result<void> DiskReserve::Check(uint64_t more_bytes) const {
  if (!free_bytes) return {};
  TRY(room, free_bytes());
  if (room >= more_bytes && room - more_bytes >= bytes) return {};
  return ResourceExhausted("DISK_FULL",
                           "the disk of the data folder is full but for the " +
                               std::to_string(bytes) +
                               " bytes that are kept for the database: free space there, then try "
                               "again")
      .With("free_bytes", std::to_string(room));
}

Result<Digest> PutObject(ObjectStore& store, std::string_view content,
                         const BeforePublish& before_publish) {
  TRY(upload, store.Begin());
  TRY_VOID(upload->Append(content));
  return store.Commit(std::move(upload), std::nullopt, before_publish);
}

Result<void> ForEachObject(
    ObjectStore& store,
    const std::function<Result<void>(const Digest&, const ObjectInfo&)>& visit) {
  std::optional<Digest> after;
  while (true) {
    TRY(page, store.List(after, kListPage));
    for (const ListedObject& object : page) TRY_VOID(visit(object.digest, object.info));
    if (page.size() < kListPage) return {};
    after = page.back().digest;
  }
}

Result<std::string> GetObject(ObjectStore& store, const Digest& digest, uint64_t limit_bytes) {
  TRY(file, store.Open(digest));
  TRY(info, file->Info());
  if (info.size_bytes > limit_bytes) {
    return FailedPrecondition("OBJECT_TOO_LARGE",
                              digest.text() + " has " + std::to_string(info.size_bytes) +
                                  " bytes, the limit here is " + std::to_string(limit_bytes));
  }
  std::string content(info.size_bytes, '\0');
  TRY(got, file->ReadAt(0, content.data(), content.size()));
  if (got != content.size()) {
    return DataLoss("OBJECT_TRUNCATED", digest.text() + " ends after " + std::to_string(got) +
                                            " of " + std::to_string(content.size()) + " bytes");
  }
  return content;
}

}  // namespace slipway::store
