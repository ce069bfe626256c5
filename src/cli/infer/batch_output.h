// BatchOutput: the answers to a batch, a line each in the order of the requests, in a file that a
// later run goes on with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"
#include "cli/infer/batch_source.h"

namespace slipway::cli {

// A line is {"index", "input", "sha256", "response"}, or "error": {"status", "message"} in place of
// the response. `sha256` are the first 16 digits of that of the request.
class BatchOutput {
 public:
  // Opens the file, or makes it; what a run that was cut left of its last line is taken off.
  // INVALID_ARGUMENT / BATCH_OUTPUT for a file that is no such output.
  static Result<BatchOutput> Open(const std::string& path);

  // Requests that are answered in it.
  uint64_t done() const { return done_; }
  uint64_t failed() const { return failed_; }
  // Whether `item` is the request of the last line: INVALID_ARGUMENT / BATCH_OUTPUT if another was
  // answered there.
  Result<void> CheckLast(const BatchItem& item) const;

  // `body` is JSON, the answer to `item`, which comes next.
  Result<void> Add(const BatchItem& item, std::string body);
  Result<void> AddError(const BatchItem& item, int status, const std::string& message);
  // Durable after it returns.
  Result<void> Sync() { return file_->Sync(); }

 private:
  BatchOutput(std::string path, std::unique_ptr<File> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Result<void> ReadLines();
  Result<void> ReadLine(const std::string& line);
  Result<void> Append(std::string line);
  Error NotOurs(const std::string& why) const;

  std::string path_;
  std::unique_ptr<File> file_;
  uint64_t size_bytes_ = 0;
  uint64_t done_ = 0;
  uint64_t failed_ = 0;
  std::string last_sha256_;
};

}  // namespace slipway::cli
