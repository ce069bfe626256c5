#include "store/meta/sqlite_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "store/limits.h"

namespace slipway::store {

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::Make(
    std::unique_ptr<SqliteConnection> connection, ChangeLogLimits limits, Clock& clock,
    int checkpoint_pages) {
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(checkpoint_pages));
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

bool SqliteWriter::ApplyBatch(std::vector<Outcome>& outcomes, std::vector<Request>& batch,
                              size_t& next) {
  while (next < batch.size()) {
    Request& request = batch[next++];
    Result<void> result;
    if (request.context->deadline < std::chrono::steady_clock::now()) {
      result = Error(Code::kDeadlineExceeded, "DEADLINE",
                     "the change waited too long for the disk and was not made");
    } else {
      result = transaction_->Apply(*request.context, *request.mutation);
    }
    const bool undone = !connection_->InTransaction();
    outcomes.push_back({std::move(request), std::move(result)});
    if (undone) return false;
  }
  return true;
}

void SqliteWriter::CommitBatch(std::vector<Request> batch) {
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
      outcome.request.done(std::move(outcome.result));
    }
    const uint64_t version = transaction_->last_version();
    if (committed && version != version_before) subscribers_->Notify(version);
  }
}

// After the answers, so that nobody waits for it. The log may grow without harm if it fails, and
// the next commit tries again.
void SqliteWriter::Checkpoint() {
  const int pages = connection_->wal_pages();
  if (pages < checkpoint_pages_) return;
  const Result<void> done = connection_->Checkpoint(pages >= kTruncatePages);
  if (!done) LogWarning("failed to move the database's log into it", {{"error", done.error()}});
}

}  // namespace slipway::store
