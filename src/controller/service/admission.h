// Admission of a Service: the tags of its packages become the digests that they point at now.
#pragma once

#include <string>
#include <vector>

#include "resource/resource_store.h"

namespace slipway::controller {

// Hung into ResourceStore::AddAdmission for the kind Service. `NAME:TAG` becomes
// `PROJECT/NAME:TAG@sha256:...`; a tag that the old spec had pinned already keeps its digest.
// Errors carry the field of the reference, `spec.predictor.models[1].ref`:
//   INVALID_ARGUMENT  REFERENCE_INVALID, MODEL_TAG_MISSING, MODEL_ELSEWHERE, MODEL_UNKNOWN
//   PERMISSION_DENIED ROLE_MISSING for a model of a project that the caller may not read
//   FAILED_PRECONDITION FORMAT_NOT_DEPLOYABLE, PROGRAM_INVALID for a Python program without its
//                     predictor.py
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

}  // namespace slipway::controller
