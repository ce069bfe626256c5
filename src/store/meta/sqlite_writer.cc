#include "store/meta/sqlite_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "store/limits.h"

namespace slipway::store {

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::Make(
    std::unique_ptr<SqliteConnection> connection, ChangeLogLimits limits, Clock& clock,
    int checkpoint_pages, RoomReserve* reserve) {
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(checkpoint_pages, reserve));
  TRY(transaction, SqliteTransaction::Make(*connection, limits, clock));
  writer->connection_ = std::move(connection);
  writer->transaction_ = std::move(transaction);
  writer->thread_ = std::thread([self = writer.get()] { self->Run(); });
  return writer;
}

SqliteWriter::~SqliteWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void SqliteWriter::Submit(Request request) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() < kMaxQueuedMutations) {
      queue_.push_back(std::move(request));
      wake_.notify_one();
      return;
    }
  }
  request.done(ResourceExhausted("STORE_BUSY", "more than " + std::to_string(kMaxQueuedMutations) +
                                                   " changes wait for the disk: try again later"));
}

// Empty when the writer ends.
std::vector<SqliteWriter::Request> SqliteWriter::NextBatch() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  const auto count = static_cast<std::ptrdiff_t>(std::min<size_t>(queue_.size(), kMaxCommitBatch));
  std::vector<Request> batch(std::make_move_iterator(queue_.begin()),
                             std::make_move_iterator(queue_.begin() + count));
  queue_.erase(queue_.begin(), queue_.begin() + count);
  return batch;
}

void SqliteWriter::Run() {
  while (true) {
    std::vector<Request> batch = NextBatch();
    if (batch.empty()) return;
    CommitBatch(std::move(batch));
    Checkpoint();
  }
}

Result<void> SqliteWriter::Apply(const Request& request) {
  if (reserve_ == nullptr || !reserve_->given_up()) {
    return transaction_->Apply(*request.context, *request.mutation);
  }
  return transaction_->Apply(*request.context, [&](Transaction& transaction) -> Result<void> {
    TRY_VOID((*request.mutation)(transaction));
    if (transaction_->LastFreedRoom() || !transaction_->LastWrote()) return {};
    return ResourceExhausted("DISK_FULL",
                             "the disk of the data folder is full, and what is left is kept for "
                             "deletions: free space on the disk of the data folder, then try "
                             "again");
  });
}

bool SqliteWriter::ApplyBatch(std::vector<Outcome>& outcomes, std::vector<Request>& batch,
                              size_t& next) {
  while (next < batch.size()) {
    Request& request = batch[next++];
    Result<void> result;
    bool frees_room = false;
    if (request.context->deadline < std::chrono::steady_clock::now()) {
      result = Error(Code::kDeadlineExceeded, "DEADLINE",
                     "the change waited too long for the disk and was not made");
    } else {
      result = Apply(request);
      frees_room = transaction_->LastFreedRoom();
    }
    const bool undone = !connection_->InTransaction();
    outcomes.push_back({std::move(request), std::move(result), frees_room});
    if (undone) return false;
  }
  return true;
}

void SqliteWriter::CommitBatch(std::vector<Request> batch) {
  if (reserve_ != nullptr && reserve_->given_up()) reserve_->Restore();
  std::vector<Request> again = TryBatch(std::move(batch));
  if (again.empty()) return;
  // Deletions mostly write pages that the database has: a log that begins anew has room for them.
  // A transaction that needs more than all of the log, or a database that must grow for what is in
  // the log, takes the reserve.
  if (RestartLog()) again = TryEach(std::move(again));
  if (!again.empty() && reserve_ != nullptr && reserve_->Release()) {
    again = TryEach(std::move(again));
    if (!again.empty() && RestartLog()) again = TryEach(std::move(again));
  }
  for (Request& left : again) {
    left.done(ResourceExhausted("DISK_FULL",
                                "the disk of the data folder is full, and its reserve cannot be "
                                "given up: free space there, then try again"));
  }
}

// One by one: what is too much for the room there is takes no other along.
std::vector<SqliteWriter::Request> SqliteWriter::TryEach(std::vector<Request> requests) {
  std::vector<Request> left;
  for (Request& request : requests) {
    std::vector<Request> alone;
    alone.push_back(std::move(request));
    for (Request& again : TryBatch(std::move(alone))) left.push_back(std::move(again));
  }
  return left;
}

bool SqliteWriter::RestartLog() {
  return connection_->Checkpoint(CheckpointMode::kRestart).has_value();
}

std::vector<SqliteWriter::Request> SqliteWriter::TryBatch(std::vector<Request> batch) {
  std::vector<Request> without_room;
  // More than one turn only if SQLite undoes a batch: those that came after begin anew.
  for (size_t next = 0; next < batch.size();) {
    std::vector<Outcome> outcomes;
    const uint64_t version_before = transaction_->last_version();
    Result<void> committed = transaction_->Begin();
    if (!committed) {
      for (; next < batch.size(); ++next) outcomes.push_back({std::move(batch[next]), committed});
    } else if (ApplyBatch(outcomes, batch, next)) {
      committed = transaction_->Commit();
    } else {
      committed = outcomes.back().result;
    }
    for (Outcome& outcome : outcomes) {
      if (outcome.result && !committed) outcome.result = committed;
      const bool no_room = !outcome.result && outcome.result.error().reason() == "DISK_FULL";
      if (no_room && outcome.frees_room) {
        without_room.push_back(std::move(outcome.request));
      } else {
        outcome.request.done(std::move(outcome.result));
      }
    }
    const uint64_t version = transaction_->last_version();
    if (committed && version != version_before) subscribers_->Notify(version);
  }
  return without_room;
}

// After the answers, so that nobody waits for it. The log may grow without harm if it fails, and
// the next commit tries again.
void SqliteWriter::Checkpoint() {
  const int pages = connection_->wal_pages();
  if (pages < checkpoint_pages_) return;
  if (reserve_ != nullptr) reserve_->Restore();
  const Result<void> done = connection_->Checkpoint(
      pages >= kTruncatePages ? CheckpointMode::kTruncate : CheckpointMode::kPassive);
  if (!done) LogWarning("failed to move the database's log into it", {{"error", done.error()}});
}

}  // namespace slipway::store
