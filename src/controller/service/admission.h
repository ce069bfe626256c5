// Admission of a Service: its model's tag becomes the digest that it points at now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "oci/reference.h"
#include "resource/resource_store.h"

namespace slipway::controller {

// Hung into ResourceStore::AddAdmission for the kind Service. `NAME:TAG` becomes
// `PROJECT/NAME:TAG@sha256:...`; a tag that the old spec had pinned already keeps its digest.
// Errors carry the field `spec.predictor.model`:
//   INVALID_ARGUMENT  REFERENCE_INVALID, MODEL_TAG_MISSING, MODEL_ELSEWHERE, MODEL_UNKNOWN
//   PERMISSION_DENIED ROLE_MISSING for a model of a project that the caller may not read
//   FAILED_PRECONDITION FORMAT_NOT_DEPLOYABLE
// A revision that spec.traffic names must be there, or be the one that this very change makes:
// INVALID_ARGUMENT / REVISION_UNKNOWN, with the field that names it; likewise one that spec.canary
// promotes or aborts must have been made once.
class ServiceAdmission {
 public:
  // Formats as model/ names them: those that this build can run, and those that a refusal offers.
  struct Formats {
    std::vector<std::string> deployable;
    std::vector<std::string> offered;
  };
  explicit ServiceAdmission(Formats formats) : formats_(std::move(formats)) {}

  Result<void> operator()(resource::ResourceTransaction& transaction, resource::Resource& now,
                          const resource::Resource* old) const;

 private:
  Formats formats_;
};

// The digest that a reference in a Service means: its own, the old one of the same tag, or the
// tag's. Pure but for the read.
Result<Digest> PinnedDigest(const store::Snapshot& snapshot, const oci::Reference& wanted,
                            const std::optional<oci::Reference>& old);

}  // namespace slipway::controller
