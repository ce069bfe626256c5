// The answering half of GrpcSession: heads, messages, trailers, and the tasks that make them.
#include <array>
#include <cstring>
#include <exception>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "base/log.h"
#include "net/grpc_callbacks.h"
#include "net/grpc_head.h"
#include "net/grpc_session.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

constexpr size_t kFrameHeadBytes = 9;

nghttp2_nv Header(std::string_view name, std::string_view value, int flags = 0) {
  return {.name = reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          .value = reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = static_cast<uint8_t>(flags)};
}

// Of literals, which need not be copied.
nghttp2_nv Constant(std::string_view name, std::string_view value) {
  return Header(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

constexpr std::array<std::string_view, 17> kStatusTexts = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"};

std::string_view HttpStatusText(int status) {
  switch (status) {
    case 405:
      return "405";
    case 415:
      return "415";
    case 431:
      return "431";
    default:
      return "200";
  }
}

Task<void> RunTask(Task<void> work) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(work);
}

}  // namespace

struct GrpcWriting {
  static GrpcSession& Self(void* user) { return *static_cast<GrpcSession*>(user); }
  static bool IsFull(const GrpcSession& session) {
    return session.output_.pending_bytes() >= kMaxBytesPerTurn;
  }

  static ssize_t OnSend(nghttp2_session*, const uint8_t* bytes, size_t size, int, void* user) {
    GrpcSession& self = Self(user);
    if (IsFull(self)) return NGHTTP2_ERR_WOULDBLOCK;
    self.output_.Append({reinterpret_cast<const char*>(bytes), size});
    return static_cast<ssize_t>(size);
  }

  // A frame of a large answer, which OnReadAnswer announced.
  static int OnSendData(nghttp2_session*, nghttp2_frame* frame, const uint8_t* frame_head,
                        size_t size, nghttp2_data_source* source, void* user) {
    GrpcSession& self = Self(user);
    if (IsFull(self)) return NGHTTP2_ERR_WOULDBLOCK;
    CHECK(frame->data.padlen == 0);
    auto& call = *static_cast<GrpcCall*>(source->ptr);
    self.output_.Append({reinterpret_cast<const char*>(frame_head), kFrameHeadBytes});
    self.output_.Refer(std::string_view(call.answer_).substr(call.referred_, size));
    call.referred_ += size;
    return 0;
  }

  // What of the answer goes into the next frame of at most `size` bytes.
  static ssize_t OnReadAnswer(nghttp2_session*, int32_t, uint8_t* out, size_t size, uint32_t* flags,
                              nghttp2_data_source* source, void* user) {
    auto& call = *static_cast<GrpcCall*>(source->ptr);
    GrpcSession& self = Self(user);
    const size_t part = std::min(call.message_at_ - call.sent_, size);
    if (part == 0 && !call.finished_) {
      call.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    if (call.refers_) {
      *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    } else {
      std::memcpy(out, call.answer_.data() + call.sent_, part);
    }
    call.sent_ += part;
    call.moved_ms_ = self.now_ms_;
    if (call.wakeup_) call.wakeup_->Notify();
    if (call.finished_ && call.sent_ == call.message_at_) {
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      self.SubmitTrailers(call);
    }
    return static_cast<ssize_t>(part);
  }

  // The answer is out before the request is in: the client need not send the rest.
  static int OnSent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_DATA) Self(user).told_data_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
      return 0;
    }
    const auto* call = static_cast<const GrpcCall*>(
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
    if (call != nullptr && !call->request_ended_) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }
};

void SetGrpcWriting(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_send_callback(callbacks, &GrpcWriting::OnSend);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, &GrpcWriting::OnSendData);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &GrpcWriting::OnSent);
}

void GrpcSession::Collect() {
  CHECK(output_.empty());
  GiveRetained();
  in_session_ = true;
  const int sent = nghttp2_session_send(session_);
  in_session_ = false;
  if (sent != 0) failed_ = true;
}

void GrpcSession::NoteOutput() {
  if (!in_session_) carrier_.OnOutput();
}

Result<void> GrpcSession::SealMessage(GrpcCall& call) {
  const size_t begin = call.message_at_ + kGrpcPrefixBytes;
  size_t bytes = call.answer_.size() - begin;
  bool compressed = false;
  if (call.answer_encoding_ != ContentCoding::kIdentity && bytes >= kMinCompressedBytes) {
    compressed = CompressMessage(call.answer_encoding_, begin, call.answer_);
    bytes = call.answer_.size() - begin;
  }
  if (std::cmp_greater(bytes, UINT32_MAX)) {
    return ResourceExhausted("ANSWER_TOO_LARGE",
                             "the answer has more than the 4 GiB that gRPC can carry");
  }
  MemoryBudget* const memory = core_.service.options().memory;
  const size_t held = call.answer_.capacity();
  if (memory != nullptr && held > kFirstMessageBytes && held > call.answer_taken_) {
    if (!memory->Take(held - call.answer_taken_)) {
      return ResourceExhausted("BODIES_TOO_MANY",
                               "the messages of all calls together take too much memory: try "
                               "again");
    }
    call.answer_taken_ = held;
  }
  call.answer_bytes_ += bytes;
  WriteGrpcPrefix(compressed, bytes, call.answer_.data() + call.message_at_);
  call.message_at_ = call.answer_.size();
  return {};
}

void GrpcSession::FinishCall(GrpcCall& call) {
  if (call.finished_) return;
  if (!call.closed_ && !call.method_->stream) {
    const Result<void> sealed = SealMessage(call);
    if (sealed.has_error()) return FailCall(call, sealed.error());
    call.refers_ = call.answer_.size() >= kReferredAnswerBytes;
  }
  EndCall(call);
  if (!call.closed_) Resume(call);
}

// How it ended is in its status.
void GrpcSession::EndCall(GrpcCall& call) {
  call.finished_ = true;
  core_.calls[static_cast<size_t>(call.status_)]->Add(1);
  GrpcObserver* const observer = core_.service.options().observer;
  if (observer != nullptr && call.notes != nullptr) [[unlikely]] {
    observer->OnEnd(call, call.status_);
  }
}

void GrpcSession::FailCall(GrpcCall& call, const Error& error, int http_status) {
  if (call.finished_) return;
  const int status = core_.service.options().status_of(error);
  const bool is_known = status > 0 && std::cmp_less(status, kStatusTexts.size());
  call.status_ = is_known ? status : static_cast<int>(Code::kUnknown);
  EndCall(call);
  if (call.closed_) return;
  call.status_message_ = EncodeGrpcMessage(error.message());
  if (!call.head_sent_) call.message_at_ = 0;
  call.http_status_ = http_status;
  if (call.wakeup_) call.wakeup_->Notify();
  Resume(call);
}

// The head goes out with the first message or the end, whatever comes first.
void GrpcSession::Resume(GrpcCall& call) {
  if (call.closed_) return;
  call.moved_ms_ = now_ms_;
  if (!call.head_sent_) {
    SubmitHead(call);
  } else if (std::exchange(call.deferred_, false)) {
    nghttp2_session_resume_data(session_, call.stream_id_);
  }
  NoteOutput();
}

void GrpcSession::SubmitHead(GrpcCall& call) {
  std::array<nghttp2_nv, 6 + kMaxAnswerMetadata> headers;
  size_t count = 0;
  headers[count++] = Constant(":status", HttpStatusText(call.http_status_));
  headers[count++] = Constant("content-type", "application/grpc");
  if (call.answer_encoding_ != ContentCoding::kIdentity) {
    headers[count++] = Constant("grpc-encoding", ContentCodingName(call.answer_encoding_));
  }
  headers[count++] = Constant("grpc-accept-encoding", kGrpcEncodings);
  for (const auto& [name, value] : call.metadata_) headers[count++] = Header(name, value);
  call.head_sent_ = true;
  const bool has_message = call.message_at_ > 0;
  if (call.finished_ && !has_message) {
    headers[count++] = Constant("grpc-status", kStatusTexts[static_cast<size_t>(call.status_)]);
    if (!call.status_message_.empty()) {
      headers[count++] = Header("grpc-message", call.status_message_);
    }
  }
  nghttp2_data_provider answer{};
  answer.source.ptr = &call;
  answer.read_callback = &GrpcWriting::OnReadAnswer;
  const bool ends = call.finished_ && !has_message;
  const int submitted = nghttp2_submit_response(session_, call.stream_id_, headers.data(), count,
                                                ends ? nullptr : &answer);
  if (submitted != 0) failed_ = true;
}

void GrpcSession::SubmitTrailers(GrpcCall& call) {
  std::array<nghttp2_nv, 2> trailers;
  size_t count = 0;
  trailers[count++] = Constant("grpc-status", kStatusTexts[static_cast<size_t>(call.status_)]);
  if (!call.status_message_.empty()) {
    trailers[count++] = Header("grpc-message", call.status_message_);
  }
  if (nghttp2_submit_trailer(session_, call.stream_id_, trailers.data(), count) != 0) {
    failed_ = true;
  }
  if (call.status_ == 0) PayBack();
}

void GrpcSession::ResetStream(GrpcCall& call, uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call.stream_id_, code);
  NoteOutput();
}

void GrpcSession::StartTask(GrpcCall& call, Task<void> work) {
  CHECK(!call.has_task_);
  call.has_task_ = true;
  call.signal_.emplace();
  ++tasks_;
  auto done = [this, &call](const std::exception_ptr& failure) {
    TaskEnded(call, failure != nullptr);
  };
  asio::co_spawn(options_.executor, RunTask(std::move(work)),
                 asio::bind_cancellation_slot(call.signal_->slot(), std::move(done)));
}

void GrpcSession::TaskEnded(GrpcCall& call, bool failed) {
  if (failed) LogError("a handler threw an exception", {{"path", call.path()}});
  call.has_task_ = false;
  --tasks_;
  FailCall(call,
           Internal("HANDLER_FAILED", "The server failed at this request; its log says more"));
  if (!call.in_cancel_ && call.closed_) Release(call);
  carrier_.OnTaskEnd();
}

// The task may end within: then the call is released by the caller or here, once.
void GrpcSession::CancelTask(GrpcCall& call) {
  call.cancelled_ = true;
  if (call.wakeup_) call.wakeup_->Notify();
  if (!call.has_task_) return;
  call.in_cancel_ = true;
  call.signal_->emit(asio::cancellation_type::terminal);
  call.in_cancel_ = false;
}

}  // namespace slipway::net
