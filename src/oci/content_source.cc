#include "oci/content_source.h"

#include <algorithm>
#include <cstring>

namespace slipway::oci {
namespace {

class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}

  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    if (offset >= bytes_->size()) return size_t{0};
    const size_t count = std::min<uint64_t>(size, bytes_->size() - offset);
    std::memcpy(out, bytes_->data() + offset, count);
    return count;
  }
  Result<void> WriteAt(uint64_t, std::string_view) override { return ReadOnly(); }
  Result<void> Sync() override { return {}; }
  Result<void> Truncate(uint64_t) override { return ReadOnly(); }
  Result<void> SetMode(int) override { return ReadOnly(); }
  Result<FileInfo> Info() override { return FileInfo{.size_bytes = bytes_->size()}; }

 private:
  static Error ReadOnly() {
    return Error(Code::kFailedPrecondition, "FILE_READ_ONLY", "content in memory is read only");
  }

  std::shared_ptr<const std::string> bytes_;
};

}  // namespace

std::unique_ptr<File> MakeMemoryFile(std::shared_ptr<const std::string> bytes) {
  return std::make_unique<MemoryFile>(std::move(bytes));
}

Result<std::string> ReadFile(File& file, uint64_t limit_bytes) {
  TRY(info, file.Info());
  if (info.size_bytes > limit_bytes) {
    return FailedPrecondition("CONTENT_TOO_LARGE",
                              "the content has " + std::to_string(info.size_bytes) +
                                  " bytes, at most " + std::to_string(limit_bytes) +
                                  " are read here.");
  }
  std::string bytes(info.size_bytes, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    TRY(count, file.ReadAt(done, bytes.data() + done, bytes.size() - done));
    if (count == 0) return DataLoss("CONTENT_TRUNCATED", "the content ends too early.");
    done += count;
  }
  return bytes;
}

Result<std::string> ReadContent(ContentSource& source, const Digest& digest, uint64_t limit_bytes) {
  TRY(file, source.Open(digest));
  return ReadFile(*file, limit_bytes);
}

}  // namespace slipway::oci
