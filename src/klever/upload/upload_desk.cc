#include "klever/upload/upload_desk.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "klever/limits.h"

namespace slipway::klever {
namespace {

constexpr std::string_view kRecordName = "/record.json";

Error Conflict(std::string message) {
  return Error(Code::kAborted, "UPLOAD_CONFLICT", std::move(message));
}

// One version has one upload: its folder's name.
std::string IdOf(const std::string& repository, const std::string& version) {
  return std::string(Digest::Of(repository + "\n" + version).hex().substr(0, 32));
}

std::string NameOf(const UploadRecord& record) {
  return record.repository + ":" + record.version;
}

Result<UploadRecord> ParseRecord(std::string_view text) {
  TRY(json, ParseJson(text));
  return Decode<UploadRecord>(json, "", UnknownFields::kIgnore);
}

// Nothing if there is none, or a damaged one: it promises nothing any more.
Result<std::optional<UploadRecord>> ReadRecord(FileSystem& files, const std::string& folder) {
  const std::string path = folder + std::string(kRecordName);
  TRY(exists, files.Exists(path));
  if (!exists) return std::optional<UploadRecord>();
  TRY(text, ReadWholeFile(files, path, kMaxRecordBytes));
  auto record = ParseRecord(text);
  if (record) return std::optional(std::move(*record));
  LogWarning("the record of an upload is damaged", {{"path", path}, {"error", record.error()}});
  return std::optional<UploadRecord>();
}

Result<void> CheckSubject(const UploadRecord& record, const std::string& subject) {
  if (subject.empty() || record.subject == subject) return {};
  return Conflict("an upload of this version was begun by " + record.subject +
                  ": wait for its end, or let its owner or an administrator of the project cancel "
                  "it with DELETE.");
}

}  // namespace

UploadDesk::UploadDesk(FileSystem& files, Random& random, std::string folder,
                       store::DiskReserve reserve)
    : files_(files), random_(random), folder_(std::move(folder)), reserve_(std::move(reserve)) {}

std::string UploadDesk::FolderOf(std::string_view id) const {
  return folder_ + "/uploads/" + std::string(id);
}

Result<std::shared_ptr<ChunkedUpload>> UploadDesk::Load(Table& table, const std::string& id) {
  if (const auto found = table.open.find(id); found != table.open.end()) {
    if (auto upload = found->second.lock()) return upload;
    table.open.erase(found);
  }
  const std::string folder = FolderOf(id);
  TRY(record, ReadRecord(files_, folder));
  if (!record) return std::shared_ptr<ChunkedUpload>();
  TRY(data, files_.Open(folder + "/data", {.write = true}));
  auto upload = std::make_shared<ChunkedUpload>(files_, reserve_, folder, std::move(*record),
                                                std::move(data));
  table.open[id] = upload;
  return upload;
}

Result<std::shared_ptr<ChunkedUpload>> UploadDesk::Find(const std::string& repository,
                                                        const std::string& version,
                                                        const std::string& subject) {
  return open_.With([&](Table& table) -> Result<std::shared_ptr<ChunkedUpload>> {
    TRY(upload, Load(table, IdOf(repository, version)));
    if (upload) TRY_VOID(CheckSubject(upload->record(), subject));
    return upload;
  });
}

Result<std::shared_ptr<ChunkedUpload>> UploadDesk::FindOrBegin(UploadRecord wanted) {
  return open_.With([&](Table& table) -> Result<std::shared_ptr<ChunkedUpload>> {
    const std::string id = IdOf(wanted.repository, wanted.version);
    TRY(upload, Load(table, id));
    if (!upload) return Make(table, id, std::move(wanted));
    const UploadRecord record = upload->record();
    TRY_VOID(CheckSubject(record, wanted.subject));
    if (record.total_bytes != wanted.total_bytes) {
      return Conflict("the upload of this version that is under way has " +
                      std::to_string(record.total_bytes) + " bytes, not " +
                      std::to_string(wanted.total_bytes) +
                      ". Cancel it with DELETE to begin anew.");
    }
    return upload;
  });
}

// Folders without a record, which a crash left, and records that cannot be read are nobody's: they
// take room among all until they expire.
Result<void> UploadDesk::ReadOwners(Table& table) {
  if (table.owners) return {};
  TRY(names, files_.List(folder_ + "/uploads"));
  auto& owners = table.owners.emplace();
  for (const std::string& name : names) {
    const auto record = ReadRecord(files_, FolderOf(name));
    if (!record) LogWarning("an upload cannot be read", {{"id", name}, {"error", record.error()}});
    owners[name] = record && *record
                       ? Owner{.subject = (*record)->subject, .version = NameOf(**record)}
                       : Owner();
  }
  return {};
}

Result<void> UploadDesk::CheckRoom(const Table& table, const std::string& subject) {
  size_t count = 0;
  std::string named;
  for (const auto& [id, owner] : *table.owners) {
    if (owner.subject != subject) continue;
    if (++count <= kMaxNamedUploads) named += (named.empty() ? "" : ", ") + owner.version;
  }
  if (count >= kMaxUploadsOfSubject) {
    return ResourceExhausted("UPLOADS_OF_SUBJECT",
                             subject + " has " + std::to_string(count) +
                                 " uploads in parts under way, as many as one may have; finish "
                                 "some, or cancel them with DELETE.")
        .With("uploads", named);
  }
  if (table.owners->size() < kMaxUploads) return {};
  return ResourceExhausted("UPLOADS_FULL", std::to_string(kMaxUploads) +
                                               " uploads in parts are under way, as many as there "
                                               "may be; finish some, or cancel them with DELETE.");
}

Result<std::shared_ptr<ChunkedUpload>> UploadDesk::Make(Table& table, const std::string& id,
                                                        UploadRecord record) {
  TRY_VOID(files_.MakeDirectories(folder_ + "/uploads"));
  TRY_VOID(ReadOwners(table));
  TRY_VOID(CheckRoom(table, record.subject));
  (*table.owners)[id] = {.subject = record.subject, .version = NameOf(record)};
  auto upload = MakeFolder(FolderOf(id), std::move(record));
  if (upload) {
    table.open[id] = *upload;
  } else if (files_.RemoveTree(FolderOf(id))) {
    table.owners->erase(id);
  }
  return upload;
}

Result<std::shared_ptr<ChunkedUpload>> UploadDesk::MakeFolder(const std::string& folder,
                                                              UploadRecord record) {
  TRY_VOID(files_.RemoveTree(folder));
  TRY_VOID(files_.MakeDirectories(folder));
  TRY(data, files_.Open(folder + "/data", {.write = true, .create = true}));
  auto upload =
      std::make_shared<ChunkedUpload>(files_, reserve_, folder, std::move(record), std::move(data));
  TRY_VOID(upload->Store());
  return upload;
}

Result<void> UploadDesk::Remove(ChunkedUpload& upload) {
  // Its name is free at once; to remove what may be large takes time, and others wait for the
  // table.
  TRY(aside, MakeWorkFolder());
  TRY_VOID(open_.With([&](Table& table) -> Result<void> {
    upload.SetGone();
    const UploadRecord record = upload.record();
    const std::string id = IdOf(record.repository, record.version);
    table.open.erase(id);
    Result<void> moved = files_.Rename(upload.folder(), aside + "/gone");
    const bool was_gone = !moved && moved.error().code() == Code::kNotFound;
    if (!moved && !was_gone) return moved;
    if (table.owners) table.owners->erase(id);
    return {};
  }));
  TRY_VOID(files_.SyncDirectory(folder_ + "/uploads"));
  return files_.RemoveTree(aside);
}

Result<std::string> UploadDesk::MakeWorkFolder() {
  std::string folder = folder_ + "/work/" + RandomHexId(random_);
  TRY_VOID(files_.MakeDirectories(folder));
  return folder;
}

Result<void> UploadDesk::RemoveWork() {
  return files_.RemoveTree(folder_ + "/work");
}

Result<bool> UploadDesk::MoveStaleAside(const std::string& name, int64_t before_ms,
                                        const std::string& aside) {
  return open_.With([&](Table& table) -> Result<bool> {
    const auto open = table.open.find(name);
    if (open != table.open.end() && !open->second.expired()) return false;
    const std::string folder = FolderOf(name);
    // The record is written last, at each chunk; what has none was cut short when it began.
    Result<FileInfo> info = files_.Info(folder + std::string(kRecordName));
    if (!info) info = files_.Info(folder);
    if (!info || info->modified_ms >= before_ms) return false;
    TRY_VOID(files_.Rename(folder, aside + "/" + name));
    if (open != table.open.end()) table.open.erase(open);
    if (table.owners) table.owners->erase(name);
    return true;
  });
}

Result<uint64_t> UploadDesk::RemoveStale(int64_t before_ms) {
  TRY(exists, files_.Exists(folder_ + "/uploads"));
  if (!exists) return uint64_t{0};
  TRY(names, files_.List(folder_ + "/uploads"));
  if (names.empty()) return uint64_t{0};
  TRY(aside, MakeWorkFolder());
  uint64_t removed = 0;
  Result<void> failure = {};
  for (const std::string& name : names) {
    const Result<bool> moved = MoveStaleAside(name, before_ms, aside);
    if (!moved) failure = moved.error();
    if (moved && *moved) ++removed;
  }
  // Never a record in the old place whose bytes are gone.
  TRY_VOID(files_.SyncDirectory(folder_ + "/uploads"));
  TRY_VOID(files_.RemoveTree(aside));
  if (!failure) return failure.error();
  return removed;
}

}  // namespace slipway::klever
