#include "store/testing/file_system_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"

namespace slipway::store {
namespace {

// What all connections to one file share: its locks, and the index of its log.
struct SharedFile {
  // The rollback locks of https://www.sqlite.org/lockingv3.html; `writer` has RESERVED or more.
  int readers = 0;
  const void* writer = nullptr;
  bool pending = false;  // the writer waits for readers to end, or has the file alone

  std::array<int, SQLITE_SHM_NLOCK> shared_locks{};
  std::array<const void*, SQLITE_SHM_NLOCK> exclusive_locks{};
  std::vector<std::unique_ptr<char[]>> regions;
  int mapped = 0;
};

}  // namespace

struct FileSystemVfs::State {
  FileSystem& files;
  std::string name;
  sqlite3_vfs vfs{};
  std::mutex mutex;
  std::map<std::string, SharedFile> shared;  // under mutex

  explicit State(FileSystem& where) : files(where) {}
};

namespace {

using State = FileSystemVfs::State;

// What SQLite allocates for us; made in place by Open.
struct OpenFile {
  sqlite3_file base;
  State* state;
  std::unique_ptr<File> file;
  std::string path;
  bool delete_on_close;
  bool sync_folder;  // with the next sync: the name is new
  int lock;
  bool is_mapped;
};

OpenFile& FileOf(sqlite3_file* file) {
  return *reinterpret_cast<OpenFile*>(file);
}
State& StateOf(sqlite3_vfs* vfs) {
  return *static_cast<State*>(vfs->pAppData);
}
std::string FolderOf(const std::string& path) {
  return path.substr(0, path.find_last_of('/'));
}

int CodeOf(const Error& error, int code) {
  return error.reason() == "DISK_FULL" ? SQLITE_FULL : code;
}

int Close(sqlite3_file* base) {
  OpenFile& file = FileOf(base);
  if (file.delete_on_close) static_cast<void>(file.state->files.Remove(file.path));
  file.~OpenFile();
  return SQLITE_OK;
}

int Read(sqlite3_file* base, void* out, int size, sqlite3_int64 offset) {
  const auto got = FileOf(base).file->ReadAt(static_cast<uint64_t>(offset), static_cast<char*>(out),
                                             static_cast<size_t>(size));
  if (!got) return SQLITE_IOERR_READ;
  if (*got == static_cast<size_t>(size)) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + *got, 0, static_cast<size_t>(size) - *got);
  return SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* base, const void* bytes, int size, sqlite3_int64 offset) {
  const auto done = FileOf(base).file->WriteAt(
      static_cast<uint64_t>(offset), {static_cast<const char*>(bytes), static_cast<size_t>(size)});
  return done ? SQLITE_OK : CodeOf(done.error(), SQLITE_IOERR_WRITE);
}

int Truncate(sqlite3_file* base, sqlite3_int64 size) {
  return FileOf(base).file->Truncate(static_cast<uint64_t>(size)) ? SQLITE_OK
                                                                  : SQLITE_IOERR_TRUNCATE;
}

int Sync(sqlite3_file* base, int) {
  OpenFile& file = FileOf(base);
  const auto done = file.file->Sync();
  if (!done) return CodeOf(done.error(), SQLITE_IOERR_FSYNC);
  if (!file.sync_folder) return SQLITE_OK;
  if (!file.state->files.SyncDirectory(FolderOf(file.path))) return SQLITE_IOERR_DIR_FSYNC;
  file.sync_folder = false;
  return SQLITE_OK;
}

int FileSize(sqlite3_file* base, sqlite3_int64* size) {
  const auto info = FileOf(base).file->Info();
  if (!info) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(info->size_bytes);
  return SQLITE_OK;
}

int Lock(sqlite3_file* base, int wanted) {
  OpenFile& file = FileOf(base);
  if (file.lock >= wanted) return SQLITE_OK;
  const std::lock_guard lock(file.state->mutex);
  SharedFile& shared = file.state->shared[file.path];
  if (wanted == SQLITE_LOCK_SHARED) {
    if (shared.pending) return SQLITE_BUSY;
    ++shared.readers;
    file.lock = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
  }
  if (shared.writer != nullptr && shared.writer != &file) return SQLITE_BUSY;
  shared.writer = &file;
  file.lock = SQLITE_LOCK_RESERVED;
  if (wanted == SQLITE_LOCK_RESERVED) return SQLITE_OK;
  shared.pending = true;
  file.lock = SQLITE_LOCK_PENDING;
  // The writer is one of the readers.
  if (shared.readers > 1) return SQLITE_BUSY;
  file.lock = SQLITE_LOCK_EXCLUSIVE;
  return SQLITE_OK;
}

int Unlock(sqlite3_file* base, int wanted) {
  OpenFile& file = FileOf(base);
  if (file.lock <= wanted) return SQLITE_OK;
  const std::lock_guard lock(file.state->mutex);
  SharedFile& shared = file.state->shared[file.path];
  if (shared.writer == &file) {
    shared.writer = nullptr;
    shared.pending = false;
  }
  if (wanted == SQLITE_LOCK_NONE) --shared.readers;
  file.lock = wanted;
  return SQLITE_OK;
}

int CheckReservedLock(sqlite3_file* base, int* is_reserved) {
  OpenFile& file = FileOf(base);
  const std::lock_guard lock(file.state->mutex);
  *is_reserved = file.state->shared[file.path].writer != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int FileControl(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int SectorSize(sqlite3_file*) {
  return 4096;
}
int DeviceCharacteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int ShmMap(sqlite3_file* base, int index, int size, int extend, void volatile** out) {
  OpenFile& file = FileOf(base);
  const std::lock_guard lock(file.state->mutex);
  SharedFile& shared = file.state->shared[file.path];
  if (!file.is_mapped) {
    file.is_mapped = true;
    ++shared.mapped;
  }
  const auto wanted = static_cast<size_t>(index);
  while (extend != 0 && shared.regions.size() <= wanted) {
    shared.regions.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
  }
  *out = wanted < shared.regions.size() ? shared.regions[wanted].get() : nullptr;
  return SQLITE_OK;
}

int ShmLock(sqlite3_file* base, int offset, int count, int flags) {
  OpenFile& file = FileOf(base);
  const std::lock_guard lock(file.state->mutex);
  SharedFile& shared = file.state->shared[file.path];
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  const auto begin = static_cast<size_t>(offset);
  const auto end = begin + static_cast<size_t>(count);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (size_t i = begin; i < end; ++i) {
      if (exclusive) {
        if (shared.exclusive_locks[i] == &file) shared.exclusive_locks[i] = nullptr;
      } else {
        --shared.shared_locks[i];
      }
    }
    return SQLITE_OK;
  }
  for (size_t i = begin; i < end; ++i) {
    if (shared.exclusive_locks[i] != nullptr && shared.exclusive_locks[i] != &file) {
      return SQLITE_BUSY;
    }
    if (exclusive && shared.shared_locks[i] > 0) return SQLITE_BUSY;
  }
  for (size_t i = begin; i < end; ++i) {
    if (exclusive) {
      shared.exclusive_locks[i] = &file;
    } else {
      ++shared.shared_locks[i];
    }
  }
  return SQLITE_OK;
}

void ShmBarrier(sqlite3_file*) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

int ShmUnmap(sqlite3_file* base, int) {
  OpenFile& file = FileOf(base);
  const std::lock_guard lock(file.state->mutex);
  if (!std::exchange(file.is_mapped, false)) return SQLITE_OK;
  SharedFile& shared = file.state->shared[file.path];
  // The first connection after the last one builds the index anew from the log.
  if (--shared.mapped == 0) shared.regions.clear();
  return SQLITE_OK;
}

constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = Close,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = FileSize,
    .xLock = Lock,
    .xUnlock = Unlock,
    .xCheckReservedLock = CheckReservedLock,
    .xFileControl = FileControl,
    .xSectorSize = SectorSize,
    .xDeviceCharacteristics = DeviceCharacteristics,
    .xShmMap = ShmMap,
    .xShmLock = ShmLock,
    .xShmBarrier = ShmBarrier,
    .xShmUnmap = ShmUnmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int Open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* base, int flags, int* out_flags) {
  State& state = StateOf(vfs);
  base->pMethods = nullptr;
  const std::string path = name != nullptr ? name : "/temporary-" + RandomHexId(SystemRandom());
  const auto existed = state.files.Exists(path);
  auto file = state.files.Open(path, {.write = (flags & SQLITE_OPEN_READWRITE) != 0,
                                      .create = (flags & SQLITE_OPEN_CREATE) != 0,
                                      .exclusive = (flags & SQLITE_OPEN_EXCLUSIVE) != 0});
  if (!existed || !file) return SQLITE_CANTOPEN;
  const bool is_journal =
      (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
  new (base) OpenFile{.base = {.pMethods = &kMethods},
                      .state = &state,
                      .file = std::move(*file),
                      .path = path,
                      .delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0,
                      .sync_folder = is_journal && !*existed,
                      .lock = SQLITE_LOCK_NONE,
                      .is_mapped = false};
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  FileSystem& files = StateOf(vfs).files;
  const auto removed = files.Remove(path);
  if (!removed) {
    return removed.error().code() == Code::kNotFound ? SQLITE_IOERR_DELETE_NOENT
                                                     : SQLITE_IOERR_DELETE;
  }
  if (sync_folder == 0) return SQLITE_OK;
  return files.SyncDirectory(FolderOf(path)) ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

int Access(sqlite3_vfs* vfs, const char* path, int, int* out) {
  const auto info = StateOf(vfs).files.Info(path);
  // As on Unix: an empty journal is no journal.
  *out = info && info->size_bytes > 0 ? 1 : 0;
  if (!info && info.error().code() != Code::kNotFound) return SQLITE_IOERR_ACCESS;
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs*, const char* path, int size, char* out) {
  const size_t length = std::strlen(path);
  if (length >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, path, length + 1);
  return SQLITE_OK;
}

int Randomness(sqlite3_vfs*, int size, char* out) {
  SystemRandom().Fill(std::as_writable_bytes(std::span(out, static_cast<size_t>(size))));
  return size;
}

// Nobody waits for another process here, and no test for a lock.
int Sleep(sqlite3_vfs*, int microseconds) {
  return microseconds;
}

int CurrentTime(sqlite3_vfs*, sqlite3_int64* out) {
  // Milliseconds since noon of 24 November 4714 BC.
  *out = 210866760000000 + SystemClock().Wall().time_since_epoch().count();
  return SQLITE_OK;
}

int LastError(sqlite3_vfs*, int, char*) {
  return 0;
}

}  // namespace

FileSystemVfs::FileSystemVfs(FileSystem& files) : state_(std::make_unique<State>(files)) {
  state_->name = "file-system-" + RandomHexId(SystemRandom());
  state_->vfs = {.iVersion = 2,
                 .szOsFile = sizeof(OpenFile),
                 .mxPathname = 1024,
                 .pNext = nullptr,
                 .zName = state_->name.c_str(),
                 .pAppData = state_.get(),
                 .xOpen = Open,
                 .xDelete = Delete,
                 .xAccess = Access,
                 .xFullPathname = FullPathname,
                 .xDlOpen = nullptr,
                 .xDlError = nullptr,
                 .xDlSym = nullptr,
                 .xDlClose = nullptr,
                 .xRandomness = Randomness,
                 .xSleep = Sleep,
                 .xCurrentTime = nullptr,
                 .xGetLastError = LastError,
                 .xCurrentTimeInt64 = CurrentTime};
  CHECK(sqlite3_vfs_register(&state_->vfs, 0) == SQLITE_OK);
}

FileSystemVfs::~FileSystemVfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

const std::string& FileSystemVfs::name() const {
  return state_->name;
}

}  // namespace slipway::store
