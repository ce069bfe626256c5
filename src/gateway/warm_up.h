// WarmUp: requests that a model answers before anybody can ask it: Triton's `model_warmup`, and
// files of V2 requests.
#pragma once

#include <chrono>
#include <stop_token>

#include "base/result.h"
#include "engine/loaded_model.h"
#include "gateway/limits.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

// Runs, one after the other, the samples of `model_warmup` of the revision's configuration, each as
// often as its `count` says, and then the requests of the file that settings.warmup names, a V2
// request in each line. Nothing is counted, and nobody sees the answers. Blocks for as long as the
// runs take, `time` at most, for a run under way is interrupted then; and until `stop` asks for the
// end.
//
// FAILED_PRECONDITION / WARM_UP_FAILED, with the sample or the line and what is wrong with it, as
// soon as one cannot be read or does not run: such a revision never gets traffic.
Result<void> WarmUp(engine::LoadedModel& model, const runtime::ServingRevision& settings,
                    const std::stop_token& stop = {},
                    std::chrono::milliseconds time = kMaxWarmUpTime);

}  // namespace slipway::gateway
