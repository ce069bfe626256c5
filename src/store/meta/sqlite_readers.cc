#include "store/meta/sqlite_readers.h"

#include "store/limits.h"

namespace slipway::store {

Result<std::unique_ptr<SqliteReaders>> SqliteReaders::Make(const SqliteConnectionOptions& options,
                                                           size_t count) {
  std::unique_ptr<SqliteReaders> readers(new SqliteReaders());
  for (size_t i = 0; i < count; ++i) {
    TRY(connection, SqliteConnection::Open(options));
    TRY(reader, SqliteReader::Make(*connection));
    readers->free_.push_back(
        std::make_unique<Slot>(Slot{std::move(connection), std::move(reader)}));
  }
  for (size_t i = 0; i < count; ++i) {
    readers->threads_.emplace_back([self = readers.get()] { self->Run(); });
  }
  return readers;
}

SqliteReaders::~SqliteReaders() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  request_or_stop_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void SqliteReaders::Submit(Request request) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() < kMaxQueuedReads) {
      queue_.push_back(std::move(request));
      request_or_stop_.notify_one();
      return;
    }
  }
  request.done(ResourceExhausted("STORE_BUSY", "more than " + std::to_string(kMaxQueuedReads) +
                                                   " reads wait: try again later"));
}

void SqliteReaders::Run() {
  while (true) {
    Request request;
    {
      std::unique_lock lock(mutex_);
      request_or_stop_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      request = std::move(queue_.front());
      queue_.pop_front();
    }
    request.done(ReadNow(*request.read));
  }
}

Result<void> SqliteReaders::ReadNow(const std::function<Result<void>(const SqliteReader&)>& read) {
  std::unique_ptr<Slot> slot;
  {
    std::unique_lock lock(mutex_);
    slot_free_.wait(lock, [this] { return !free_.empty(); });
    slot = std::move(free_.back());
    free_.pop_back();
  }
  Result<void> done = slot->connection->Execute("BEGIN");
  // The first look takes the snapshot: without it, it would be taken by the first look of `read`.
  if (done) {
    const Result<uint64_t> version = slot->reader->Version();
    done = version ? read(*slot->reader) : Result<void>(version.error());
    const Result<void> ended = slot->connection->Execute("COMMIT");
    if (done && !ended) done = ended;
  }
  {
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(slot));
  }
  slot_free_.notify_one();
  return done;
}

}  // namespace slipway::store
