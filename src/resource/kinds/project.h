// Project: the tenant, a name space of resources, repositories and roles.
#pragma once

#include <string>

#include "resource/kinds.h"

namespace slipway::resource {

// Where names without a project belong; there from the first start.
inline constexpr std::string_view kDefaultProject = "default";

struct ProjectSpec {
  std::string description;
  bool allow_anonymous = true;
};
BOOST_DESCRIBE_STRUCT(ProjectSpec, (), (description, allow_anonymous))

struct ProjectStatus : StatusBase {};
BOOST_DESCRIBE_STRUCT(ProjectStatus, (StatusBase), ())

KindInfo ProjectKind();

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ProjectSpec> {
  static constexpr std::string_view kText =
      "A tenant: a name space of resources, repositories and roles.";
  static constexpr FieldText kFields[] = {
      {.name = "description", .text = "What the project is for.", .max = 4096},
      {.name = "allow_anonymous", .text = "Whether services may set access: anonymous."},
  };
};

template <>
struct slipway::Description<slipway::resource::ProjectStatus> {
  static constexpr std::string_view kText = "Where a project stands.";
};
