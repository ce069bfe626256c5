#include "registry/shown_tags.h"

#include <map>

#include <nlohmann/json.hpp>

#include "registry/limits.h"
#include "registry/projection.h"
#include "registry/rows.h"
#include "registry/tag_moves.h"
#include "resource/kinds/model.h"

namespace slipway::registry {
namespace {

// Collects tags of one repository that point at models.
class ShownTags {
 public:
  ShownTags(const store::Snapshot& snapshot, const std::string& repository)
      : snapshot_(snapshot), repository_(repository) {}

  bool IsFull() const { return tags_.size() == kMaxShownTags; }
  Json Take() { return std::move(tags_); }

  Result<void> Add(const std::string& tag) {
    if (IsFull() || tags_.contains(tag)) return {};
    const auto row = FindTag(snapshot_, repository_, tag);
    if (!row || !*row) return {};  // one that cannot be read hides no other
    TRY(is_model, IsModel((*row)->digest));
    if (is_model) tags_[tag] = (*row)->digest.text();
    return {};
  }

 private:
  Result<bool> IsModel(const Digest& digest) {
    const auto known = is_model_.find(digest.text());
    if (known != is_model_.end()) return known->second;
    const auto manifest = FindManifest(snapshot_, repository_, digest);
    const bool is_model = manifest && *manifest && IsModelType((*manifest)->artifact_type);
    is_model_.emplace(digest.text(), is_model);
    return is_model;
  }

  const store::Snapshot& snapshot_;
  const std::string& repository_;
  std::map<std::string, bool> is_model_;  // by digest
  Json tags_ = Json::object();
};

// Where there are more than can be shown: those that moved last, then the first by name.
Result<Json> TagsOfModel(const store::Snapshot& snapshot, const resource::Resource& model) {
  const std::string repository = model.spec.value("repository", std::string());
  const std::string prefix = TagPrefix(repository);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxShownTags + 1));
  const bool cut = rows.size() > kMaxShownTags;
  ShownTags shown(snapshot, repository);
  if (cut) {
    const auto moves = ReadMoves(snapshot, repository, "", {}, kMaxShownTags);
    if (moves) {
      for (const TagMove& move : moves->moves) TRY_VOID(shown.Add(move.tag));
    }
  }
  for (const store::KeySize& row : rows) TRY_VOID(shown.Add(row.key.substr(prefix.size())));
  return Json{{"tags", shown.Take()}, {"tagsCut", cut}};
}

Result<Json> TagsOfVersion(const store::Snapshot& snapshot, const resource::Resource& version) {
  const auto digest = Digest::Parse(version.spec.value("manifestDigest", std::string()));
  if (!digest) return Json::object();
  const std::string prefix = TaggedPrefix(version.spec.value("repository", std::string()), *digest);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxShownTags + 1));
  const bool cut = rows.size() > kMaxShownTags;
  if (cut) rows.pop_back();
  Json tags = Json::array();
  for (const store::KeySize& row : rows) tags.push_back(row.key.substr(prefix.size()));
  return Json{{"tags", std::move(tags)}, {"tagsCut", cut}};
}

}  // namespace

void AddShownTags(resource::ResourceStore& store) {
  store.AddStatusPart("Model", &TagsOfModel);
  store.AddStatusPart("ModelVersion", &TagsOfVersion);
}

}  // namespace slipway::registry
