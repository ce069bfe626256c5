// Limits of the gateway.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::gateway {

// Body of one inference request.
inline constexpr uint64_t kMaxInferBodyBytes = uint64_t{64} << 20;
// Bodies, tensors and answers that are in memory at the same time, of all connections together; the
// first bytes of each request do not count.
inline constexpr uint64_t kMaxBodyBytesInFlight = uint64_t{1} << 30;
inline constexpr uint64_t kUncountedBytes = 64 << 10;
// Larger answers are counted until the client has taken them.
inline constexpr size_t kCountedAnswerBytes = 256 << 10;
// What one element takes as text, about; the true size is known once it is written.
inline constexpr uint64_t kTextBytes = 12;
// What a string takes beside its bytes.
inline constexpr uint64_t kStringBytes = 32;
// Nesting of JSON, the request itself counted; Triton has the same limit.
inline constexpr int kMaxJsonDepth = 100;
// Members of `parameters` objects, all together, and requested outputs.
inline constexpr size_t kMaxParameters = 1024;
// Inputs, and requested outputs, of a gRPC message.
inline constexpr size_t kMaxRequestTensors = 4096;
// Strings of one output whose classes are asked for, of all its rows together.
inline constexpr uint64_t kMaxClassStrings = 16 << 10;
inline constexpr size_t kMaxIdBytes = 64 << 10;

// Inline runs of one core, before it turns to its other connections.
inline constexpr std::chrono::microseconds kInlineBudget{200};
// How often the runs on the cores are looked at: one that is under way at two looks is ended, and
// its model runs on engine threads from then on.
inline constexpr std::chrono::milliseconds kInlineLook{200};
// Memory that one request object keeps for the next request, and how many a core keeps ready.
inline constexpr size_t kKeepBytes = 256 << 10;
inline constexpr size_t kKeepInvocations = 32;
// How long a client whose request found the queue full is asked to wait.
inline constexpr std::chrono::seconds kRetryAfter{1};
// Failed runs of one revision are logged once in this time, by each core.
inline constexpr std::chrono::seconds kFailureLogPause{1};

// A model configuration: its text, and the entries of one list or map of it.
inline constexpr size_t kMaxConfigBytes = 1 << 20;
inline constexpr size_t kMaxConfigItems = 4096;
// Runs of models that one request to an ensemble makes, those of ensembles in it included.
inline constexpr size_t kMaxEnsembleRuns = 256;
// Body of a request that is passed to a program, what of an answer waits for its client, and
// requests that a program of its own HTTP gets at the same time where its service does not say.
inline constexpr uint64_t kMaxPassedBodyBytes = kMaxInferBodyBytes;
inline constexpr size_t kMaxPassedBytes = 512 << 10;
inline constexpr size_t kPassedRuns = 32;
// Regions of shared memory, each of which keeps a descriptor open, and their names.
inline constexpr size_t kMaxSharedRegions = 256;
inline constexpr size_t kMaxRegionNameBytes = 256;
// Body of one generate request, and answers of a run that nobody took yet.
inline constexpr size_t kMaxGenerateBytes = 4 << 20;
inline constexpr size_t kMaxWaitingPartBytes = 16 << 20;
// Files that one load may bring.
inline constexpr size_t kMaxOverrideFiles = 256;

// Models that load in processes of their own at the same time: the cores, and so many more.
inline constexpr size_t kExtraLoadsElsewhere = 4;

// Between a load that failed and the next try: doubled each time. And how often a model is loaded
// whose process crashes or hangs meanwhile.
inline constexpr std::chrono::seconds kFirstLoadPause{1};
inline constexpr std::chrono::seconds kLongestLoadPause{300};
inline constexpr int kMaxLoadsAtFault = 3;

// Copies of requests that run for comparison on one core, the tensors of one and of all of them;
// and how often each core logs for one revision what came of it.
inline constexpr size_t kMaxShadowRuns = 16;
inline constexpr size_t kMaxShadowRunBytes = 4 << 20;
inline constexpr size_t kMaxShadowBytes = 16 << 20;
inline constexpr std::chrono::seconds kShadowLogPause{10};

// Messages of gRPC's health and reflection, and of methods that infer nothing.
inline constexpr size_t kMaxHealthMessageBytes = 4 << 10;
inline constexpr size_t kMaxPlainMessageBytes = 64 << 10;
// How often the health is looked at for those who watch it.
inline constexpr std::chrono::milliseconds kWatchPause{500};
// A gRPC client that makes no calls keeps its connection so long.
inline constexpr std::chrono::minutes kGrpcIdle{10};

// Verdicts on keys that one core keeps until the next configuration.
inline constexpr size_t kMaxCachedKeys = 1024;
// Spans that wait for the collector, of all cores together.
inline constexpr size_t kMaxWaitingSpanBytes = 8 << 20;
// A file of requests to warm up with or of one input of them, such requests of one sample or file,
// and the time for all of a revision.
inline constexpr size_t kMaxWarmUpFileBytes = 64 << 20;
inline constexpr size_t kMaxWarmUpRequests = 10'000;
inline constexpr std::chrono::seconds kMaxWarmUpTime{300};

// Agents that may be connected at the same time.
inline constexpr size_t kMaxAgents = 8;

}  // namespace slipway::gateway
