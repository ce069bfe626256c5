// Service: a stable inference endpoint. Revision: one immutable "this model with these settings".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "resource/kinds.h"
#include "resource/kinds/canary.h"
#include "resource/kinds/predictor.h"
#include "resource/kinds/scaling.h"
#include "routing/call_limits.h"
#include "routing/traffic_spec.h"

namespace slipway::resource {

enum class InferenceAccess : uint8_t { kToken, kAnonymous };
BOOST_DESCRIBE_ENUM(InferenceAccess, kToken, kAnonymous)

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

// A package that a revision with a program is made of.
struct RevisionPackage {
  std::string mount_as;  // of a model; of the program itself empty
  std::string repository;
  std::string manifest_digest;

  bool operator==(const RevisionPackage&) const = default;
};
BOOST_DESCRIBE_STRUCT(RevisionPackage, (), (mount_as, repository, manifest_digest))

struct RevisionSpec {
  std::string service;
  int64_t number = 0;
  ModelSettings predictor;
  // Of the model: "default/magika", pinned. With a program, of the first of its models.
  std::string repository;
  std::string manifest_digest;
  std::vector<RevisionPackage> mounts;     // with a program: all its models
  std::optional<RevisionPackage> program;  // its package, where it has one
};
BOOST_DESCRIBE_STRUCT(RevisionSpec, (),
                      (service, number, predictor, repository, manifest_digest, mounts, program))

// All that the revision is made of, each once; the first one is its repository and manifest_digest.
std::vector<RevisionPackage> PackagesOf(const RevisionSpec& revision);

// The process of a revision with isolation process.
struct WorkerStatus {
  int64_t pid = 0;        // 0: it is being started again
  int64_t processes = 0;  // that run
  int64_t restarts = 0;   // how often it ended by itself
  std::string last_end;   // how it did, the last time

  bool operator==(const WorkerStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(WorkerStatus, (), (pid, processes, restarts, last_end))

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
// The term of Revisions that are made of the package with this manifest.
std::string UseTerm(std::string_view manifest_digest);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ServiceSpec> {
  static constexpr std::string_view kText = "A stable inference endpoint.";
  static constexpr FieldText kFields[] = {
      {.name = "predictor", .text = "What is behind the endpoint.", .required = true},
      {.name = "follow",
       .text = "Make a new revision when a tag in predictor moves. "
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
      {.name = "mounts", .text = "All models that its program is given."},
      {.name = "program", .text = "The package of its program."},
  };
};

template <>
struct slipway::Description<slipway::resource::RevisionPackage> {
  static constexpr std::string_view kText = "A package that a revision is made of.";
  static constexpr FieldText kFields[] = {
      {.name = "mount_as", .text = "What the program calls the model.", .format = "name"},
      {.name = "repository", .text = "Its repository.", .required = true, .format = "repository"},
      {.name = "manifest_digest",
       .text = "The package itself.",
       .required = true,
       .format = "digest"},
  };
};

template <>
struct slipway::Description<slipway::resource::WorkerStatus> {
  static constexpr std::string_view kText = "The process of a revision, or its processes.";
  static constexpr FieldText kFields[] = {
      {.name = "pid",
       .text = "Its number, of several the first one's; 0: it is being started again."},
      {.name = "processes", .text = "How many run: one for each instance where code is served."},
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
