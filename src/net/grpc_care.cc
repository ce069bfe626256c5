// What ends a GrpcSession and its calls: time-outs, floods, and the end of the server.
#include <algorithm>
#include <string>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "net/grpc_session.h"
#include "net/limits.h"

namespace slipway::net {

void GrpcSession::Waste(size_t tokens, std::string_view text) {
  waste_left_ -= static_cast<int64_t>(tokens);
  if (waste_left_ < 0 && !failed_) End(NGHTTP2_ENHANCE_YOUR_CALM, text);
}

void GrpcSession::End(uint32_t code, std::string_view text) {
  if (std::exchange(failed_, true) && code == NGHTTP2_NO_ERROR) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), code,
                        reinterpret_cast<const uint8_t*>(text.data()), text.size());
  NoteOutput();
}

void GrpcSession::BeginDrain() {
  if (std::exchange(draining_, true)) return;
  drain_began_ms_ = now_ms_;
  nghttp2_submit_shutdown_notice(session_);
  NoteOutput();
}

bool GrpcSession::ended() const {
  const bool wants_write = nghttp2_session_want_write(session_) != 0;
  if (wants_write) return false;
  return failed_ || (drained_ && calls_.empty()) || nghttp2_session_want_read(session_) == 0;
}

bool GrpcSession::Tick(int64_t now_ms) {
  now_ms_ = now_ms;
  const HttpServerOptions& options = *options_.options;
  waste_left_ = std::min(kWastedFrames,
                         waste_left_ + (now_ms - waste_filled_ms_) * kWastedFramesPerSecond / 1000);
  waste_filled_ms_ = now_ms;
  if (!peer_ready_ && now_ms - idle_since_ms_ >= options.head_timeout.count()) return true;
  if (head_since_ms_ != 0 && now_ms - head_since_ms_ >= options.head_timeout.count()) {
    End(NGHTTP2_ENHANCE_YOUR_CALM, "the headers of a call take too long");
  }
  for (size_t i = 0; i < calls_.size();) {
    GrpcCall* const call = calls_[i];
    TickCall(*call);
    // Whatever ended is not there any more: another has its place.
    if (i < calls_.size() && calls_[i] == call) ++i;
  }
  if (calls_.empty() && now_ms - idle_since_ms_ >= options.idle_timeout.count()) BeginDrain();
  if (draining_ && !drained_ && now_ms - drain_began_ms_ >= kGoAwayGrace.count()) {
    drained_ = true;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
    NoteOutput();
    for (GrpcCall* const call : calls_) {
      if (call->wakeup_) call->wakeup_->Notify();
    }
  }
  return false;
}

void GrpcSession::TickCall(GrpcCall& call) {
  if (call.closed_ || !call.head_done_) return;
  const HttpServerOptions& options = *options_.options;
  const int64_t waited_ms = now_ms_ - call.moved_ms_;
  const bool has_output = call.head_sent_ && (call.finished_ || call.message_at_ > call.sent_);
  if (has_output && waited_ms >= options.write_timeout.count()) {
    return ResetStream(call, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if (call.finished_) return;
  if (call.deadline_ != GrpcCall::Clock::time_point::max() &&
      call.deadline_ <= GrpcCall::Clock::now()) {
    FailCall(call, Error(Code::kDeadlineExceeded, "DEADLINE", "Deadline Exceeded"));
    return CancelTask(call);
  }
  const bool in_message = !call.reader_.at_start() && !call.reader_.complete();
  const bool must_come = call.method_->stream ? in_message : !call.request_ended_;
  if (must_come && waited_ms >= options.body_timeout.count()) {
    FailCall(call, Error(Code::kDeadlineExceeded, "BODY_TIMEOUT",
                         "No byte of the message came for " +
                             std::to_string(options.body_timeout.count()) + " ms"));
    CancelTask(call);
  }
}

}  // namespace slipway::net
