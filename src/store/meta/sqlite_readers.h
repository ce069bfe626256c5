// SqliteReaders: a few read connections and as many threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/meta/meta_store.h"
#include "store/meta/sqlite_connection.h"
#include "store/meta/sqlite_snapshot.h"

namespace slipway::store {

// Thread-safe.
class SqliteReaders {
 public:
  // A read that waits. What it points to lives until `done` is called, on a reader's thread.
  struct Request {
    const std::function<Result<void>(const SqliteReader&)>* read;
    std::function<void(Result<void>)> done;
  };

  static Result<std::unique_ptr<SqliteReaders>> Make(const SqliteConnectionOptions& options,
                                                     size_t count);
  // Answers what waits, then ends the threads.
  ~SqliteReaders();
  SqliteReaders(const SqliteReaders&) = delete;
  SqliteReaders& operator=(const SqliteReaders&) = delete;

  void Submit(Request request);
  // On the calling thread, when a connection is free.
  Result<void> ReadNow(const std::function<Result<void>(const SqliteReader&)>& read);

 private:
  struct Slot {
    std::unique_ptr<SqliteConnection> connection;
    std::unique_ptr<SqliteReader> reader;
  };

  SqliteReaders() = default;
  void Run();

  std::mutex mutex_;
  std::condition_variable request_or_stop_;
  std::condition_variable slot_free_;
  std::vector<std::unique_ptr<Slot>> free_;  // under mutex_
  std::deque<Request> queue_;                // under mutex_
  bool stopping_ = false;                    // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace slipway::store
