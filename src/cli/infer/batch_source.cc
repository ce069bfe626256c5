#include "cli/infer/batch_source.h"

#include <utility>

#include <fmt/format.h>

namespace slipway::cli {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

bool IsBlank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos;
}

}  // namespace

Result<BatchSource> BatchSource::Open(const std::string& path, uint64_t max_item_bytes) {
  FileSystem& files = PosixFileSystem();
  TRY(info, files.Info(path));
  TRY_VOID(CheckNotSpecial(path, info));
  BatchSource source(max_item_bytes);
  if (!info.is_directory) {
    source.paths_ = {path};
    source.size_bytes_ = info.size_bytes;
    return source;
  }
  TRY(names, files.List(path));
  for (const std::string& name : names) {
    if (!name.ends_with(".json") && !name.ends_with(".jsonl")) continue;
    std::string file = path + "/" + name;
    TRY(of_file, files.Info(file));
    if (of_file.is_directory) continue;
    source.paths_.push_back(std::move(file));
    source.size_bytes_ += of_file.size_bytes;
  }
  if (!source.paths_.empty()) return source;
  return InvalidArgument("BATCH_EMPTY",
                         fmt::format("{} has no file that ends in .json or .jsonl", path));
}

Result<std::optional<BatchItem>> BatchSource::Next() {
  while (true) {
    if (file_ != nullptr) {
      TRY(line, NextLine());
      if (!line) {
        file_.reset();
        continue;
      }
      if (IsBlank(*line)) continue;
      return BatchItem{.index = next_index_++,
                       .name = fmt::format("{}:{}", NameOf(paths_[next_path_ - 1]), number_),
                       .text = *std::move(line)};
    }
    if (next_path_ == paths_.size()) return std::optional<BatchItem>();
    const std::string& path = paths_[next_path_++];
    if (path.ends_with(".jsonl")) {
      TRY(file, PosixFileSystem().Open(path, {.refuse_special = true}));
      file_ = std::move(file);
      at_ = number_ = 0;
      buffer_.clear();
      continue;
    }
    TRY(text, ReadWholeFile(PosixFileSystem(), path, max_item_bytes_));
    return BatchItem{.index = next_index_++, .name = NameOf(path), .text = std::move(text)};
  }
}

Result<bool> BatchSource::Fill() {
  const size_t old = buffer_.size();
  buffer_.resize(old + kPieceBytes);
  TRY(count, file_->ReadAt(at_, buffer_.data() + old, kPieceBytes));
  buffer_.resize(old + count);
  at_ += count;
  return count > 0;
}

Result<std::optional<std::string>> BatchSource::NextLine() {
  size_t searched = 0;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    const bool is_whole = end != std::string::npos;
    if (!is_whole) searched = buffer_.size();
    if ((is_whole ? end : buffer_.size()) > max_item_bytes_) {
      return FailedPrecondition(
          "FILE_TOO_LARGE",
          fmt::format("{}:{} is longer than {} MiB, the most that one request "
                      "may have",
                      NameOf(paths_[next_path_ - 1]), number_ + 1, max_item_bytes_ >> 20));
    }
    if (is_whole) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      ++number_;
      return std::optional(std::move(line));
    }
    TRY(more, Fill());
    if (more) continue;
    if (buffer_.empty()) return std::optional<std::string>();
    ++number_;
    return std::optional(std::exchange(buffer_, {}));
  }
}

}  // namespace slipway::cli
