// Lane: the part of a revision that belongs to one core.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "async/guarded.h"
#include "base/metrics.h"
#include "engine/batcher.h"
#include "engine/loaded_model.h"

namespace slipway::gateway {

class Invocation;

// A number that one thread writes and any thread reads: adding is no locked instruction.
class OwnedCounter {
 public:
  void Add(uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t Value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Why a request failed, as Triton's metrics tell it.
enum class Failure : uint8_t { kRejected, kCanceled, kBackend, kOther };
inline constexpr size_t kFailures = 4;

struct RequestCounters {
  OwnedCounter success;
  std::array<OwnedCounter, kFailures> failure;
  OwnedCounter inferences;
  // Runs on the core itself, and what those of one row took.
  OwnedCounter executions;
  OwnedCounter execution_ns;
  OwnedCounter request_ns;
  OwnedCounter failure_ns;
  OwnedCounter queue_ns;
  OwnedCounter compute_input_ns;
  OwnedCounter compute_infer_ns;
  OwnedCounter compute_output_ns;
  // When the last successful request was answered, of the steady clock.
  OwnedCounter last_ns;
  // Times of successful requests: in all, waiting for their runs, and of the runs.
  std::array<OwnedCounter, kHistogramBuckets> latency;
  std::array<OwnedCounter, kHistogramBuckets> queue;
  std::array<OwnedCounter, kHistogramBuckets> compute;
};

// Of a revision that is a shadow.
struct ShadowCounters {
  OwnedCounter requests;
  OwnedCounter mismatches;
  OwnedCounter errors;
  OwnedCounter dropped;
  std::atomic<double> greatest{0};  // difference that was seen; written as an OwnedCounter is

  void Raise(double difference) {
    if (difference > greatest.load(std::memory_order_relaxed)) {
      greatest.store(difference, std::memory_order_relaxed);
    }
  }
};

// Everything but the counters and batches is touched by the core's own thread only. Lanes of
// different cores share no cache line.
struct alignas(64) Lane {
  // Requests that chose the revision, and those of them that are answered. `left` is written with
  // release, so that whoever reads both equal sees all that the requests did.
  std::atomic<uint64_t> entered{0};
  std::atomic<uint64_t> left{0};
  RequestCounters counters;
  // Of runs on the core, those with more than one row.
  Guarded<engine::BatchStats> batches;
  ShadowCounters shadow;
  // Request objects with their memory, ready for the next request.
  std::vector<std::shared_ptr<Invocation>> spare;
  // When a failed run was last logged: callers must not be able to fill the log.
  std::chrono::steady_clock::time_point failure_logged;
  // The same for what a shadow did otherwise.
  std::chrono::steady_clock::time_point shadow_logged;
  // For inline runs.
  std::optional<engine::SessionLease> session;
};

}  // namespace slipway::gateway
