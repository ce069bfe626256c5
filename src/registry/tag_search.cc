#include "registry/tag_search.h"

#include <nlohmann/json.hpp>

#include "registry/limits.h"
#include "registry/rows.h"
#include "resource/kinds/model.h"
#include "resource/kinds/model_search.h"

namespace slipway::registry {
namespace {

Result<Json> ReadTags(const store::Snapshot& snapshot, const Json& version) {
  TRY(spec, Decode<resource::ModelVersionSpec>(version.at("spec"), "spec", UnknownFields::kIgnore));
  TRY(digest, Digest::Parse(spec.manifest_digest));
  const std::string prefix = TaggedPrefix(spec.repository, digest);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxSearchedTags));
  Json tags = Json::array();
  for (const store::KeySize& row : rows) tags.push_back(row.key.substr(prefix.size()));
  return tags;
}

}  // namespace

resource::SearchPart TagsOfVersions() {
  return {.member = std::string(resource::kTagsPart),
          .read = &ReadTags,
          .complete_below = kMaxSearchedTags};
}

}  // namespace slipway::registry
