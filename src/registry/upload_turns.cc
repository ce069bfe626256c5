#include "registry/upload_turns.h"

#include <utility>

#include <boost/asio/this_coro.hpp>

#include "async/completion.h"

namespace slipway::registry {
namespace {

Error Busy() {
  return Error(Code::kAborted, "UPLOAD_BUSY",
               "another request makes a blob of this upload just now: wait for it to end, then see "
               "whether the blob is there.");
}

}  // namespace

UploadTurns::Turn::Turn(std::shared_ptr<Table> table, std::string id, Interruption interruption)
    : table_(std::move(table)), id_(std::move(id)), interruption_(std::move(interruption)) {}

UploadTurns::Turn& UploadTurns::Turn::operator=(Turn&& other) noexcept {
  End();
  table_ = std::move(other.table_);
  id_ = std::move(other.id_);
  interruption_ = std::move(other.interruption_);
  return *this;
}

void UploadTurns::Turn::End() {
  if (!table_) return;
  const auto ended = table_->With([this](auto& table) { return table.extract(id_); });
  table_.reset();
  for (const auto& wake : ended.mapped().waiting) wake();
}

Result<void> UploadTurns::Turn::Check() const {
  if (!interruption_->asked()) return {};
  return Error(Code::kAborted, "UPLOAD_TAKEN_OVER",
               "another request goes on with this upload: what came of this one is kept.");
}

void UploadTurns::Turn::BeginCommit() {
  table_->With([this](auto& table) { table.find(id_)->second.commits = true; });
}

Task<Result<UploadTurns::Turn>> UploadTurns::Take(std::string spool_id) {
  Interruption interruption(co_await boost::asio::this_coro::executor);
  enum class Outcome : uint8_t { kMine, kBusy, kWait };
  while (true) {
    const Outcome outcome = table_->With([&](auto& table) {
      const auto [found, is_new] = table.try_emplace(spool_id, Entry{interruption, false, {}});
      if (is_new) return Outcome::kMine;
      if (found->second.commits) return Outcome::kBusy;
      found->second.interruption.Ask();
      return Outcome::kWait;
    });
    if (outcome == Outcome::kMine) co_return Turn(table_, std::move(spool_id), interruption);
    if (outcome == Outcome::kBusy) co_return Busy();
    co_await AwaitDone([this, &spool_id](std::function<void()> done) {
      const bool waits = table_->With([&](auto& table) {
        const auto found = table.find(spool_id);
        if (found != table.end()) found->second.waiting.push_back(done);
        return found != table.end();
      });
      if (!waits) done();
    });
  }
}

}  // namespace slipway::registry
