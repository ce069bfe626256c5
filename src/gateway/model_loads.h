// ModelLoads: the loads under way, each on a thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "async/guarded.h"
#include "base/result.h"
#include "engine/loaded_model.h"
#include "engine/plugin_host.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

// Those in this process are done one at a time, on a nice thread: what they take of processor and
// memory is taken from those who serve. Those of models in processes of their own only wait here
// for another process: one that is slow delays none but those beyond the limit.
//
// Used by one thread, but for what it says.
class ModelLoads {
 public:
  using Outcome = Result<std::unique_ptr<engine::LoadedModel>>;

  // `ended`: TakeEnded has something; on the load's thread. At most `elsewhere` loads at a time of
  // models in processes of their own.
  ModelLoads(engine::PluginHost& host, size_t elsewhere, std::function<void()> ended);
  // Interrupts all and waits for their ends.
  ~ModelLoads();
  ModelLoads(const ModelLoads&) = delete;
  ModelLoads& operator=(const ModelLoads&) = delete;

  // Whether one more of this kind may begin now.
  bool HasRoomFor(const runtime::ServingRevision& settings) const;
  // The number of the load that begins. `source.stop` is set here.
  uint64_t Start(const runtime::ServingRevision& settings, engine::ModelSource source);
  // Nobody wants what comes of it: it ends as soon as the engine can be interrupted.
  void Interrupt(uint64_t number);
  struct Ended {
    uint64_t number;
    bool was_interrupted;  // before it was loaded; the outcome then says nothing of the model
    Outcome outcome;
  };
  // Those that have ended since; for these there is room again.
  std::vector<Ended> TakeEnded();

 private:
  struct Load {
    uint64_t number = 0;
    bool is_elsewhere = false;
    Guarded<std::optional<Outcome>> outcome;
    std::jthread thread;
  };

  engine::PluginHost& host_;
  const size_t elsewhere_;
  const std::function<void()> ended_;
  uint64_t last_ = 0;
  std::list<Load> loads_;
};

}  // namespace slipway::gateway
