#include "base/testing/lying_file_system.h"

namespace slipway {
namespace {

class LyingFile final : public File {
 public:
  explicit LyingFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    return file_->ReadAt(offset, out, size);
  }
  Result<void> WriteAt(uint64_t offset, std::string_view bytes) override {
    return file_->WriteAt(offset, bytes);
  }
  Result<void> Sync() override { return {}; }
  Result<void> Truncate(uint64_t size_bytes) override { return file_->Truncate(size_bytes); }
  Result<FileInfo> Info() override { return file_->Info(); }
  Result<void> SetMode(int mode) override { return file_->SetMode(mode); }

 private:
  const std::unique_ptr<File> file_;
};

class LyingFileSystem final : public FileSystem {
 public:
  LyingFileSystem(FileSystem& files, Lies lies) : files_(files), lies_(lies) {}

  Result<std::unique_ptr<File>> Open(const std::string& path, const OpenOptions& options) override {
    TRY(file, files_.Open(path, options));
    if (!lies_.file_sync) return file;
    return std::make_unique<LyingFile>(std::move(file));
  }
  Result<void> Rename(const std::string& from, const std::string& to) override {
    return files_.Rename(from, to);
  }
  Result<void> Link(const std::string& from, const std::string& to) override {
    return files_.Link(from, to);
  }
  Result<void> Remove(const std::string& path) override { return files_.Remove(path); }
  Result<void> RemoveTree(const std::string& path) override { return files_.RemoveTree(path); }
  Result<void> MakeDirectories(const std::string& path, int mode) override {
    return files_.MakeDirectories(path, mode);
  }
  Result<void> SyncDirectory(const std::string& path) override {
    return lies_.directory_sync ? Result<void>() : files_.SyncDirectory(path);
  }
  Result<std::vector<std::string>> List(const std::string& path) override {
    return files_.List(path);
  }
  Result<FileInfo> Info(const std::string& path) override { return files_.Info(path); }
  Result<bool> Exists(const std::string& path) override { return files_.Exists(path); }
  Result<std::string> LinkTarget(const std::string& path) override {
    return files_.LinkTarget(path);
  }
  Result<std::string> Canonical(const std::string& path) override { return files_.Canonical(path); }

 private:
  FileSystem& files_;
  const Lies lies_;
};

}  // namespace

std::unique_ptr<FileSystem> MakeLyingFileSystem(FileSystem& files, Lies lies) {
  return std::make_unique<LyingFileSystem>(files, lies);
}

}  // namespace slipway
