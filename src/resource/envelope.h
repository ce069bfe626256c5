// The one envelope of every resource: metadata, spec, status.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

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
  std::string type;     // "Ready"
  std::string status;   // "True", "False", "Unknown"
  std::string reason;   // a stable constant
  std::string message;  // one sentence for a person
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

// The whole envelope as JSON: apiVersion, kind, metadata, spec, status.
Json ToJson(const Resource& resource);
// The inverse, of what this program wrote; INTERNAL / RESOURCE_CORRUPT if it is not that.
Result<Resource> ResourceFromStored(const Json& json);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::OwnerReference> {
  static constexpr std::string_view kText = "An object that this one goes away with.";
  static constexpr FieldText kFields[] = {
      {.name = "kind", .text = "Kind of the owner.", .required = true},
      {.name = "name", .text = "Name of the owner, in the same project.", .required = true},
      {.name = "uid",
       .text = "Its uid: an object of that name made later is another.",
       .required = true,
       .format = "uid"},
  };
};

template <>
struct slipway::Description<slipway::resource::Metadata> {
  static constexpr std::string_view kText = "What every resource has besides spec and status.";
  static constexpr FieldText kFields[] = {
      {.name = "project", .text = "Project that it belongs to; none for global kinds."},
      {.name = "name", .text = "Unique among its kind in the project."},
      {.name = "uid",
       .text = "Made by the system, never used again. A PUT or PATCH that states another one is "
               "refused: 409 UID_CONFLICT.",
       .read_only = true},
      {.name = "version",
       .text = "Of the store's one counter, at the last change. A PUT or PATCH that states another "
               "one is refused, as with If-Match: 412 VERSION_CONFLICT.",
       .read_only = true},
      {.name = "generation", .text = "Rises with each change of spec.", .read_only = true},
      {.name = "labels",
       .text = "Short values to select by.",
       .max = 64,
       .format = "label-value",
       .key_format = "label-key"},
      {.name = "annotations",
       .text = "Values for tools, not to select by.",
       .max = 64,
       .key_format = "label-key"},
      {.name = "created_at", .text = "Time of creation, RFC 3339.", .read_only = true},
      {.name = "created_by", .text = "Who created it.", .read_only = true},
      {.name = "owners", .text = "Objects that this one goes away with.", .read_only = true},
      {.name = "finalizers",
       .text = "Controllers that must act before it is removed.",
       .read_only = true},
      {.name = "deleted_at",
       .text = "Time of the wish to delete it; it goes when no finalizer is "
               "left.",
       .read_only = true},
  };
};

template <>
struct slipway::Description<slipway::resource::Condition> {
  static constexpr std::string_view kText = "One thing that is true, false or not known.";
  static constexpr FieldText kFields[] = {
      {.name = "type", .text = "What it is about, such as Ready.", .required = true},
      {.name = "status", .text = "True, False or Unknown.", .required = true},
      {.name = "reason", .text = "A stable constant."},
      {.name = "message", .text = "One sentence for a person."},
      {.name = "changed_at", .text = "When the status last changed, RFC 3339."},
  };
};

template <>
struct slipway::Description<slipway::resource::StatusBase> {
  static constexpr std::string_view kText = "The part of every status that all kinds share.";
  static constexpr FieldText kFields[] = {
      {.name = "observed_generation", .text = "Generation of the spec that the rest is about."},
      {.name = "phase", .text = "Where it stands, in one word."},
      {.name = "conditions", .text = "What is true of it.", .max = 32},
  };
};
