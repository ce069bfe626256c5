// BatchSource: many V2 requests, one after the other, from files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace slipway::cli {

struct BatchItem {
  uint64_t index = 0;  // from 0
  std::string name;    // "in.jsonl:12", for people
  std::string text;    // the request
};

// Constant memory but for one item. Of a `.jsonl` file each line that is not blank is an item, any
// other file is one; of a folder all files that end in .json or .jsonl, by name, none of them in
// folders below.
class BatchSource {
 public:
  // `path` is absolute. NOT_FOUND / FILE_MISSING; a folder without such files is INVALID_ARGUMENT /
  // BATCH_EMPTY.
  static Result<BatchSource> Open(const std::string& path, uint64_t max_item_bytes);

  uint64_t size_bytes() const { return size_bytes_; }  // of all files

  // Nothing at the end. FAILED_PRECONDITION / FILE_TOO_LARGE for an item above the limit.
  Result<std::optional<BatchItem>> Next();

 private:
  explicit BatchSource(uint64_t max_item_bytes) : max_item_bytes_(max_item_bytes) {}

  Result<std::optional<std::string>> NextLine();
  // Reads on; false at the end of the file.
  Result<bool> Fill();

  uint64_t max_item_bytes_;
  std::vector<std::string> paths_;
  uint64_t size_bytes_ = 0;
  size_t next_path_ = 0;
  uint64_t next_index_ = 0;
  // Of the file of lines that is read.
  std::unique_ptr<File> file_;
  uint64_t at_ = 0;      // in it, behind `buffer_`
  uint64_t number_ = 0;  // of the line that comes next
  std::string buffer_;   // what was read of it and is not given yet
};

}  // namespace slipway::cli
