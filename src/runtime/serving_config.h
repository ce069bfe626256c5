// serving.json: all that `slipway serve` needs to serve, written by the agent of a site. From this
// file and local blobs alone serve starts. Format: docs/formats/serving.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/file_system.h"
#include "routing/call_limits.h"
#include "routing/traffic_spec.h"
#include "runtime/batching.h"
#include "runtime/limits.h"
#include "runtime/program.h"
#include "runtime/scaling.h"

namespace slipway::runtime {

inline constexpr int32_t kServingFormat = 1;

// One revision to be loaded.
struct ServingRevision {
  int64_t number = 0;
  std::string uid;         // of the Revision resource: status is reported under it
  std::string format;      // "onnx", ...; of a program its kind
  std::string path;        // folder (unpacked/<digest>) with the model's files
  std::string model_file;  // the file in it to load; of v2 and http programs empty
  std::string digest;      // of the manifest
  int32_t threads = 0;     // intra-op threads; 0: chosen by serve
  int32_t instances = 0;   // runs at the same time; 0: chosen by serve
  // Triton's model configuration as JSON, where the model brings one; empty: it does not.
  std::string config;
  std::optional<BatchingSettings> batching;  // nothing: none share a run
  bool own_process = false;                  // else in that of serve
  std::string warmup;               // file below `path` with V2 requests, one a line; empty: none
  std::string accelerator = "cpu";  // or "gpu", "gpuPreferred"
  std::optional<ServingProgram> program;  // nothing: an engine runs the model
  std::vector<ServingMount> mounts;       // models of the program
};
BOOST_DESCRIBE_STRUCT(ServingRevision, (),
                      (number, uid, format, path, model_file, digest, threads, instances, config,
                       batching, own_process, warmup, accelerator, program, mounts))

// A token that may infer. Its expiry holds although nobody rewrites the file.
struct ServingKey {
  std::string sha256;         // hex, of the whole text of the token
  int64_t expires_at_ms = 0;  // since 1970, UTC; 0: never
  std::string name;           // of the token, for the access log
  std::optional<routing::CallLimits> limits;
};
BOOST_DESCRIBE_STRUCT(ServingKey, (), (sha256, expires_at_ms, name, limits))

struct ServingService {
  std::string project;
  std::string name;
  std::string access;            // "token" or "anonymous"
  std::vector<ServingKey> keys;  // for access "token"
  std::vector<ServingRevision> revisions;
  // Without it the newest that is ready gets all. It may name revisions that are not listed: those
  // are not ready.
  std::optional<routing::TrafficSpec> traffic;
  int64_t timeout_ms = kRequestTimeout.count();  // of one request
  bool measured = false;                         // the agent is told what its revisions count
  std::optional<ScalingSettings> scaling;        // nothing: `instances` of each revision
  std::optional<routing::CallLimits> limits;     // of all callers together, for access "anonymous"
};
BOOST_DESCRIBE_STRUCT(ServingService, (),
                      (project, name, access, keys, revisions, traffic, timeout_ms, measured,
                       scaling, limits))

struct ServingConfig {
  int32_t format = kServingFormat;
  uint64_t generation = 0;  // rises with each write; reported back when it is in effect
  std::vector<ServingService> services;
};
BOOST_DESCRIBE_STRUCT(ServingConfig, (), (format, generation, services))

// FAILED_PRECONDITION / FORMAT_NEWER for a format that this program does not know; DATA_LOSS /
// SERVING_CONFIG_INVALID, with the place in the message, for anything that is not such a file.
Result<ServingConfig> ReadServingConfig(FileSystem& files, const std::string& path);
// After a crash the file has the old content or the new, whole.
Result<void> WriteServingConfig(FileSystem& files, const std::string& path,
                                const ServingConfig& config);

}  // namespace slipway::runtime

template <>
struct slipway::Description<slipway::runtime::ServingRevision> {
  static constexpr std::string_view kText = "One revision to be loaded.";
  static constexpr FieldText kFields[] = {
      {.name = "number", .text = "Number of the revision.", .required = true, .min = 1},
      {.name = "uid", .text = "Uid of the Revision.", .required = true, .min = 1, .max = 64},
      {.name = "format", .text = "Format of the model.", .required = true, .min = 1, .max = 64},
      {.name = "path",
       .text = "Folder with the model's files.",
       .required = true,
       .min = 1,
       .max = 4096},
      {.name = "model_file",
       .text = "The file in the folder to load; needed where no program answers.",
       .format = "file-path"},
      {.name = "digest",
       .text = "Digest of the model's manifest.",
       .required = true,
       .format = "digest"},
      {.name = "threads", .text = "Threads of one run; 0: chosen.", .min = 0, .max = 1024},
      {.name = "instances", .text = "Runs at the same time; 0: chosen.", .min = 0, .max = 1024},
      {.name = "config",
       .text = "Triton's model configuration, as JSON.",
       .max = slipway::runtime::kMaxModelConfigBytes},
      {.name = "batching", .text = "How requests wait and share runs."},
      {.name = "own_process", .text = "Whether it runs in a process of its own."},
      {.name = "warmup", .text = "File with requests to warm up with.", .format = "file-path"},
      {.name = "accelerator", .text = "cpu, gpu or gpuPreferred.", .max = 32},
      {.name = "program", .text = "Code that answers in the place of an engine."},
      {.name = "mounts",
       .text = "Models that the program is given.",
       .max = slipway::runtime::kMaxServingMounts},
  };
};

template <>
struct slipway::Description<slipway::runtime::ServingKey> {
  static constexpr std::string_view kText = "A token that may infer.";
  static constexpr FieldText kFields[] = {
      {.name = "sha256",
       .text = "SHA-256 of the token, in hex.",
       .required = true,
       .min = 64,
       .max = 64},
      {.name = "expires_at_ms", .text = "End of its life, ms since 1970; 0: never.", .min = 0},
      {.name = "name", .text = "Name of the token.", .max = 256},
      {.name = "limits", .text = "How much it may ask."},
  };
};

template <>
struct slipway::Description<slipway::runtime::ServingService> {
  static constexpr std::string_view kText = "One inference endpoint.";
  static constexpr FieldText kFields[] = {
      {.name = "project", .text = "Its project.", .required = true, .format = "name"},
      {.name = "name", .text = "Its name.", .required = true, .format = "name"},
      {.name = "access", .text = "token or anonymous.", .required = true},
      {.name = "keys", .text = "Tokens that may infer.", .max = slipway::runtime::kMaxServingKeys},
      {.name = "revisions",
       .text = "Revisions to load, oldest first.",
       .max = slipway::runtime::kMaxServingRevisions},
      {.name = "traffic", .text = "Which revisions get which requests."},
      {.name = "timeout_ms",
       .text = "How long one request may take, in ms.",
       .min = 1,
       .max = slipway::runtime::kMaxRequestTimeout.count()},
      {.name = "limits", .text = "How much callers without keys may ask, all together."},
      {.name = "measured", .text = "Whether the agent is told what its revisions count."},
      {.name = "scaling", .text = "Instances by what is asked of it."},
  };
};

template <>
struct slipway::Description<slipway::runtime::ServingConfig> {
  static constexpr std::string_view kText = "What one data plane serves.";
  static constexpr FieldText kFields[] = {
      {.name = "format", .text = "Version of this format.", .required = true, .min = 1},
      {.name = "generation", .text = "Rises with each write.", .required = true},
      {.name = "services",
       .text = "All services of the site.",
       .max = slipway::runtime::kMaxServingServices},
  };
};
