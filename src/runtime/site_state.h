// What a site should run and what it measured: the two documents between the control centre and the
// agent of a site. They carry digests and sizes, never addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "runtime/revision_figures.h"
#include "runtime/serving_channel.h"
#include "runtime/serving_config.h"

namespace slipway::runtime {

// Phases of a Revision, as the agent reports them and as its status shows them.
inline constexpr std::string_view kPhasePending = "Pending";    // nobody has begun
inline constexpr std::string_view kPhaseFetching = "Fetching";  // its bytes come to the site
inline constexpr std::string_view kPhaseLoading = "Loading";    // serve loads and warms it up
inline constexpr std::string_view kPhaseReady = "Ready";        // it can have traffic
inline constexpr std::string_view kPhaseFailed = "Failed";      // it never will, see the reason
inline constexpr std::string_view kPhaseUnknown = "Unknown";    // its data plane does not answer
inline constexpr std::string_view kPhaseRetired = "Retired";    // another one took its place

struct DesiredPackage {
  std::string mount_as;  // of a model; of a program's package empty
  std::string repository;
  std::string manifest_digest;
};
BOOST_DESCRIBE_STRUCT(DesiredPackage, (), (mount_as, repository, manifest_digest))

struct DesiredProgram {
  std::string kind;                       // as ServingProgram::kind
  std::string image;                      // in the place of a package
  std::optional<DesiredPackage> package;  // the program's own
  std::vector<std::string> command;
  std::string ready_path;
  int64_t start_timeout_ms = kProgramStartTimeout.count();
};
BOOST_DESCRIBE_STRUCT(DesiredProgram, (),
                      (kind, image, package, command, ready_path, start_timeout_ms))

struct DesiredRevision {
  int64_t number = 0;
  std::string uid;   // of the Revision
  std::string name;  // of the Revision
  std::string repository;
  std::string manifest_digest;
  int32_t threads = 0;
  int32_t instances = 0;
  std::optional<BatchingSettings> batching;
  bool own_process = false;  // its service says so
  std::string warmup;
  std::string accelerator = "cpu";
  std::optional<DesiredProgram> program;  // nothing: an engine runs the model
  std::vector<DesiredPackage> mounts;     // with a program: all its models
};
BOOST_DESCRIBE_STRUCT(DesiredRevision, (),
                      (number, uid, name, repository, manifest_digest, threads, instances, batching,
                       own_process, warmup, accelerator, program, mounts))

struct DesiredService {
  std::string project;
  std::string name;
  std::string access;                            // "token" or "anonymous"
  std::vector<ServingKey> keys;                  // for access "token"
  std::vector<DesiredRevision> revisions;        // oldest first
  std::optional<routing::TrafficSpec> traffic;   // nothing: all to the newest that is ready
  int64_t timeout_ms = kRequestTimeout.count();  // of one request
  bool measured = false;                         // its reports have figures
  std::optional<ScalingSettings> scaling;
  std::optional<routing::CallLimits> limits;  // of callers without keys
};
BOOST_DESCRIBE_STRUCT(DesiredService, (),
                      (project, name, access, keys, revisions, traffic, timeout_ms, measured,
                       scaling, limits))

struct DesiredState {
  uint64_t version = 0;  // rises when the rest changes; meaningless across control centres
  std::vector<DesiredService> services;
};
BOOST_DESCRIBE_STRUCT(DesiredState, (), (version, services))

struct RevisionReport {
  std::string project;
  std::string name;  // of the Revision
  std::string uid;
  std::string phase;
  std::string reason;   // a stable constant, when it failed or waits
  std::string message;  // one sentence, when it failed or waits
  int64_t load_ms = 0;
  int64_t memory_bytes = 0;
  std::optional<RevisionFigures> figures;  // where its service is measured and it is loaded
  std::optional<WorkerMeasurement> worker;
  int64_t instances = 0;    // runs that it may have at the same time now
  std::string accelerator;  // what computes
  int64_t gpu_memory_bytes = 0;
  std::string isolated;  // one sentence where the site gave it a process of its own unasked
};
BOOST_DESCRIBE_STRUCT(RevisionReport, (),
                      (project, name, uid, phase, reason, message, load_ms, memory_bytes, figures,
                       worker, instances, accelerator, gpu_memory_bytes, isolated))

// Where the site's data plane listens.
struct SiteEndpoint {
  std::string name;  // "rest", "grpc", "metrics"
  std::string address;
  int32_t port = 0;
  bool tls = false;  // it takes TLS only
};
BOOST_DESCRIBE_STRUCT(SiteEndpoint, (), (name, address, port, tls))

struct SiteReport {
  std::string site;
  std::string build_id;             // of the agent
  int64_t serve_pid = 0;            // 0: it does not run
  uint64_t serving_generation = 0;  // in effect
  std::string reason;               // a stable constant, when there is a message
  std::string message;              // one sentence when something is wrong with the site
  std::vector<SiteEndpoint> endpoints;
  std::vector<RevisionReport> revisions;
};
BOOST_DESCRIBE_STRUCT(SiteReport, (),
                      (site, build_id, serve_pid, serving_generation, reason, message, endpoints,
                       revisions))

}  // namespace slipway::runtime
