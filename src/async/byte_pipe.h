// BytePipe: bytes from the thread that fetches them to the one that uses them, in bounded memory.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

// One producer and one consumer, each on a thread of its own. The consumer reads at offsets; as
// long as each is where the last read ended, the bytes flow. When it asks for another one, or
// again after an error, the producer is told to begin there.
//
//   producer: while (auto start = pipe.NextStart()) pipe.Finish(FetchFrom(*start, pipe));
//   consumer: pipe.Read(0, ...), pipe.Read(n, ...), ..., pipe.AwaitEnd(), pipe.Close()
class BytePipe {
 public:
  // Holds at most so many bytes; at least one.
  explicit BytePipe(size_t capacity_bytes);

  // Of the consumer. Waits for bytes at `offset`, at most `size` of them; 0 at the end. What the
  // producer finished with is the answer where there are no more bytes.
  Result<size_t> Read(uint64_t offset, char* out, size_t size);
  // Waits until what has been read from last is finished, and answers what it finished with.
  Result<void> AwaitEnd();
  // Nothing more is needed: NextStart gives nothing from here on.
  void Close();

  // Of the producer. Waits for the offset to begin at; nothing when the consumer closed.
  std::optional<uint64_t> NextStart();
  // Waits for room. CANCELLED / PIPE_MOVED when these bytes are no longer wanted.
  Result<void> Write(std::string_view piece);
  // The end of what NextStart began, or why it ended early.
  void Finish(Result<void> outcome);

 private:
  bool IsStale() const { return closed_ || produced_run_ != run_; }
  size_t held_bytes() const { return buffer_.size() - taken_; }

  const size_t capacity_bytes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string buffer_;
  size_t taken_ = 0;               // of the buffer's bytes, by the consumer
  uint64_t position_ = 0;          // of the next byte to be taken
  std::optional<uint64_t> start_;  // asked for, not begun yet
  std::optional<Result<void>> outcome_;
  uint64_t run_ = 0;  // counts what the consumer asked for
  uint64_t produced_run_ = 0;
  bool closed_ = false;
};

}  // namespace slipway
