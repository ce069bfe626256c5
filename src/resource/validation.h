// Checks of whole resources that every write makes.
#pragma once

#include <string>
#include <vector>

#include "resource/kinds.h"

namespace slipway::resource {

// Name, project, labels, annotations and their sizes. Errors name metadata.FIELD.
Result<void> CheckMetadata(const KindInfo& kind, const Metadata& metadata);
// The same value with all defaults written out; unknown fields are refused.
Result<Json> Normalised(const TypeInfo& type, const Json& json, std::string_view at);
// RESOURCE_EXHAUSTED / RESOURCE_TOO_LARGE above kMaxResourceBytes, of the stored text.
Result<void> CheckSize(const std::string& text);
// changedAt of each condition of `status`: that of the same condition in `old` while its status
// stays, else `now`.
void StampConditions(Json& status, const Json& old, const std::string& now);
// Paths of the fields that differ, "spec.predictor.model"; a field that is an object on one side
// only counts as one. At most `limit`.
std::vector<std::string> ChangedFields(const Json& before, const Json& after, std::string_view at,
                                       size_t limit);
// What users may see changed: labels, annotations and spec of two states of a resource.
std::vector<std::string> ChangedFields(const Resource& before, const Resource& after, size_t limit);

}  // namespace slipway::resource
