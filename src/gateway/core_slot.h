// CoreSlot: what one core needs to serve, used by its thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/core_pool.h"
#include "gateway/grpc/infer_reader.h"
#include "gateway/inline_watch.h"
#include "gateway/request_memory.h"
#include "gateway/snapshot.h"
#include "gateway/v2/request_parser.h"
#include "routing/json_body.h"

namespace slipway::gateway {

// How much more the core may compute before it looks after its other connections: a turn of its
// loop has kInlineBudget.
class InlineBudget {
 public:
  explicit InlineBudget(asio::io_context& context) : context_(context) {}

  std::chrono::nanoseconds left() const;
  // Notes what a run took. When an eighth of the budget is used up it asks the loop to begin anew:
  // the loop does so after it has served what is ready now.
  void Spend(std::chrono::nanoseconds took);

 private:
  asio::io_context& context_;
  std::chrono::nanoseconds spent_{0};
  bool reset_posted_ = false;
};

struct alignas(64) CoreSlot {
  CoreSlot(size_t core, asio::io_context& context, BodyBudget& request_memory)
      : number(core),
        memory(request_memory),
        budget(context),
        random(0x9e3779b97f4a7c15u * (core + 1)) {}

  // xorshift64: enough for shares of traffic.
  uint64_t NextRandom() {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  }

  const size_t number;
  BodyBudget& memory;  // of all cores
  // Replaced by a task posted to the core, so that between two suspensions it stays.
  const Snapshot* snapshot = nullptr;
  v2::RequestParser parser;
  grpc::InferReader infer_reader;
  routing::JsonBody json_body;  // for rules that look into the body
  InlineBudget budget;
  InlineRun inline_run;
  uint64_t random;
  // SHA-256 of keys that were good for something, by the key; dropped with the snapshot.
  std::unordered_map<std::string, std::string> known_keys;
};

// The slots of all cores, and the switch from one snapshot to the next.
class CoreSlots {
 public:
  CoreSlots(CorePool& cores, BodyBudget& memory);
  // Every core shows nothing any more.
  ~CoreSlots();

  // Of the calling thread, which must be a core's.
  CoreSlot& current();
  // For InlineWatch.
  void LookAtInlineRuns();
  size_t size() const { return slots_.size(); }

  // Lets every core use `next` and returns when all do, so that no core can find anything that is
  // only in the snapshot before. Blocks; not from a core.
  void Publish(std::unique_ptr<const Snapshot> next);

 private:
  CorePool& cores_;
  std::vector<std::unique_ptr<CoreSlot>> slots_;
  std::unique_ptr<const Snapshot> published_;
};

}  // namespace slipway::gateway
