// serving.json: all that `slipway serve` needs to serve, written by the agent of a site. From this
// file and local blobs alone serve starts. Format: docs/formats/serving.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/file_system.h"

namespace slipway::runtime {

inline constexpr int32_t kServingFormat = 1;

// One revision to be loaded.
struct ServingRevision {
  int64_t number = 0;
  std::string uid;           // of the Revision resource: status is reported under it
  std::string format;        // "onnx", or "fake"
  std::string path;          // folder (unpacked/<digest>) with the model's files
  std::string model_file;    // the file in it to load
  std::string digest;        // of the manifest
  int32_t threads = 0;       // intra-op threads; 0: chosen by serve
  int32_t instances = 1;
};
BOOST_DESCRIBE_STRUCT(ServingRevision, (),
                      (number, uid, format, path, model_file, digest, threads, instances))

// One route of a service: revision number and weight in parts of 10,000.
struct ServingRoute {
  int64_t revision = 0;
  int32_t weight = 10'000;
};
BOOST_DESCRIBE_STRUCT(ServingRoute, (), (revision, weight))

struct ServingService {
  std::string project;
  std::string name;
  std::string access;                  // "token" or "anonymous"
  std::vector<std::string> key_hashes; // sha256 of tokens that may infer, for access "token"
  std::vector<ServingRevision> revisions;
  std::vector<ServingRoute> routes;    // empty: the newest that is ready
};
BOOST_DESCRIBE_STRUCT(ServingService, (), (project, name, access, key_hashes, revisions, routes))

struct ServingConfig {
  int32_t format = kServingFormat;
  uint64_t generation = 0;  // rises with each write; reported back when it is in effect
  std::vector<ServingService> services;
};
BOOST_DESCRIBE_STRUCT(ServingConfig, (), (format, generation, services))

// FAILED_PRECONDITION / FORMAT_NEWER for a format that this program does not know.
Result<ServingConfig> ReadServingConfig(FileSystem& files, const std::string& path);
Result<void> WriteServingConfig(FileSystem& files, const std::string& path,
                                const ServingConfig& config);

}  // namespace slipway::runtime
