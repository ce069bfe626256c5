// GrpcSession: the server's half of one HTTP/2 connection that carries gRPC, without any I/O.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/result.h"
#include "net/grpc_core.h"
#include "net/http_server.h"
#include "net/limits.h"
#include "net/output_queue.h"

struct nghttp2_session;

namespace slipway::net {

// Whoever carries the bytes.
class GrpcCarrier {
 public:
  // There is something to send that Receive did not cause.
  virtual void OnOutput() = 0;
  // A task has ended.
  virtual void OnTaskEnd() = 0;

 protected:
  ~GrpcCarrier() = default;
};

struct GrpcSessionOptions {
  asio::any_io_executor executor;
  const HttpServerOptions* options = nullptr;
  std::string_view peer;
  bool peer_is_loopback = false;
};

// On one core. Destroyed when no task is left.
class GrpcSession {
 public:
  GrpcSession(GrpcCore& core, GrpcCarrier& carrier, GrpcSessionOptions options, int64_t now_ms);
  ~GrpcSession();
  GrpcSession(const GrpcSession&) = delete;
  GrpcSession& operator=(const GrpcSession&) = delete;

  // Takes what came: requests that are whole are handled before it returns. After an error nothing
  // more is taken: what Collect gives is written, and the connection ended. PLAIN_HTTP: it was no
  // HTTP/2 at all.
  Result<void> Receive(std::string_view bytes, int64_t now_ms);
  // What is to be sent now goes into output(), which is empty: not much more than
  // kMaxBytesPerTurn. Called again once that is written.
  void Collect();
  OutputQueue& output() { return output_; }
  // The client speaks HTTP/2, as far as is known.
  bool has_begun() const { return begun_; }
  // Nothing will be sent or taken any more.
  bool ended() const;

  // Time-outs of calls, and of the connection: true if it has to end at once.
  bool Tick(int64_t now_ms);
  // Tells the client to make new calls elsewhere: first softly, so that calls on their way arrive,
  // later (Tick) for good.
  void BeginDrain();
  // Refuses everything, and says why (GOAWAY).
  void End(uint32_t code, std::string_view text);
  // The client is gone: cancels the tasks.
  void CancelAll();
  // Of a client with a certificate; before any call.
  void SetPeerIdentity(std::string identity) { peer_identity_ = std::move(identity); }
  size_t tasks() const { return tasks_; }
  size_t open_calls() const { return calls_.size(); }

 private:
  friend class GrpcCall;
  friend struct GrpcReading;
  friend struct GrpcWriting;

  void SubmitSettings();
  GrpcCall* BeginCall(int32_t stream_id);
  void AddHeader(GrpcCall& call, std::string_view name, std::string_view value);
  void HeadDone(GrpcCall& call);
  Result<void> CheckHead(GrpcCall& call, int& http_status);
  void TakeData(GrpcCall& call, std::string_view bytes);
  Result<void> TakeUnaryData(GrpcCall& call, std::string_view bytes);
  Result<void> TakeStreamData(GrpcCall& call, std::string_view bytes);
  Result<size_t> Feed(GrpcCall& call, std::string_view bytes);
  // Moves the whole message of the reader, decompressed, to where the handler sees it.
  Result<void> OpenMessage(GrpcCall& call);
  // Of a stream: whether there is a whole message now.
  Result<bool> NextMessage(GrpcCall& call);
  void Consume(GrpcCall& call, size_t bytes);
  void CallUnary(GrpcCall& call);
  void RequestEnded(GrpcCall& call);
  void StreamClosed(GrpcCall& call);
  void Release(GrpcCall& call);
  // Of answers whose calls were gone before they were sent: they are sent now.
  void GiveRetained();

  void FinishCall(GrpcCall& call);
  void EndCall(GrpcCall& call);
  void FailCall(GrpcCall& call, const Error& error, int http_status = 200);
  void SubmitHead(GrpcCall& call);
  void SubmitTrailers(GrpcCall& call);
  Result<void> SealMessage(GrpcCall& call);
  void Resume(GrpcCall& call);
  void StartTask(GrpcCall& call, Task<void> work);
  void TaskEnded(GrpcCall& call, bool failed);
  void ResetStream(GrpcCall& call, uint32_t code);
  void CancelTask(GrpcCall& call);
  void TickCall(GrpcCall& call);
  // A frame that is good for nothing: too many end the connection.
  void Waste(size_t tokens, std::string_view text);
  // An answered message pays for some.
  void PayBack() { waste_left_ = std::min(waste_left_ + kWastedFramesPerAnswer, kWastedFrames); }
  void NoteOutput();

  GrpcCore& core_;
  GrpcCarrier& carrier_;
  const GrpcSessionOptions options_;
  std::string peer_identity_;
  nghttp2_session* session_ = nullptr;
  OutputQueue output_;
  uint64_t retained_taken_ = 0;  // of the budget, for what output_ retains
  std::vector<GrpcCall*> calls_;
  size_t tasks_ = 0;
  int64_t now_ms_;
  bool in_session_ = false;  // its callbacks run
  bool begun_ = false;
  bool peer_ready_ = false;  // its SETTINGS have come
  bool failed_ = false;
  bool draining_ = false;
  bool drained_ = false;  // the last GOAWAY is submitted
  int64_t drain_began_ms_ = 0;
  int64_t idle_since_ms_;      // no call since
  int64_t head_since_ms_ = 0;  // a head is half there since; 0: none is
  int32_t head_stream_ = 0;    // of the last head
  bool told_data_ = false;     // DATA was sent since the client's last ping
  int64_t waste_left_;
  int64_t waste_filled_ms_;
};

}  // namespace slipway::net
