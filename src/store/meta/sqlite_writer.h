// SqliteWriter: the one thread that changes the database, and its group commit.
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
#include "store/meta/subscribers.h"
#include "store/room_reserve.h"

namespace slipway::store {

// Thread-safe.
class SqliteWriter {
 public:
  // A mutation that waits. What it points to lives until `done` is called, on the writer's thread.
  struct Request {
    const CallContext* context;
    const std::function<Result<void>(Transaction&)>* mutation;
    std::function<void(Result<void>)> done;
  };

  // Starts the thread. The connection has the current format.
  static Result<std::unique_ptr<SqliteWriter>> Make(std::unique_ptr<SqliteConnection> connection,
                                                    ChangeLogLimits limits, Clock& clock,
                                                    int checkpoint_pages,
                                                    RoomReserve* reserve = nullptr);
  // Commits what waits, then ends the thread.
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  void Submit(Request request);
  std::shared_ptr<void> Subscribe(std::function<void(uint64_t version)> on_commit) {
    return subscribers_->Add(std::move(on_commit));
  }
  const KeyStamps& stamps() const { return transaction_->stamps(); }
  bool IsWriterThread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  struct Outcome {
    Request request;
    Result<void> result;
    bool frees_room = false;
  };

  SqliteWriter(int checkpoint_pages, RoomReserve* reserve)
      : checkpoint_pages_(checkpoint_pages), reserve_(reserve) {}
  void Run();
  std::vector<Request> NextBatch();
  void CommitBatch(std::vector<Request> batch);
  // Commits and answers them; deletions that found no room come back.
  std::vector<Request> TryBatch(std::vector<Request> batch);
  std::vector<Request> TryEach(std::vector<Request> requests);
  // Moves the log into the database, so that it begins anew; false if there is no room for that.
  bool RestartLog();
  // The mutation's result, or that it is refused for the sake of those that free room.
  Result<void> Apply(const Request& request);
  // Applies requests from `next` on until the batch ends or SQLite undoes it; true if it is whole.
  bool ApplyBatch(std::vector<Outcome>& outcomes, std::vector<Request>& batch, size_t& next);
  void Checkpoint();

  const int checkpoint_pages_;
  RoomReserve* const reserve_;  // may be null
  std::unique_ptr<SqliteConnection> connection_;
  std::unique_ptr<SqliteTransaction> transaction_;
  const std::shared_ptr<CommitSubscribers> subscribers_ = std::make_shared<CommitSubscribers>();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request> queue_;  // under mutex_
  bool stopping_ = false;      // under mutex_
  std::thread thread_;
};

}  // namespace slipway::store
