// What the database says of lineage, a version at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "resource/kinds/model.h"
#include "resource/row_keys.h"
#include "store/meta/meta_store.h"

namespace slipway::controller {

using ModelVersion = resource::ResourceOf<resource::ModelVersionSpec, resource::ModelVersionStatus>;

enum class FoundBy : uint8_t { kNothing, kDigest, kTag };

// A parent or child: how the younger one states it, and the other one, if it is here and may be
// read.
struct Relative {
  resource::ModelParent stated;
  FoundBy by = FoundBy::kNothing;
  std::optional<ModelVersion> version;
};

struct Children {
  std::vector<Relative> relatives;  // by PROJECT/NAME
  bool has_more = false;
};

class LineageSource {
 public:
  // Both outlive it.
  LineageSource(const store::Snapshot& snapshot,
                const std::function<bool(std::string_view project)>& may_read)
      : snapshot_(snapshot), may_read_(may_read) {}

  Result<std::optional<ModelVersion>> Find(const resource::Key& key) const;
  // In the order in which they are stated.
  Result<std::vector<Relative>> Parents(const ModelVersion& child) const;
  // Those behind `after` (PROJECT/NAME; empty: from the first on), `limit` at most.
  Result<Children> ChildrenOf(const ModelVersion& parent, const std::string& after,
                              size_t limit) const;
  // The tags that point at it, some of them where there are many.
  Result<std::vector<std::string>> TagsOf(const ModelVersion& version, size_t limit) const;
  // Its revisions as JSON, by project and name; one more than `limit` at most.
  Result<std::vector<Json>> UsesOf(const ModelVersion& version, size_t limit) const;

 private:
  // Keys below a term in projects that may be read, from behind `after` on, `limit` at most.
  Result<std::vector<resource::Key>> Below(std::string_view kind, const std::string& term,
                                           const std::string& after, size_t limit) const;
  Result<std::optional<ModelVersion>> FindReadable(std::string_view repository,
                                                   const Digest& digest) const;
  Result<std::optional<ModelVersion>> FindByDigest(const Digest& digest, const std::string& named,
                                                   std::string_view near) const;
  Result<Relative> Resolve(const resource::ModelParent& stated, std::string_view near) const;
  // What children of it may state: terms.
  Result<std::vector<std::string>> NamesOf(const ModelVersion& parent) const;

  const store::Snapshot& snapshot_;
  const std::function<bool(std::string_view project)>& may_read_;
};

// Whether there may be more parents in the package than the database knows.
bool HasCutParents(const ModelVersion& version);

}  // namespace slipway::controller
