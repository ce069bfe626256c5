#include "net/grpc_call.h"

#include "base/check.h"
#include "net/grpc_session.h"
#include "net/limits.h"

namespace slipway::net {

std::optional<std::string_view> GrpcCall::Metadata(std::string_view name) const {
  for (const Field& field : fields_) {
    if (NameOf(field) == name) return ValueOf(field);
  }
  return std::nullopt;
}

std::string_view GrpcCall::peer() const {
  return session_->options_.peer;
}

std::string_view GrpcCall::peer_identity() const {
  return session_->peer_identity_;
}

bool GrpcCall::peer_is_loopback() const {
  return session_->options_.peer_is_loopback;
}

void GrpcCall::Finish() {
  session_->FinishCall(*this);
}

void GrpcCall::Fail(const Error& error) {
  session_->FailCall(*this, error);
}

void GrpcCall::Start(Task<void> work) {
  session_->StartTask(*this, std::move(work));
}

bool GrpcCall::is_draining() const {
  return session_->drained_;
}

// What waits holds no memory of the budget: waiting costs its client nothing.
void GrpcCall::DropAnswer() {
  if (sent_ < message_at_ || answer_.size() > message_at_ + kGrpcPrefixBytes) return;
  if (answer_.capacity() <= kKeptCallBytes && answer_taken_ == 0) return;
  std::string().swap(answer_);
  ResetAnswer();
  if (answer_taken_ > 0) session_->core_.service.options().memory->Give(answer_taken_);
  answer_taken_ = 0;
}

Task<bool> GrpcCall::Read() {
  DropMessage();
  while (!cancelled_ && !finished_) {
    const Result<bool> next = session_->NextMessage(*this);
    if (next.has_error()) {
      Fail(next.error());
      break;
    }
    if (*next) co_return true;
    if (request_ended_) break;
    if (is_draining()) {
      Fail(Unavailable("SERVER_STOPS", "the server stops: open the stream anew"));
      break;
    }
    DropAnswer();
    if (!co_await wakeup_->Wait()) break;
  }
  co_return false;
}

Task<bool> GrpcCall::Write() {
  if (cancelled_ || finished_) co_return false;
  DropSent();
  const Result<void> sealed = session_->SealMessage(*this);
  if (sealed.has_error()) {
    Fail(sealed.error());
    co_return false;
  }
  answer_.append(kGrpcPrefixBytes, '\0');
  session_->PayBack();
  session_->Resume(*this);
  while (!cancelled_ && !finished_ && message_at_ - sent_ > kMaxStreamBacklogBytes) {
    if (!co_await wakeup_->Wait()) break;
  }
  co_return !cancelled_ && !finished_;
}

// A client that is always a little behind is not to have all of the stream kept for it.
void GrpcCall::DropSent() {
  if (sent_ < message_at_ && sent_ < kMaxSentBytes) return;
  answer_.erase(0, sent_);
  message_at_ -= sent_;
  sent_ = 0;
}

void GrpcCall::AddMetadata(std::string name, std::string value) {
  CHECK(metadata_.size() < kMaxAnswerMetadata);
  metadata_.emplace_back(std::move(name), std::move(value));
}

void GrpcCall::ResetAnswer() {
  answer_.assign(kGrpcPrefixBytes, '\0');
  message_at_ = sent_ = referred_ = 0;
}

// For the next call: everything as it was made, but for memory that is worth keeping.
void GrpcCall::Recycle() {
  text_.clear();
  fields_.clear();
  header_bytes_ = 0;
  path_.clear();
  verb_.clear();
  method_ = nullptr;
  deadline_ = Clock::time_point::max();
  encoding_ = answer_encoding_ = ContentCoding::kIdentity;
  reader_.Recycle();
  message_.Recycle();
  backlog_.Recycle();
  backlog_at_ = 0;
  moved_ms_ = 0;
  head_done_ = request_ended_ = false;
  ResetAnswer();
  DropAnswer();
  status_message_.clear();
  status_ = 0;
  http_status_ = 200;
  refers_ = head_sent_ = finished_ = deferred_ = closed_ = cancelled_ = false;
  metadata_.clear();
  answer_bytes_ = 0;
  notes.reset();
  signal_.reset();
  wakeup_.reset();
}

}  // namespace slipway::net
