// GrpcCall: one call of a gRPC client, as handlers see it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>

#include "async/task.h"
#include "async/wakeup.h"
#include "base/result.h"
#include "net/grpc_compression.h"
#include "net/grpc_message.h"

namespace slipway::net {

class GrpcSession;
struct GrpcMethod;

// Used on the connection's core only. Lives until it is finished and its task, if it has one, has
// ended, whatever becomes of the connection meanwhile: what is finished too late is dropped.
class GrpcCall {
 public:
  using Clock = std::chrono::steady_clock;

  GrpcCall() = default;
  GrpcCall(const GrpcCall&) = delete;
  GrpcCall& operator=(const GrpcCall&) = delete;

  std::string_view path() const { return path_; }
  // The first value of that name, which is in lower case; of binary ones (-bin) as it was sent.
  std::optional<std::string_view> Metadata(std::string_view name) const;
  std::string_view peer() const;
  bool peer_is_loopback() const;
  // As Transport::PeerIdentity.
  std::string_view peer_identity() const;
  Clock::time_point arrived() const { return arrived_; }
  // As the client wants it (grpc-timeout), else the end of time. Once it is over the client is told
  // so and the task is cancelled, in the worst case a fifth of a second late.
  Clock::time_point deadline() const { return deadline_; }

  // Of a unary call: the request, with at least kBufferPadding readable bytes behind it.
  // Of a stream: the one that Read read last, until Read is called again.
  std::string_view message() const { return message_.text(); }
  // Gives its memory back before the call is finished.
  void DropMessage() { message_.Recycle(); }

  // Where an answer's message is written to, by appending: what is there already is not part of it.
  std::string& answer() { return answer_; }

  // Ends a unary call with the answer, or any call without.
  void Finish();
  void Fail(const Error& error);
  // Goes on in a task that will end the call. It is cancelled when the client has left.
  void Start(Task<void> work);

  // Of a stream, from its one task. Waits for the next message: false when the client has sent its
  // last, or has left (is_cancelled), or what it sent is no message (the call has failed then).
  Task<bool> Read();
  // Sends answer() as one message, and waits while the client is far behind: false when it has
  // left.
  Task<bool> Write();
  bool is_cancelled() const { return cancelled_; }
  // Nothing that is written goes out any more.
  bool is_over() const { return cancelled_ || finished_; }
  // The server is about to end: the stream had better, too. Read says false then, once what came
  // before is read, and fails the call.
  bool is_draining() const;

  // Metadata of the answer, before its first message; the name is in lower case. At most
  // kMaxAnswerMetadata.
  void AddMetadata(std::string name, std::string value);
  // The answer's head is on its way: no metadata is added any more.
  bool head_sent() const { return head_sent_; }
  // Bytes of the messages that are written.
  uint64_t answer_bytes() const { return answer_bytes_; }

  // Of the service's observer, which knows the type.
  std::shared_ptr<void> notes;

 private:
  friend class GrpcSession;
  friend struct GrpcReading;
  friend struct GrpcWriting;

  // A header in text_.
  struct Field {
    uint32_t name = 0;
    uint32_t name_bytes = 0;
    uint32_t value_bytes = 0;  // right behind the name
  };
  void ResetAnswer();
  // The memory of an answer that is sent to its end, if there is much of it.
  void DropAnswer();
  // Of a stream's answer: what was sent goes.
  void DropSent();
  void Recycle();
  std::string_view NameOf(const Field& field) const {
    return std::string_view(text_).substr(field.name, field.name_bytes);
  }
  std::string_view ValueOf(const Field& field) const {
    return std::string_view(text_).substr(field.name + field.name_bytes, field.value_bytes);
  }

  GrpcSession* session_ = nullptr;
  size_t index_ = 0;  // among the session's calls
  int32_t stream_id_ = 0;
  const GrpcMethod* method_ = nullptr;

  // The request.
  std::string text_;  // of headers
  std::vector<Field> fields_;
  size_t header_bytes_ = 0;
  std::string path_;
  std::string verb_;
  Clock::time_point arrived_;
  Clock::time_point deadline_ = Clock::time_point::max();
  ContentCoding encoding_ = ContentCoding::kIdentity;
  MessageReader reader_;
  MessageBuffer message_;
  MessageBuffer backlog_;  // of a stream: bytes behind the message in reader_, not taken apart yet
  size_t backlog_at_ = 0;
  int64_t moved_ms_ = 0;  // when something of it came or went last
  bool head_done_ = false;
  bool request_ended_ = false;

  // The answer.
  std::string answer_;
  size_t message_at_ = 0;  // where in answer_ the message begins that is being written
  size_t sent_ = 0;        // of answer_
  size_t referred_ = 0;    // of answer_, as large parts are written from where they are
  uint64_t answer_taken_ = 0;
  uint64_t answer_bytes_ = 0;
  ContentCoding answer_encoding_ = ContentCoding::kIdentity;
  std::string status_message_;
  int status_ = 0;
  int http_status_ = 200;
  bool refers_ = false;
  bool head_sent_ = false;  // submitted
  bool finished_ = false;   // nothing is added to the answer
  bool deferred_ = false;   // nghttp2 was told that there is nothing to send
  bool closed_ = false;     // the stream is gone
  bool cancelled_ = false;
  std::vector<std::pair<std::string, std::string>> metadata_;

  // Of calls with a task.
  bool has_task_ = false;
  bool in_cancel_ = false;  // its cancellation is being told to it
  std::optional<asio::cancellation_signal> signal_;
  std::optional<Wakeup> wakeup_;  // of a stream: it may read or write
};

}  // namespace slipway::net
