#include "store/object/local_spool.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

#include "base/random.h"

namespace slipway::store {
namespace {

constexpr size_t kIdDigits = 32;
constexpr size_t kReadSize = size_t{64} * 1024;
constexpr uint64_t kWritebackBytes = 8 << 20;
// Beside the spool ID, the file ID.synced holds how many of its bytes are durable: 20 decimal
// digits and a line feed. Short enough to be written whole or not at all.
constexpr std::string_view kSyncedSuffix = ".synced";
constexpr size_t kSyncedSize = 21;
// Beside the spools' folder: the id of the kernel's run in which they were last written to.
constexpr std::string_view kBootSuffix = ".boot";
constexpr std::string_view kBootIdPath = "/proc/sys/kernel/random/boot_id";
constexpr size_t kMaxBootIdBytes = 64;

bool IsUploadId(std::string_view text) {
  return text.size() == kIdDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error UploadUnknown() {
  return NotFound("UPLOAD_UNKNOWN", "no such upload: it ended or was given up; begin a new one");
}

std::string FormatSynced(uint64_t size_bytes) {
  char text[kSyncedSize + 1];
  std::snprintf(text, sizeof(text), "%020llu\n", static_cast<unsigned long long>(size_bytes));
  return text;
}

// 0 for anything that FormatSynced did not write: a marker that was being made at a crash.
uint64_t ParseSynced(std::string_view text) {
  if (text.size() != kSyncedSize || text.back() != '\n') return 0;
  uint64_t size_bytes = 0;
  const char* end = text.data() + kSyncedSize - 1;
  const auto [rest, error] = std::from_chars(text.data(), end, size_bytes);
  return error == std::errc() && rest == end ? size_bytes : 0;
}

std::string ParentOf(const std::string& path) {
  return path.substr(0, path.find_last_of('/'));
}

}  // namespace

Error WithoutPath(const Error& error) {
  if (error.reason() == "DISK_FULL") {
    return ResourceExhausted(
               "DISK_FULL", "the disk of the data folder is full: free space there, then try again")
        .CausedBy(error);
  }
  if (error.reason() == "FILE_SIZE_LIMIT") {
    return ResourceExhausted("FILE_SIZE_LIMIT",
                             "the content is larger than the files that the program may write "
                             "(ulimit -f of its start, or the file system's own limit)")
        .CausedBy(error);
  }
  return error;
}

LocalUpload::LocalUpload(FileSystem& files, std::shared_ptr<SpoolTable> table,
                         SharedReserve reserve, std::string id, std::string path,
                         std::unique_ptr<File> file, SpoolProgress progress)
    : files_(files),
      table_(std::move(table)),
      reserve_(std::move(reserve)),
      id_(std::move(id)),
      path_(std::move(path)),
      file_(std::move(file)),
      progress_(std::move(progress)) {}

LocalUpload::~LocalUpload() {
  if (lost_) Discard();
  if (discarded_) return;
  table_->With([this](auto& spools) {
    // Aborted meanwhile if it is not there.
    if (const auto found = spools.find(id_); found != spools.end()) {
      found->second = std::move(progress_);
    }
  });
}

Result<void> LocalUpload::Append(std::string_view bytes) {
  if (lost_) return *lost_;
  TRY_VOID(reserve_->Check(bytes.size()));
  const Result<void> written = file_->WriteAt(progress_.size_bytes, bytes);
  if (!written) return WithoutPath(written.error());
  if (progress_.hashed_bytes == progress_.size_bytes) {
    progress_.hasher.Update(bytes);
    progress_.hashed_bytes += bytes.size();
  }
  progress_.size_bytes += bytes.size();
  StartWriteback();
  return {};
}

void LocalUpload::StartWriteback() {
  const uint64_t waiting_bytes = progress_.size_bytes - writeback_bytes_;
  if (waiting_bytes < kWritebackBytes || file_->descriptor() < 0) return;
  // A hint: what cannot be written is an error of the sync.
  static_cast<void>(sync_file_range(file_->descriptor(), static_cast<off64_t>(writeback_bytes_),
                                    static_cast<off64_t>(waiting_bytes), SYNC_FILE_RANGE_WRITE));
  writeback_bytes_ = progress_.size_bytes;
}

Result<void> LocalUpload::Sync() {
  if (lost_) return *lost_;
  const auto sync = [this]() -> Result<void> {
    TRY_VOID(file_->Sync());
    TRY(marker, files_.Open(path_ + std::string(kSyncedSuffix), {.write = true, .create = true}));
    TRY_VOID(marker->WriteAt(0, FormatSynced(progress_.size_bytes)));
    TRY_VOID(marker->Sync());
    if (!name_synced_) TRY_VOID(files_.SyncDirectory(ParentOf(path_)));
    return {};
  };
  const Result<void> synced = sync();
  // The kernel may have dropped what it could not write, and says so once only.
  if (!synced) {
    lost_ = WithoutPath(synced.error());
    return *lost_;
  }
  name_synced_ = true;
  return {};
}

Result<void> LocalUpload::HashFrom(uint64_t offset, Hasher& hasher) {
  std::vector<char> buffer(kReadSize);
  while (offset < progress_.size_bytes) {
    const size_t want = std::min<uint64_t>(buffer.size(), progress_.size_bytes - offset);
    TRY(got, file_->ReadAt(offset, buffer.data(), want));
    if (got != want) return DataLoss("UPLOAD_TRUNCATED", "the upload's file lost its end");
    hasher.Update({buffer.data(), got});
    offset += got;
  }
  return {};
}

Result<Digest> LocalUpload::FinishSha256() {
  if (lost_) return *lost_;
  TRY_VOID(HashFrom(progress_.hashed_bytes, progress_.hasher));
  return progress_.hasher.Finish();
}

Result<Digest> LocalUpload::ReadDigest(DigestAlgorithm algorithm) {
  Hasher hasher(algorithm);
  TRY_VOID(HashFrom(0, hasher));
  return hasher.Finish();
}

Result<void> LocalUpload::Seal() {
  TRY(info, file_->Info());
  if (info.size_bytes != progress_.size_bytes) TRY_VOID(file_->Truncate(progress_.size_bytes));
  TRY_VOID(file_->SetMode(0444));
  return file_->Sync();
}

void LocalUpload::Discard() {
  if (discarded_) return;
  discarded_ = true;
  // Either may be missing; what cannot be removed now is stale later.
  static_cast<void>(files_.Remove(path_));
  static_cast<void>(files_.Remove(path_ + std::string(kSyncedSuffix)));
  table_->With([this](auto& spools) { spools.erase(id_); });
}

LocalSpools::LocalSpools(FileSystem& files, std::string folder, DiskReserve reserve)
    : files_(files),
      folder_(std::move(folder)),
      table_(std::make_shared<SpoolTable>()),
      reserve_(std::make_shared<const DiskReserve>(std::move(reserve))) {}

std::string LocalSpools::PathOf(std::string_view id) const {
  return folder_ + "/" + std::string(id);
}

Result<std::unique_ptr<LocalUpload>> LocalSpools::Begin() {
  std::string id = RandomHexId(SystemRandom());
  std::string path = PathOf(id);
  table_->With([&id](auto& spools) { spools.emplace(id, std::nullopt); });
  auto file = files_.Open(path, {.write = true, .create = true, .exclusive = true});
  if (!file) {
    table_->With([&id](auto& spools) { spools.erase(id); });
    return WithoutPath(file.error());
  }
  return std::make_unique<LocalUpload>(files_, table_, reserve_, std::move(id), std::move(path),
                                       std::move(file).value(), SpoolProgress{});
}

Result<void> LocalSpools::CutToSynced(const std::string& id) {
  uint64_t synced_bytes = 0;
  if (auto marker = ReadWholeFile(files_, PathOf(id) + std::string(kSyncedSuffix), kSyncedSize)) {
    synced_bytes = ParseSynced(*marker);
  }
  TRY(found, files_.Info(PathOf(id)));
  // A second name is that of an object.
  if (found.links > 1 || found.size_bytes <= synced_bytes) return {};
  TRY(file, files_.Open(PathOf(id), {.write = true}));
  return file->Truncate(synced_bytes);
}

Result<void> LocalSpools::Recover() {
  const auto boot = ReadWholeFile(files_, std::string(kBootIdPath), kMaxBootIdBytes);
  const std::string path = folder_ + std::string(kBootSuffix);
  const auto before = ReadWholeFile(files_, path, kMaxBootIdBytes);
  if (boot && before && !boot->empty() && *boot == *before) return {};
  TRY(names, files_.List(folder_));
  for (const std::string& name : names) {
    if (IsUploadId(name)) TRY_VOID(CutToSynced(name));
  }
  if (!boot) return {};  // nothing to compare with: cut each time
  return WriteFileDurably(files_, path, *boot, 0600);
}

Result<SpoolProgress> LocalSpools::ProgressOf(const std::string& id, File& file) {
  TRY(info, file.Info());
  // A second name: it was published, and the crash kept the spool's name as well.
  if (info.links > 1) {
    TRY_VOID(files_.Remove(PathOf(id)));
    return UploadUnknown();
  }
  SpoolProgress progress;
  progress.size_bytes = info.size_bytes;
  return progress;
}

Result<std::unique_ptr<LocalUpload>> LocalSpools::Resume(const std::string& id) {
  if (!IsUploadId(id)) return UploadUnknown();
  bool busy = false;
  std::optional<SpoolProgress> known;
  table_->With([&](auto& spools) {
    const auto [entry, is_new] = spools.try_emplace(id, std::nullopt);
    if (is_new) return;
    busy = !entry->second.has_value();
    known = std::exchange(entry->second, std::nullopt);
  });
  if (busy) {
    return Error(Code::kAborted, "UPLOAD_BUSY",
                 "another request writes to this upload: wait for it to end, then try again");
  }

  const auto open = [&]() -> Result<std::unique_ptr<LocalUpload>> {
    auto file = files_.Open(PathOf(id), {.write = true});
    if (!file && file.error().code() == Code::kNotFound) return UploadUnknown();
    if (!file) return file.error();
    if (!known) {
      TRY(progress, ProgressOf(id, **file));
      known = std::move(progress);
    }
    return std::make_unique<LocalUpload>(files_, table_, reserve_, id, PathOf(id),
                                         std::move(file).value(), std::move(*known));
  };
  auto upload = open();
  if (!upload) table_->With([&id](auto& spools) { spools.erase(id); });
  return upload;
}

Result<void> LocalSpools::Abort(const std::string& id) {
  if (!IsUploadId(id)) return UploadUnknown();
  const Result<void> removed = files_.Remove(PathOf(id));
  if (!removed && removed.error().code() == Code::kNotFound) return UploadUnknown();
  if (!removed) return removed.error();
  table_->With([&id](auto& spools) { spools.erase(id); });
  static_cast<void>(files_.Remove(PathOf(id) + std::string(kSyncedSuffix)));
  return {};
}

bool LocalSpools::RemoveIfStale(const std::string& id, uint64_t before_ms) {
  const auto info = files_.Info(PathOf(id));
  if (!info || info->modified_ms >= static_cast<int64_t>(before_ms)) return false;
  // Taken out of the table under its lock, so that nobody resumes it between look and removal.
  return table_->With([&](auto& spools) {
    const auto found = spools.find(id);
    if (found != spools.end() && !found->second.has_value()) return false;
    if (found != spools.end()) spools.erase(found);
    static_cast<void>(files_.Remove(PathOf(id) + std::string(kSyncedSuffix)));
    return files_.Remove(PathOf(id)).has_value();
  });
}

Result<uint64_t> LocalSpools::RemoveStale(uint64_t before_ms) {
  TRY(names, files_.List(folder_));
  uint64_t removed = 0;
  for (const std::string& name : names) {
    if (IsUploadId(name)) {
      if (RemoveIfStale(name, before_ms)) ++removed;
      continue;
    }
    // A marker whose spool is gone. Other names are not ours to touch.
    if (!name.ends_with(kSyncedSuffix)) continue;
    const std::string id = name.substr(0, name.size() - kSyncedSuffix.size());
    if (!IsUploadId(id)) continue;
    TRY(exists, files_.Exists(PathOf(id)));
    if (!exists) static_cast<void>(files_.Remove(PathOf(name)));
  }
  return removed;
}

}  // namespace slipway::store
