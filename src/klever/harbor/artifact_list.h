// The manifests of a repository in Harbor's words, out of one snapshot of the rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "klever/harbor/harbor.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::klever {

struct ArtifactPage {
  std::vector<Digest> digests;
  size_t total = 0;
};

// Those whose tags moved last come first, the others after them in the order of their digests:
// where there are more than kMaxSortedTags tags, these are all those whose tags did not move
// lately. NOT_FOUND / NAME_UNKNOWN without the repository. Looks at kMaxListed rows: for
// Core::ReadList.
Result<ArtifactPage> ListArtifacts(const store::Snapshot& snapshot, const std::string& repository,
                                   const HarborPage& page);

struct TagPage {
  std::vector<std::string> names;
  size_t total = 0;
};
// Tags of the manifest, by name. Counts kMaxListed: for Core::ReadList.
Result<TagPage> ListTags(const store::Snapshot& snapshot, const std::string& repository,
                         const Digest& digest, const HarborPage& page);
// The first kMaxTagsOfArtifact, without counting.
Result<std::vector<std::string>> FirstTags(const store::Snapshot& snapshot,
                                           const std::string& repository, const Digest& digest);

// {id, name, push_time, artifact_id, repository_id, immutable} for each of these tags of the
// manifest that is there.
Result<Json> TagsJson(const store::Snapshot& snapshot, const std::string& repository,
                      const Digest& digest, const std::vector<std::string>& names);

// One artifact as Harbor shows it, all but its tags and extra_attrs. What is not kept (pulls,
// scans, labels) is left out.
Result<Json> ArtifactJson(const store::Snapshot& snapshot, store::ObjectStore& objects,
                          const std::string& repository, const Digest& digest, int64_t project_id);

}  // namespace slipway::klever
