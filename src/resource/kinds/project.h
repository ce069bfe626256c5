// Project: the tenant, a name space of resources, repositories and roles.
#pragma once

#include <string>

#include "resource/kinds.h"

namespace slipway::resource {

// Where names without a project belong; there from the first start.
inline constexpr std::string_view kDefaultProject = "default";

// Of the project's repositories.
struct ProjectRegistry {
  bool anonymous_pull = false;
};
BOOST_DESCRIBE_STRUCT(ProjectRegistry, (), (anonymous_pull))

struct ProjectSpec {
  std::string description;
  bool allow_anonymous = true;
  ProjectRegistry registry;
};
BOOST_DESCRIBE_STRUCT(ProjectSpec, (), (description, allow_anonymous, registry))

struct ProjectStatus : StatusBase {};
BOOST_DESCRIBE_STRUCT(ProjectStatus, (StatusBase), ())

KindInfo ProjectKind();

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ProjectRegistry> {
  static constexpr std::string_view kText = "The project's repositories.";
  static constexpr FieldText kFields[] = {
      {.name = "anonymous_pull", .text = "Whether anybody may pull from them, without a token."},
  };
};

template <>
struct slipway::Description<slipway::resource::ProjectSpec> {
  static constexpr std::string_view kText =
      "A tenant: a name space of resources, repositories and roles.";
  static constexpr FieldText kFields[] = {
      {.name = "description", .text = "What the project is for.", .max = 4096},
      {.name = "allow_anonymous", .text = "Whether services may set access: anonymous."},
      {.name = "registry", .text = "Rules of the project's repositories."},
  };
};

template <>
struct slipway::Description<slipway::resource::ProjectStatus> {
  static constexpr std::string_view kText = "Where a project stands.";
};
