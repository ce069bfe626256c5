#include "resource/kinds/project.h"

#include "base/format_check.h"

namespace slipway::resource {
namespace {

// A project is the first segment of its repositories' names, and a first segment with a dot is a
// registry's host.
Result<void> Validate(const Resource& now, const Resource*) {
  TRY_VOID(CheckFormat("repository", now.metadata.name, "metadata.name"));
  if (now.metadata.name.find('.') != std::string::npos || now.metadata.name == "localhost") {
    return InvalidArgument("FIELD_FORMAT",
                           "metadata.name: a project's name has no '.' and is not localhost, "
                           "because such a name in a reference is a registry's host")
        .With("field", "metadata.name");
  }
  return {};
}

Result<void> ValidateDelete(const Resource& resource) {
  if (resource.metadata.name != kDefaultProject) return {};
  return FailedPrecondition("PROJECT_NEEDED",
                            "the project default cannot be deleted: names "
                            "without a project belong to it");
}

}  // namespace

KindInfo ProjectKind() {
  return {.kind = "Project",
          .plural = "projects",
          .singular = "project",
          .global = true,
          .spec = &TypeOf<ProjectSpec>(),
          .status = &TypeOf<ProjectStatus>(),
          .text = Description<ProjectSpec>::kText,
          .validate = &Validate,
          .validate_delete = &ValidateDelete};
}

}  // namespace slipway::resource
