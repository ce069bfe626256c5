// The receiving half of GrpcSession. grpc_answer.cc is the other, grpc_care.cc ends both.
#include "net/grpc_session.h"

#include <algorithm>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "base/log.h"
#include "net/grpc_callbacks.h"
#include "net/grpc_head.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

std::string_view TextOf(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

GrpcCall* CallOf(nghttp2_session* session, int32_t stream_id) {
  return static_cast<GrpcCall*>(nghttp2_session_get_stream_user_data(session, stream_id));
}

struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

// Windows are opened here, as messages find room. What nghttp2 limits itself is limited further by
// Waste; its own limit of resets must not come before.
const nghttp2_option* SessionOptions() {
  static const std::unique_ptr<nghttp2_option, OptionDeleter> kOptions = [] {
    nghttp2_option* option = nullptr;
    CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    // An empty key ("Bearer ") is to be told from a broken connection.
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
    nghttp2_option_set_max_outbound_ack(option, static_cast<size_t>(2 * kWastedFrames));
    nghttp2_option_set_stream_reset_rate_limit(option, 10 * kWastedFrames, kWastedFrames);
    return std::unique_ptr<nghttp2_option, OptionDeleter>(option);
  }();
  return kOptions.get();
}

}  // namespace

// What nghttp2 tells while it reads.
struct GrpcReading {
  static GrpcSession& Self(void* user) { return *static_cast<GrpcSession*>(user); }

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    GrpcSession& self = Self(user);
    self.head_since_ms_ = self.now_ms_;
    self.head_stream_ = frame->hd.stream_id;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) self.BeginCall(frame->hd.stream_id);
    return 0;
  }

  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_bytes, const uint8_t* value, size_t value_bytes, uint8_t,
                      void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    GrpcCall* const call = CallOf(session, frame->hd.stream_id);
    if (call != nullptr && !call->head_done_) {
      Self(user).AddHeader(*call, TextOf(name, name_bytes), TextOf(value, value_bytes));
    }
    return 0;
  }

  static int OnData(nghttp2_session* session, uint8_t, int32_t stream_id, const uint8_t* bytes,
                    size_t size, void* user) {
    nghttp2_session_consume_connection(session, size);
    GrpcCall* const call = CallOf(session, stream_id);
    if (call != nullptr) Self(user).TakeData(*call, TextOf(bytes, size));
    return 0;
  }

  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    GrpcSession& self = Self(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA: {
        if (frame->hd.type == NGHTTP2_HEADERS) self.head_since_ms_ = 0;
        const bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (frame->hd.length == 0 && !is_last) self.Waste(1, "too many empty frames");
        GrpcCall* const call = CallOf(session, frame->hd.stream_id);
        if (call == nullptr) return 0;
        if (!call->head_done_) self.HeadDone(*call);
        if (is_last) self.RequestEnded(*call);
        return 0;
      }
      case NGHTTP2_WINDOW_UPDATE:
        if (frame->window_update.window_size_increment < kTinyWindowBytes) {
          self.Waste(1, "too many tiny windows");
        }
        return 0;
      case NGHTTP2_PING:
        // Clients measure their way so as they get data: one ping each is theirs. They know this
        // text, and ask less often then.
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) return 0;
        if (!std::exchange(self.told_data_, false)) self.Waste(1, "too_many_pings");
        return 0;
      case NGHTTP2_SETTINGS:
        self.peer_ready_ = true;
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) self.Waste(1, "too many settings");
        return 0;
      case NGHTTP2_RST_STREAM:
        self.Waste(1, "too many calls are reset");
        return 0;
      default:
        self.Waste(1, "too many frames that ask for nothing");
        return 0;
    }
  }

  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS) Self(user).head_since_ms_ = 0;
    Self(user).Waste(8, "too many frames that are wrong");
    return 0;
  }

  static int OnStreamClose(nghttp2_session* session, int32_t stream_id, uint32_t, void* user) {
    if (stream_id == Self(user).head_stream_) Self(user).head_since_ms_ = 0;
    GrpcCall* const call = CallOf(session, stream_id);
    if (call == nullptr) return 0;
    nghttp2_session_set_stream_user_data(session, stream_id, nullptr);
    Self(user).StreamClosed(*call);
    return 0;
  }

  static void SetReading(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, &OnInvalidFrame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnStreamClose);
  }
};

namespace {

struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};

const nghttp2_session_callbacks* SessionCallbacks() {
  static const std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> kCallbacks = [] {
    nghttp2_session_callbacks* callbacks = nullptr;
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    GrpcReading::SetReading(callbacks);
    SetGrpcWriting(callbacks);
    return std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter>(callbacks);
  }();
  return kCallbacks.get();
}

}  // namespace

GrpcSession::GrpcSession(GrpcCore& core, GrpcCarrier& carrier, GrpcSessionOptions options,
                         int64_t now_ms)
    : core_(core),
      carrier_(carrier),
      options_(std::move(options)),
      now_ms_(now_ms),
      idle_since_ms_(now_ms),
      waste_left_(kWastedFrames),
      waste_filled_ms_(now_ms) {
  CHECK(nghttp2_session_server_new2(&session_, SessionCallbacks(), this, SessionOptions()) == 0);
  SubmitSettings();
}

GrpcSession::~GrpcSession() {
  CHECK(tasks_ == 0);
  nghttp2_session_del(session_);
  while (!calls_.empty()) Release(*calls_.back());
  GiveRetained();
}

void GrpcSession::SubmitSettings() {
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kCallWindowBytes},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kMaxFrameBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
       static_cast<uint32_t>(options_.options->max_head_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                              kConnectionWindowBytes) == 0);
}

Result<void> GrpcSession::Receive(std::string_view bytes, int64_t now_ms) {
  now_ms_ = now_ms;
  in_session_ = true;
  const ssize_t took = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  in_session_ = false;
  begun_ = begun_ || took >= 0;
  if (took >= 0 && !failed_) return {};
  if (std::exchange(failed_, true)) {
    return ResourceExhausted("CALM", "the client was told to calm down");
  }
  if (took == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    return InvalidArgument("PLAIN_HTTP",
                           "This port speaks gRPC (HTTP/2); REST is on the port before it");
  }
  if (took == NGHTTP2_ERR_FLOODED) End(NGHTTP2_ENHANCE_YOUR_CALM, "too many frames to answer");
  return InvalidArgument("HTTP2_BROKEN", nghttp2_strerror(static_cast<int>(took)));
}

GrpcCall* GrpcSession::BeginCall(int32_t stream_id) {
  if (core_.open_calls >= kMaxCallsPerCore) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_REFUSED_STREAM);
    return nullptr;
  }
  GrpcCall* const call = core_.TakeCall().release();
  call->session_ = this;
  call->stream_id_ = stream_id;
  call->index_ = calls_.size();
  call->moved_ms_ = now_ms_;
  call->ResetAnswer();
  calls_.push_back(call);
  nghttp2_session_set_stream_user_data(session_, stream_id, call);
  return call;
}

void GrpcSession::AddHeader(GrpcCall& call, std::string_view name, std::string_view value) {
  constexpr size_t kOverhead = 32;  // of one entry, as RFC 9113 6.5.2 counts
  call.header_bytes_ += name.size() + value.size() + kOverhead;
  if (call.header_bytes_ > options_.options->max_head_bytes) return;
  if (name == ":path") {
    call.path_ = value;
  } else if (name == ":method") {
    call.verb_ = value;
  } else if (!name.starts_with(':')) {
    call.fields_.push_back({.name = static_cast<uint32_t>(call.text_.size()),
                            .name_bytes = static_cast<uint32_t>(name.size()),
                            .value_bytes = static_cast<uint32_t>(value.size())});
    call.text_.append(name).append(value);
  }
}

void GrpcSession::HeadDone(GrpcCall& call) {
  call.head_done_ = true;
  call.arrived_ = GrpcCall::Clock::now();
  GrpcObserver* const observer = core_.service.options().observer;
  if (observer != nullptr) [[unlikely]] {
    observer->OnBegin(call);
  }
  int http_status = 200;
  const Result<void> checked = CheckHead(call, http_status);
  if (checked.has_error()) return FailCall(call, checked.error(), http_status);
  if (call.method_->stream) {
    call.wakeup_.emplace(options_.executor);
    StartTask(call, call.method_->stream(call));
  }
}

Result<void> GrpcSession::CheckHead(GrpcCall& call, int& http_status) {
  if (call.header_bytes_ > options_.options->max_head_bytes) {
    http_status = 431;
    return ResourceExhausted("HEAD_TOO_LARGE",
                             "the headers are larger than " +
                                 std::to_string(options_.options->max_head_bytes) +
                                 " bytes; send fewer or shorter ones");
  }
  if (call.verb_ != "POST") {
    http_status = 405;
    return Unimplemented("METHOD_NOT_ALLOWED", "gRPC calls are sent with POST");
  }
  if (!IsGrpcContentType(call.Metadata("content-type").value_or(""))) {
    http_status = 415;
    return InvalidArgument("CONTENT_TYPE", "the content-type of a gRPC call is application/grpc");
  }
  if (call.Metadata("te") != "trailers") {
    return InvalidArgument("TE_MISSING",
                           "the header `te: trailers` is missing: a proxy on the way may lose the "
                           "call's status");
  }
  TRY(timeout, ParseGrpcTimeout(call.Metadata("grpc-timeout")));
  if (timeout) call.deadline_ = call.arrived_ + *timeout;
  const std::string_view encoding = call.Metadata("grpc-encoding").value_or("identity");
  const auto known = ParseContentCoding(encoding);
  if (!known) {
    return Unimplemented("ENCODING_UNSUPPORTED", "messages cannot be taken in grpc-encoding '" +
                                                     std::string(encoding) + "': known are " +
                                                     std::string(kGrpcEncodings));
  }
  call.encoding_ = *known;
  if (ListsToken(call.Metadata("grpc-accept-encoding").value_or(""), encoding)) {
    call.answer_encoding_ = *known;
  }
  call.method_ = core_.service.Find(call.path_);
  if (call.method_ != nullptr) return {};
  return UnknownMethod(call.path_, core_.service);
}

void GrpcSession::Consume(GrpcCall& call, size_t bytes) {
  if (!call.closed_) nghttp2_session_consume_stream(session_, call.stream_id_, bytes);
}

void GrpcSession::TakeData(GrpcCall& call, std::string_view bytes) {
  call.moved_ms_ = now_ms_;
  if (call.finished_ || !call.head_done_) return Consume(call, bytes.size());
  const Result<void> taken =
      call.method_->stream ? TakeStreamData(call, bytes) : TakeUnaryData(call, bytes);
  if (taken.has_value()) return;
  FailCall(call, taken.error());
  CancelTask(call);
}

Result<size_t> GrpcSession::Feed(GrpcCall& call, std::string_view bytes) {
  const bool began = !call.reader_.at_start();
  const size_t limit = core_.service.MaxMessageBytes(*call.method_);
  TRY(took, call.reader_.Feed(bytes, limit, core_.service.options().memory));
  Consume(call, took);
  // A window as large as the message: a client far away need not wait in the middle of it.
  const size_t left = call.reader_.left_bytes();
  if (!began && left > kCallWindowBytes / 2) {
    const auto window = std::min<size_t>(left, kMaxCallWindowBytes);
    if (std::cmp_greater(window, kCallWindowBytes)) {
      nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, call.stream_id_,
                                            static_cast<int32_t>(window));
    }
  }
  return took;
}

Result<void> GrpcSession::TakeUnaryData(GrpcCall& call, std::string_view bytes) {
  TRY(took, Feed(call, bytes));
  if (took == bytes.size()) return {};
  return InvalidArgument("MESSAGE_MALFORMED",
                         "there is more than one message, or its prefix says "
                         "fewer bytes than were sent");
}

Result<void> GrpcSession::TakeStreamData(GrpcCall& call, std::string_view bytes) {
  if (call.backlog_at_ == call.backlog_.size() && !call.reader_.complete()) {
    TRY(took, Feed(call, bytes));
    bytes.remove_prefix(took);
  }
  if (!bytes.empty()) {
    if (call.method_->max_message_bytes > 0 &&
        call.backlog_.size() + bytes.size() > kMaxSmallBacklogBytes) {
      return ResourceExhausted("MESSAGES_TOO_MANY",
                               "more than " + std::to_string(kMaxSmallBacklogBytes) +
                                   " bytes of messages wait for their answers");
    }
    if (call.backlog_.room_bytes() < bytes.size()) {
      const size_t wanted = std::max(call.backlog_.size() * 2, call.backlog_.size() + bytes.size());
      TRY_VOID(call.backlog_.Reserve(wanted, core_.service.options().memory));
    }
    call.backlog_.Append(bytes);
  }
  call.wakeup_->Notify();
  return {};
}

Result<bool> GrpcSession::NextMessage(GrpcCall& call) {
  if (!call.reader_.complete() && call.backlog_at_ < call.backlog_.size()) {
    TRY(took, Feed(call, call.backlog_.text().substr(call.backlog_at_)));
    call.backlog_at_ += took;
    if (call.backlog_at_ == call.backlog_.size()) {
      call.backlog_.Recycle();
      call.backlog_at_ = 0;
    }
    NoteOutput();  // the window may have opened
  }
  if (call.reader_.complete()) {
    TRY_VOID(OpenMessage(call));
    return true;
  }
  if (!call.request_ended_ || call.reader_.at_start()) return false;
  return InvalidArgument("MESSAGE_MALFORMED", "the call ended in the middle of a message");
}

Result<void> GrpcSession::OpenMessage(GrpcCall& call) {
  call.message_.Clear();
  if (!call.reader_.is_compressed()) {
    std::swap(call.message_, call.reader_.message());
    // Padding behind an empty message, too.
    TRY_VOID(call.message_.Reserve(1, nullptr));
  } else if (call.encoding_ == ContentCoding::kIdentity) {
    return InvalidArgument("MESSAGE_MALFORMED",
                           "the message is marked as compressed, but no grpc-encoding is named");
  } else {
    const size_t limit = core_.service.MaxMessageBytes(*call.method_);
    TRY_VOID(DecompressMessage(call.encoding_, call.reader_.message().text(), limit,
                               core_.service.options().memory, call.message_));
    call.reader_.Recycle();
  }
  call.reader_.Next();
  return {};
}

void GrpcSession::RequestEnded(GrpcCall& call) {
  call.request_ended_ = true;
  call.moved_ms_ = now_ms_;
  if (call.finished_) return;
  if (call.method_->stream) return call.wakeup_->Notify();
  if (!call.reader_.complete()) {
    return FailCall(call, InvalidArgument("MESSAGE_MALFORMED", call.reader_.at_start()
                                                                   ? "the call brings no message"
                                                                   : "the message is cut off"));
  }
  const Result<void> opened = OpenMessage(call);
  if (opened.has_error()) return FailCall(call, opened.error());
  CallUnary(call);
}

void GrpcSession::CallUnary(GrpcCall& call) {
  if (call.deadline_ <= call.arrived_) {
    return FailCall(call, Error(Code::kDeadlineExceeded, "DEADLINE", "Deadline Exceeded"));
  }
  try {
    call.method_->unary(call);
  } catch (const std::exception& failure) {
    LogError("a handler threw an exception",
             {{"path", call.path()}, {"exception", failure.what()}});
  }
  if (call.finished_ || call.has_task_) return;
  FailCall(call,
           Internal("HANDLER_FAILED", "The server failed at this request; its log says more"));
}

void GrpcSession::StreamClosed(GrpcCall& call) {
  call.closed_ = true;
  if (call.refers_ && !output_.empty()) {
    output_.Retain(std::move(call.answer_));
    retained_taken_ += std::exchange(call.answer_taken_, 0);
  }
  if (!call.finished_) {
    call.status_ = static_cast<int>(Code::kCancelled);
    EndCall(call);
  }
  // Also of a call that has failed: its task may wait for what never comes.
  CancelTask(call);
  if (!call.has_task_) Release(call);
}

void GrpcSession::GiveRetained() {
  if (retained_taken_ > 0) core_.service.options().memory->Give(std::exchange(retained_taken_, 0));
}

void GrpcSession::CancelAll() {
  for (GrpcCall* const call : std::vector<GrpcCall*>(calls_)) {
    if (call->closed_) continue;
    nghttp2_session_set_stream_user_data(session_, call->stream_id_, nullptr);
    StreamClosed(*call);
  }
}

void GrpcSession::Release(GrpcCall& call) {
  calls_[call.index_] = calls_.back();
  calls_[call.index_]->index_ = call.index_;
  calls_.pop_back();
  if (calls_.empty()) idle_since_ms_ = now_ms_;
  call.Recycle();
  core_.GiveCall(std::unique_ptr<GrpcCall>(&call));
}

}  // namespace slipway::net
