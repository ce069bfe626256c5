// Service: a stable inference endpoint. Revision: one immutable "this model with these settings".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "resource/kinds.h"
#include "resource/kinds/batching.h"
#include "resource/kinds/canary.h"
#include "resource/kinds/scaling.h"
#include "routing/call_limits.h"
#include "routing/traffic_spec.h"

namespace slipway::resource {

enum class InferenceAccess : uint8_t { kToken, kAnonymous };
BOOST_DESCRIBE_ENUM(InferenceAccess, kToken, kAnonymous)

// Where a model runs: in the process of the data plane, or in one of its own.
enum class Isolation : uint8_t { kShared, kProcess };
BOOST_DESCRIBE_ENUM(Isolation, kShared, kProcess)

enum class Accelerator : uint8_t { kCpu, kGpu, kGpuPreferred };
BOOST_DESCRIBE_ENUM(Accelerator, kCpu, kGpu, kGpuPreferred)

// What a revision is made of; a change of it makes a new revision.
struct ModelSettings {
  std::string model;    // reference NAME:TAG or NAME@sha256:...; a tag is pinned at admission
  int32_t threads = 0;  // intra-op threads of the engine; 0: chosen
  int32_t instances = 0;
  std::optional<BatchingSettings> batching;
  std::optional<Isolation> isolation;  // default: as the format of the model needs it
  std::string warmup;                  // a file of the model with requests to warm up with
  Accelerator accelerator = Accelerator::kCpu;

  bool operator==(const ModelSettings&) const = default;
};
BOOST_DESCRIBE_STRUCT(ModelSettings, (),
                      (model, threads, instances, batching, isolation, warmup, accelerator))

struct ServiceSpec {
  ModelSettings predictor;
  bool follow = false;                    // a tag that moves makes a new revision
  std::optional<InferenceAccess> access;  // default: anonymous on loopback listeners, else token
  std::string timeout = "60s";            // of one request, see ParseRequestTimeout
  // Which revisions get which requests; without it the newest that is ready gets all.
  std::optional<routing::TrafficSpec> traffic;
  std::optional<CanarySpec> canary;  // how a new revision comes to the traffic; without it at once
  std::optional<ScalingSpec> scaling;         // without it predictor.instances
  std::optional<routing::CallLimits> limits;  // of callers without keys, all together
};
BOOST_DESCRIBE_STRUCT(ServiceSpec, (),
                      (predictor, follow, access, timeout, traffic, canary, scaling, limits))

inline constexpr std::chrono::milliseconds kShortestRequestTimeout{1};
inline constexpr std::chrono::milliseconds kLongestRequestTimeout{3'600'000};
// How long one request may take. INVALID_ARGUMENT / FIELD_RANGE, DURATION_INVALID.
Result<std::chrono::milliseconds> ParseRequestTimeout(const ServiceSpec& spec);

struct ServiceStatus : StatusBase {
  int64_t ready_revision = 0;   // the newest that is ready; 0: none
  int64_t latest_revision = 0;  // the newest, ready or not
  std::string model_digest;     // of the latest revision
  std::string url;              // path of its inference endpoint
  std::optional<CanaryStatus> canary;
  std::string canary_progress;  // volatile: how the present step of the canary goes
};
BOOST_DESCRIBE_STRUCT(ServiceStatus, (StatusBase),
                      (ready_revision, latest_revision, model_digest, url, canary, canary_progress))

// Which revisions get which requests now: spec.traffic, with the shares of the canary where the
// service has one.
std::optional<routing::TrafficSpec> TrafficOf(const ServiceSpec& spec, const ServiceStatus& status);

struct RevisionSpec {
  std::string service;
  int64_t number = 0;
  ModelSettings predictor;
  std::string repository;       // "default/magika"
  std::string manifest_digest;  // pinned
};
BOOST_DESCRIBE_STRUCT(RevisionSpec, (), (service, number, predictor, repository, manifest_digest))

// The process of a revision with isolation process.
struct WorkerStatus {
  int64_t pid = 0;       // 0: it is being started again
  int64_t restarts = 0;  // how often it ended by itself
  std::string last_end;  // how it did, the last time

  bool operator==(const WorkerStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(WorkerStatus, (), (pid, restarts, last_end))

// phase: Pending, Fetching, Loading, Ready, Failed, Retired, or Unknown: its site does not answer.
struct RevisionStatus : StatusBase {
  int64_t load_ms = 0;
  int64_t memory_bytes = 0;
  std::optional<WorkerStatus> worker;  // where it runs in a process of its own
  int64_t instances = 0;
  std::string accelerator;
  int64_t gpu_memory_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(RevisionStatus, (StatusBase),
                      (load_ms, memory_bytes, worker, instances, accelerator, gpu_memory_bytes))

KindInfo ServiceKind();
// Whether a service with this access may be in that project: FAILED_PRECONDITION /
// ANONYMOUS_FORBIDDEN where its spec.allowAnonymous is false. Nothing is no wish: then the site
// picks what the project allows.
Result<void> CheckAccessAllowed(std::optional<InferenceAccess> access, const Resource& project);
KindInfo RevisionKind();
// The term of Revisions of the model with this manifest.
std::string UseTerm(std::string_view manifest_digest);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ModelSettings> {
  static constexpr std::string_view kText = "A model and how to run it; a change makes a revision.";
  static constexpr FieldText kFields[] = {
      {.name = "model",
       .text = "NAME:TAG or NAME@sha256:...; a tag is pinned when it is admitted.",
       .required = true,
       .max = 512,
       .format = "reference"},
      {.name = "threads",
       .text = "Threads within one run of the engine; 0: chosen.",
       .min = 0,
       .max = 1024},
      {.name = "instances",
       .text = "Runs at the same time; 0: chosen, as many as serve has engine threads.",
       .min = 0,
       .max = 64},
      {.name = "batching", .text = "How requests wait and share runs; default: none shares one."},
      {.name = "isolation",
       .text = "shared: in the process of the data plane. process: in one of its own, whose crash "
               "harms no other model. Default: shared."},
      {.name = "warmup",
       .text = "Path, among the model's files, of a file with a V2 request in each line: the model "
               "answers them before the revision gets traffic, and one that it does not answer "
               "fails the revision.",
       .max = 1024,
       .format = "file-path"},
      {.name = "accelerator",
       .text = "What computes: cpu; gpu, without which the revision fails; or gpuPreferred, which "
               "takes the processor where there is no GPU that the engine can use, and says so."},
  };
};

template <>
struct slipway::Description<slipway::resource::ServiceSpec> {
  static constexpr std::string_view kText = "A stable inference endpoint.";
  static constexpr FieldText kFields[] = {
      {.name = "predictor", .text = "The model behind the endpoint.", .required = true},
      {.name = "follow",
       .text = "Make a new revision when the tag in predictor.model moves. "
               "status.modelDigest says what is served then; rollback ends it."},
      {.name = "access",
       .text =
           "Who may infer: any token of the project, or anybody. Default: anonymous on loopback "
           "listeners, else token."},
      {.name = "timeout",
       .text = "How long one request may take, from its arrival to the end of its run: 1ms to 1h. "
               "What takes longer is ended and answered 504.",
       .format = "duration"},
      {.name = "traffic",
       .text = "Which revisions get which requests. Without it the newest revision that is ready "
               "gets all; see docs/traffic.md."},
      {.name = "canary",
       .text = "Gives a new revision its share in steps, and takes it back where a condition does "
               "not hold; see docs/canary.md. The split of the traffic is the canary's then."},
      {.name = "scaling",
       .text = "Instances by what is asked of the service, in the place of predictor.instances."},
      {.name = "limits",
       .text =
           "How much callers may ask where access is anonymous, all of them together. Keys have "
           "limits of their own: spec.limits of their Tokens."},
  };
};

template <>
struct slipway::Description<slipway::resource::ServiceStatus> {
  static constexpr std::string_view kText = "Where a service stands.";
  static constexpr FieldText kFields[] = {
      {.name = "ready_revision",
       .text = "Number of the newest revision that is ready; 0: none. It gets the traffic, unless "
               "spec.traffic says otherwise."},
      {.name = "latest_revision", .text = "Number of the newest revision, ready or not."},
      {.name = "model_digest", .text = "Manifest digest of the newest revision's model."},
      {.name = "url", .text = "Path of its inference endpoint."},
      {.name = "canary", .text = "Where the way of the newest revision stands."},
      {.name = "canary_progress",
       .text = "What is measured in the present step of the canary; not kept over a restart."},
  };
};

template <>
struct slipway::Description<slipway::resource::RevisionSpec> {
  static constexpr std::string_view kText = "One immutable setting of a service.";
  static constexpr FieldText kFields[] = {
      {.name = "service", .text = "The service that made it.", .required = true, .format = "name"},
      {.name = "number", .text = "Counts from 1 in each service.", .required = true, .min = 1},
      {.name = "predictor", .text = "The settings of that time.", .required = true},
      {.name = "repository",
       .text = "Repository of the model.",
       .required = true,
       .format = "repository"},
      {.name = "manifest_digest",
       .text = "The model itself.",
       .required = true,
       .format = "digest"},
  };
};

template <>
struct slipway::Description<slipway::resource::WorkerStatus> {
  static constexpr std::string_view kText = "The process of a revision.";
  static constexpr FieldText kFields[] = {
      {.name = "pid", .text = "Its number; 0: it is being started again."},
      {.name = "restarts", .text = "How often it ended by itself and was started again."},
      {.name = "last_end", .text = "How it ended the last time."},
  };
};

template <>
struct slipway::Description<slipway::resource::RevisionStatus> {
  static constexpr std::string_view kText = "Where a revision stands.";
  static constexpr FieldText kFields[] = {
      {.name = "phase",
       .text = "Pending, Fetching, Loading, Ready, Failed, Retired, or Unknown while the data "
               "plane does not answer."},
      {.name = "load_ms", .text = "Milliseconds from the start of loading to ready."},
      {.name = "memory_bytes",
       .text = "Memory that loading it took; with isolation process, what that process has."},
      {.name = "worker", .text = "Its own process, with isolation process."},
      {.name = "instances", .text = "Runs that it may have at the same time now."},
      {.name = "accelerator", .text = "What computes: cpu, or the name of the GPU."},
      {.name = "gpu_memory_bytes",
       .text = "Memory of the GPU that loading it took; 0 on the processor."},
  };
};
