// VersionTable: versions of models as rows, with the tags that point at each.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "cli/output.h"

namespace slipway::cli {

// Tags as people read them, "v1,v2", out of a Model's status; those of one digest, or of any.
std::string TagsOf(const Json& model, std::string_view digest = {});

// As PrintResources, of a list of ModelVersions; tables have a last column with the tags, which are
// taken from `models`: an array of the Models that these are versions of.
Result<void> PrintVersions(const Json& list, const Json& models, Format format, Clock& clock,
                           std::string_view nothing);

}  // namespace slipway::cli
