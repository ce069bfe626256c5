// Service: a stable inference endpoint. Revision: one immutable "this model with these settings".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "resource/envelope.h"

namespace slipway::resource {

enum class InferenceAccess : uint8_t { kToken, kAnonymous };
BOOST_DESCRIBE_ENUM(InferenceAccess, kToken, kAnonymous)

// What a revision is made of; a change of it makes a new revision.
struct ModelSettings {
  std::string model;    // reference NAME:TAG or NAME@sha256:...; a tag is pinned at admission
  int32_t threads = 0;  // intra-op threads of the engine; 0: chosen
  int32_t instances = 1;
};
BOOST_DESCRIBE_STRUCT(ModelSettings, (), (model, threads, instances))

struct ServiceSpec {
  ModelSettings predictor;
  bool follow = false;  // a tag that moves makes a new revision
  std::optional<InferenceAccess> access;  // default: anonymous on loopback listeners, else token
};
BOOST_DESCRIBE_STRUCT(ServiceSpec, (), (predictor, follow, access))

struct ServiceStatus : StatusBase {
  int64_t ready_revision = 0;   // gets the traffic; 0: none
  int64_t latest_revision = 0;  // the newest, ready or not
  std::string model_digest;     // of the latest revision
  std::string url;              // path of its inference endpoint
};
BOOST_DESCRIBE_STRUCT(ServiceStatus, (StatusBase),
                      (ready_revision, latest_revision, model_digest, url))

struct RevisionSpec {
  std::string service;
  int64_t number = 0;
  ModelSettings predictor;
  std::string repository;       // "default/magika"
  std::string manifest_digest;  // pinned
};
BOOST_DESCRIBE_STRUCT(RevisionSpec, (), (service, number, predictor, repository, manifest_digest))

// phase: Pending, Fetching, Loading, Ready, Failed, Retired.
struct RevisionStatus : StatusBase {
  int64_t load_ms = 0;
  int64_t memory_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(RevisionStatus, (StatusBase), (load_ms, memory_bytes))

}  // namespace slipway::resource
