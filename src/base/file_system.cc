#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/random.h"

namespace slipway {
namespace {

std::string_view SpecialOf(mode_t mode) {
  if (S_ISREG(mode) || S_ISDIR(mode)) return {};
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

FileInfo ToInfo(const struct stat& status) {
  return {.size_bytes = static_cast<uint64_t>(status.st_size),
          .inode = status.st_ino,
          .links = status.st_nlink,
          .is_directory = S_ISDIR(status.st_mode),
          .special = SpecialOf(status.st_mode),
          .modified_ms = static_cast<int64_t>(status.st_mtim.tv_sec) * 1000 +
                         status.st_mtim.tv_nsec / 1'000'000};
}

std::string Parent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// As open(2), but only below `folder` and through no symbolic link: ELOOP or EXDEV.
int OpenBeneath(std::string folder, const std::string& path, int flags, int mode) {
  if (!folder.ends_with('/')) folder += '/';
  if (!path.starts_with(folder)) {
    errno = EXDEV;
    return -1;
  }
  const int root = open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  open_how how{};
  how.flags = static_cast<uint64_t>(flags);
  how.mode = (flags & O_CREAT) != 0 ? static_cast<uint64_t>(mode) : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  // The C library has no function for it.
  const long opened =
      syscall(SYS_openat2, root, path.c_str() + folder.size(), &how, sizeof(open_how));
  const int failed = errno;
  close(root);
  errno = failed;
  return static_cast<int>(opened);
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got =
          pread(descriptor_, out + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Failed("read");
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<void> WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t put =
          pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return Failed("write");
      offset += static_cast<uint64_t>(put);
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return {};
  }

  Result<void> Sync() override {
    if (fdatasync(descriptor_) != 0) return Failed("sync");
    return {};
  }

  Result<void> Truncate(uint64_t size_bytes) override {
    if (ftruncate(descriptor_, static_cast<off_t>(size_bytes)) != 0) return Failed("truncate");
    return {};
  }

  Result<FileInfo> Info() override {
    struct stat status{};
    if (fstat(descriptor_, &status) != 0) return Failed("stat");
    return ToInfo(status);
  }

  Result<void> SetMode(int mode) override {
    if (fchmod(descriptor_, static_cast<mode_t>(mode)) != 0) return Failed("chmod");
    return {};
  }

  int descriptor() const override { return descriptor_; }

 private:
  Error Failed(std::string_view what) const {
    const int error_number = errno;
    return SystemError(error_number, std::string(what) + " " + path_);
  }

  const int descriptor_;
  const std::string path_;
};

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, const OpenOptions& options) override {
    int flags = O_CLOEXEC | (options.write ? O_RDWR : O_RDONLY);
    if (options.create) flags |= O_CREAT;
    if (options.exclusive) flags |= O_EXCL;
    if (options.truncate) flags |= O_TRUNC;
    // Without O_NONBLOCK a FIFO would keep the caller until somebody writes to it; on regular files
    // it has no effect.
    if (options.refuse_special) flags |= O_NONBLOCK | O_NOCTTY;
    const int descriptor = options.beneath.empty()
                               ? open(path.c_str(), flags, options.mode)
                               : OpenBeneath(options.beneath, path, flags, options.mode);
    if (descriptor < 0 && !options.beneath.empty() && (errno == ELOOP || errno == EXDEV)) {
      return InvalidArgument("LINK_REFUSED",
                             path + " is behind a link, or outside of " + options.beneath);
    }
    if (descriptor < 0 && errno == ENXIO && options.refuse_special) {
      TRY(info, Info(path));
      TRY_VOID(CheckNotSpecial(path, info));
      return SystemError(ENXIO, "open " + path);
    }
    if (descriptor < 0) return Failed("open", path);
    auto file = std::make_unique<PosixFile>(descriptor, path);
    if (options.refuse_special) {
      TRY(info, file->Info());
      TRY_VOID(CheckNotSpecial(path, info));
    }
    return file;
  }

  Result<void> Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return Failed("rename to", to);
    return {};
  }

  Result<void> Link(const std::string& from, const std::string& to) override {
    if (link(from.c_str(), to.c_str()) != 0) return Failed("link to", to);
    return {};
  }

  Result<void> Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return Failed("remove", path);
    return {};
  }

  // libstdc++ walks by descriptor and follows no symbolic link.
  Result<void> RemoveTree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return SystemError(error.value(), "remove " + path);
    return {};
  }

  Result<void> MakeDirectories(const std::string& path, int mode) override {
    if (mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) return SyncDirectory(Parent(path));
    if (errno == ENOENT && Parent(path) != path) {
      TRY_VOID(MakeDirectories(Parent(path), mode));
      if (mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) return SyncDirectory(Parent(path));
    }
    if (errno != EEXIST) return Failed("make folder", path);
    TRY(info, Info(path));
    if (!info.is_directory) return SystemError(ENOTDIR, "make folder " + path);
    return {};
  }

  Result<void> SyncDirectory(const std::string& path) override {
    const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return Failed("open folder", path);
    const int failed = fsync(descriptor) != 0 ? errno : 0;
    close(descriptor);
    if (failed != 0) return SystemError(failed, "sync folder " + path);
    return {};
  }

  Result<std::vector<std::string>> List(const std::string& path) override {
    DIR* folder = opendir(path.c_str());
    if (folder == nullptr) return Failed("list", path);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int failed = errno;
    closedir(folder);
    if (failed != 0) return SystemError(failed, "list " + path);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<FileInfo> Info(const std::string& path) override {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return Failed("stat", path);
    return ToInfo(status);
  }

  Result<bool> Exists(const std::string& path) override {
    struct stat status{};
    if (stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return Failed("stat", path);
  }

  Result<std::string> LinkTarget(const std::string& path) override {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error == std::errc::invalid_argument) return std::string();
    if (error) return SystemError(error.value(), "stat " + path);
    return target.native();
  }

  Result<std::string> Canonical(const std::string& path) override {
    std::error_code error;
    const std::filesystem::path canonical = std::filesystem::canonical(path, error);
    if (error) return SystemError(error.value(), "follow " + path);
    return canonical.native();
  }

 private:
  static Error Failed(std::string_view what, const std::string& path) {
    const int error_number = errno;
    return SystemError(error_number, std::string(what) + " " + path);
  }
};

Result<void> WriteNewFile(FileSystem& files, const std::string& path, std::string_view content,
                          int mode) {
  TRY(file, files.Open(path, {.write = true, .create = true, .exclusive = true, .mode = mode}));
  TRY_VOID(file->WriteAt(0, content));
  return file->Sync();
}

}  // namespace

FileSystem& PosixFileSystem() {
  static RealFileSystem files;
  return files;
}

Result<void> CheckNotSpecial(const std::string& path, const FileInfo& info) {
  if (info.special.empty()) return {};
  return InvalidArgument("FILE_SPECIAL",
                         path + " is " + std::string(info.special) + ", not a regular file");
}

Result<std::string> ReadWholeFile(FileSystem& files, const std::string& path,
                                  uint64_t limit_bytes) {
  TRY(file, files.Open(path, {}));
  TRY(info, file->Info());
  if (info.is_directory) return SystemError(EISDIR, "read " + path);

  // The size is a hint only: files of /proc have none, and others may grow meanwhile.
  std::string content;
  size_t capacity = static_cast<size_t>(std::min(info.size_bytes, limit_bytes)) + 1;
  while (true) {
    const size_t have = content.size();
    content.resize(have + capacity);
    TRY(got, file->ReadAt(have, content.data() + have, capacity));
    content.resize(have + got);
    if (content.size() > limit_bytes) {
      return FailedPrecondition("FILE_TOO_LARGE", path + " is larger than the limit of " +
                                                      std::to_string(limit_bytes) + " bytes");
    }
    if (got < capacity) return content;
    capacity = 4096;
  }
}

Result<void> WriteFileDurably(FileSystem& files, const std::string& path, std::string_view content,
                              int mode) {
  const std::string aside = path + ".new-" + RandomHexId(SystemRandom());
  Result<void> done = WriteNewFile(files, aside, content, mode);
  if (done) done = files.Rename(aside, path);
  if (!done) {
    // The first error is the one to tell; the file aside may not even exist.
    static_cast<void>(files.Remove(aside));
    return done;
  }
  return files.SyncDirectory(Parent(path));
}

}  // namespace slipway
