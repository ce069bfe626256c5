// Lineage: what a model version was made from, what was made from it, and who uses it.
//
// A version is what its manifest's digest says, so a parent that is stated by its digest is the
// same for ever. One that is stated by a name alone is what the tag of that name points at now, in
// both directions, and the answer says so ("by": "tag").
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "resource/row_keys.h"
#include "store/meta/meta_store.h"

namespace slipway::controller {

inline constexpr size_t kDefaultLineageDepth = 4;
inline constexpr size_t kMaxLineageDepth = 16;
// Children of one version, and versions of one answer.
inline constexpr size_t kDefaultLineagePage = 100;
inline constexpr size_t kMaxLineagePage = 500;
inline constexpr size_t kMaxLineageNodes = 1'000;
inline constexpr size_t kMaxLineageServices = 200;

enum class LineageDirection : uint8_t { kUp, kDown, kBoth };

struct LineageQuery {
  resource::Key version;
  LineageDirection direction = LineageDirection::kBoth;
  size_t depth = kDefaultLineageDepth;  // 1 to kMaxLineageDepth
  size_t limit = kDefaultLineagePage;   // 1 to kMaxLineagePage
  std::string after;                    // PROJECT/NAME: children of `version` behind this one
  // Whether the caller may see what is in a project. Of others nothing is told: a parent there is
  // shown as its child states it, children and services there are as if they were not.
  std::function<bool(std::string_view project)> may_read;
};

// {"version", "parents", "children", "datasets", "services", "metadata"}: docs/lineage.md.
// NOT_FOUND / RESOURCE_UNKNOWN without that version. Blocking.
Result<Json> ReadLineage(const store::Snapshot& snapshot, const LineageQuery& query);

}  // namespace slipway::controller
