// The one envelope of every resource: metadata, spec, status.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"

namespace slipway::resource {

inline constexpr std::string_view kApiVersion = "slipway/v1";

struct OwnerReference {
  std::string kind;
  std::string name;
  std::string uid;
};
BOOST_DESCRIBE_STRUCT(OwnerReference, (), (kind, name, uid))

struct Metadata {
  std::string project;  // empty for global kinds
  std::string name;
  std::string uid;
  uint64_t version = 0;     // of the store's counter, at the last change
  uint64_t generation = 0;  // rises when spec changes
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string created_at;
  std::string created_by;
  std::vector<OwnerReference> owners;
  std::vector<std::string> finalizers;
  std::optional<std::string> deleted_at;
};
BOOST_DESCRIBE_STRUCT(Metadata, (),
                      (project, name, uid, version, generation, labels, annotations, created_at,
                       created_by, owners, finalizers, deleted_at))

struct Condition {
  std::string type;    // "Ready"
  std::string status;  // "True", "False", "Unknown"
  std::string reason;  // a stable constant
  std::string message; // one sentence for a person
  std::string changed_at;
};
BOOST_DESCRIBE_STRUCT(Condition, (), (type, status, reason, message, changed_at))

// The part of every status that generic code reads.
struct StatusBase {
  uint64_t observed_generation = 0;
  std::string phase;
  std::vector<Condition> conditions;
};
BOOST_DESCRIBE_STRUCT(StatusBase, (), (observed_generation, phase, conditions))

// Spec and status as JSON, checked against the kind's description; typed code uses
// ResourceOf<Spec, Status> below.
struct Resource {
  std::string kind;
  Metadata metadata;
  Json spec = Json::object();
  Json status = Json::object();
};

template <class Spec, class Status>
struct ResourceOf {
  Metadata metadata;
  Spec spec;
  Status status;

  static Result<ResourceOf> From(const Resource& resource) {
    TRY(spec, Decode<Spec>(resource.spec, "spec", UnknownFields::kIgnore));
    TRY(status, Decode<Status>(resource.status, "status", UnknownFields::kIgnore));
    return ResourceOf{resource.metadata, std::move(spec), std::move(status)};
  }
};

}  // namespace slipway::resource
