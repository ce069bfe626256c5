// RequestRecord: what the access log and the traces say of one request.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/telemetry/trace_context.h"

namespace slipway::gateway {

class Telemetry;

// Used on the core of its request. There only where somebody wants to know; see Telemetry.
struct RequestRecord {
  using Clock = std::chrono::steady_clock;

  // From the head.
  Telemetry* telemetry = nullptr;
  size_t core = 0;
  Clock::time_point arrived;
  int64_t arrived_unix_ns = 0;
  bool is_grpc = false;
  std::string method;  // of HTTP
  std::string path;    // without the query, cut to kMaxRecordedPathBytes
  std::string peer;
  std::string identity;    // of the client's certificate; empty: it brought none
  std::string request_id;  // as errors name it
  TraceContext trace;      // of this request's own span
  std::optional<SpanId> parent;
  std::string trace_state;
  bool decided = false;  // whether the trace is sampled

  // From who works on it.
  std::string service;  // PROJECT/SERVICE; empty: it asked for none
  std::string revision;
  std::string key;  // the name of the token; empty: none was needed
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t inferences = 0;  // exchanges: a stream may have many
  // Sums over them.
  std::chrono::nanoseconds queue{0};
  std::chrono::nanoseconds compute{0};
  // Of the last.
  Clock::time_point parsed;
  Clock::time_point started;
  Clock::time_point ended;
  uint64_t rows = 0;   // of its batch; 0: the model has none
  std::string reason;  // of a run that failed

  // A model that ran for an ensemble.
  struct Step {
    std::string service;
    std::string revision;
    Clock::time_point parsed;
    Clock::time_point started;
    Clock::time_point ended;
    uint64_t rows = 0;
    std::string reason;  // of a run that failed
    SpanId id{};
  };
  std::vector<Step> steps;  // as they ended, those of ensembles in ensembles among them

  // From the answer.
  Clock::time_point finished;
  int status = 0;        // of HTTP; 0: the client has left
  int grpc_status = -1;  // of gRPC

  bool is_error() const { return is_grpc ? grpc_status != 0 : status == 0 || status >= 400; }
};

// Paths are the client's to choose, lines are not.
inline constexpr size_t kMaxRecordedPathBytes = 1024;

}  // namespace slipway::gateway
