// The unix socket between an agent and its `slipway serve`: SOCK_SEQPACKET, one JSON message a
// packet, file descriptors beside it. serve listens on RUN/serve.sock; the agent connects.
//
//   agent -> serve  {"type":"reload"}      read serving.json again
//   agent -> serve  {"type":"certificate"} read certificate and key again
//   agent -> serve  {"type":"listeners"}   hand back the listening sockets
//   agent -> serve  {"type":"listen"}      take the place of the predecessor
//   agent -> serve  {"type":"stop","drainMs":N}
//   agent -> serve  {"type":"ping"}        answer, and say which cores do not
//   serve -> agent  {"type":"status", ...ServingStatus}   at connect and at each change
//   serve -> agent  {"type":"listeners","names":[...]} + descriptors
//   serve -> agent  {"type":"pong", ...ServingAnswer}
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "base/result.h"
#include "runtime/revision_figures.h"

namespace slipway::runtime {

// The process of a revision that has one of its own.
struct WorkerMeasurement {
  int64_t pid = 0;        // 0: it is being started again
  int64_t processes = 0;  // that run
  int64_t restarts = 0;   // how often it ended by itself
  std::string last_end;   // how it did, the last time
};
BOOST_DESCRIBE_STRUCT(WorkerMeasurement, (), (pid, processes, restarts, last_end))

// What serve measured of one revision. phase: Loading, Ready, Failed, Draining, Unloaded.
struct RevisionMeasurement {
  std::string uid;
  std::string phase;
  std::string reason;   // a stable constant when Failed, or Ready after a failed warm-up
  std::string message;  // one sentence with a reason
  int64_t load_ms = 0;
  int64_t memory_bytes = 0;
  std::optional<WorkerMeasurement> worker;
  int64_t instances = 0;    // runs that it may have at the same time now
  std::string accelerator;  // what computes: "cpu", or the name of a GPU
  int64_t gpu_memory_bytes = 0;
  int64_t next_try_ms = 0;  // of a load that failed, since 1970, UTC; 0: there is none
  int64_t hung_runs = 0;    // in the process of serve, whose time was over long ago
};
BOOST_DESCRIBE_STRUCT(RevisionMeasurement, (),
                      (uid, phase, reason, message, load_ms, memory_bytes, worker, instances,
                       accelerator, gpu_memory_bytes, next_try_ms, hung_runs))

struct ServingStatus {
  uint64_t generation = 0;  // of the serving.json in effect on every core
  int64_t pid = 0;
  std::string build_id;
  std::vector<RevisionMeasurement> revisions;
  bool held = false;  // it does not listen yet, for a predecessor serves
};
BOOST_DESCRIBE_STRUCT(ServingStatus, (), (generation, pid, build_id, revisions, held))

// What serve says to a ping. Its cores own the connections: one that does not come round to what
// the ping before asked of it is silent.
struct ServingAnswer {
  std::vector<int64_t> silent_cores;
  // Of the loaded revisions of services that are measured.
  std::vector<RevisionFigures> figures;
};
BOOST_DESCRIBE_STRUCT(ServingAnswer, (), (silent_cores, figures))

struct ChannelMessage {
  std::string json;
  std::vector<int> descriptors;  // owned by the receiver, close-on-exec
};

// One end of the socket; blocking sends, receives with a time-out. Send and Receive may run on two
// threads. UNAVAILABLE / CHANNEL_CLOSED when the other end is gone, and for a Send that the other
// end does not take within kChannelSendTimeout. A text above kMaxInlineMessageBytes travels in a
// memory file beside the packet; above kMaxMessageBytes Send fails: RESOURCE_EXHAUSTED /
// MESSAGE_TOO_LARGE. What does not come from a ServingChannel is DATA_LOSS / MESSAGE_INVALID.
class ServingChannel {
 public:
  static Result<std::unique_ptr<ServingChannel>> Connect(const std::string& path);
  explicit ServingChannel(int descriptor);  // takes ownership
  ~ServingChannel();
  ServingChannel(const ServingChannel&) = delete;
  ServingChannel& operator=(const ServingChannel&) = delete;

  Result<void> Send(std::string_view json, const std::vector<int>& descriptors = {});
  // DEADLINE_EXCEEDED / TIMEOUT when nothing came.
  Result<ChannelMessage> Receive(int timeout_ms);
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Makes the listening end, non-blocking, mode 0600. A socket file that is there is replaced: a
// newer process takes the path over from one that drains.
Result<int> ListenChannel(const std::string& path);

// serve's sockets, by name, as inherited from the process that starts it: the environment variable
// SLIPWAY_LISTEN="rest=3,metrics=4". Names: "rest", "grpc", "metrics".
struct InheritedListener {
  std::string name;
  int descriptor = -1;
};
// Each is checked to be an open descriptor and made close-on-exec. Without the variable: none.
// INVALID_ARGUMENT / LISTEN_INVALID.
Result<std::vector<InheritedListener>> InheritedListeners();

// How long a starting serve may put off accepting until what its first serving.json lists is Ready
// or Failed: connections wait in the backlog, or go to the predecessor that still accepts them.
// From the environment variable SLIPWAY_LISTEN_WAIT_MS, kListenWait without it or with nonsense in
// it.
inline constexpr const char* kListenWaitVariable = "SLIPWAY_LISTEN_WAIT_MS";
std::chrono::milliseconds InheritedListenWait();

// The process that serves, and beside which a serve starts that is to take its place: from the
// environment variable SLIPWAY_PREDECESSOR. Such a serve has its channel at NextSocketPath and is
// held: it does not accept before an agent says "listen" or that process has ended. 0: it is no
// process of this machine; nothing: there is none, or nonsense in the variable.
inline constexpr const char* kPredecessorVariable = "SLIPWAY_PREDECESSOR";
std::optional<int64_t> InheritedPredecessor();

}  // namespace slipway::runtime

template <>
struct slipway::Description<slipway::runtime::WorkerMeasurement> {
  static constexpr std::string_view kText = "The process of one revision.";
  static constexpr FieldText kFields[] = {
      {.name = "pid", .text = "Process id, of several the first one's; 0: none runs.", .min = 0},
      {.name = "processes", .text = "How many run.", .min = 0},
      {.name = "restarts", .text = "How often it ended by itself.", .min = 0},
      {.name = "last_end", .text = "How it did, the last time.", .max = 1024},
  };
};

template <>
struct slipway::Description<slipway::runtime::RevisionMeasurement> {
  static constexpr std::string_view kText = "What serve measured of one revision.";
  static constexpr FieldText kFields[] = {
      {.name = "uid", .text = "Uid of the Revision.", .required = true, .min = 1, .max = 64},
      {.name = "phase",
       .text = "Loading, Ready, Failed, Draining or Unloaded.",
       .required = true,
       .max = 32},
      {.name = "reason", .text = "A stable constant when it failed.", .max = 256},
      {.name = "message", .text = "One sentence when it failed.", .max = 65'536},
      {.name = "load_ms", .text = "How long it took to load.", .min = 0},
      {.name = "memory_bytes", .text = "Memory that it takes.", .min = 0},
      {.name = "instances", .text = "Runs at the same time.", .min = 0},
      {.name = "accelerator", .text = "What computes.", .max = 256},
      {.name = "gpu_memory_bytes", .text = "Memory of that GPU that loading it took."},
      {.name = "next_try_ms", .text = "When it is loaded again, ms since 1970; 0: never."},
      {.name = "hung_runs", .text = "Runs that do not end although their time was over.", .min = 0},
      {.name = "worker", .text = "The process of its own, if it has one."},
  };
};

template <>
struct slipway::Description<slipway::runtime::ServingStatus> {
  static constexpr std::string_view kText = "What serve says of itself.";
  static constexpr FieldText kFields[] = {
      {.name = "generation", .text = "Of the serving.json in effect on every core."},
      {.name = "pid", .text = "Process id.", .min = 0},
      {.name = "build_id", .text = "Build id of the program.", .max = 256},
      {.name = "revisions", .text = "All revisions that it knows.", .max = 100'000},
      {.name = "held", .text = "Whether it does not listen yet, for a predecessor serves."},
  };
};

template <>
struct slipway::Description<slipway::runtime::ServingAnswer> {
  static constexpr std::string_view kText = "What serve says to a ping.";
  static constexpr FieldText kFields[] = {
      {.name = "silent_cores", .text = "Cores that do not answer.", .max = 4096},
      {.name = "figures", .text = "What measured revisions have counted.", .max = 100'000},
  };
};
