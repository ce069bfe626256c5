#include "controller/model/lineage.h"

#include <algorithm>
#include <deque>
#include <set>

#include <nlohmann/json.hpp>

#include "controller/model/lineage_source.h"

namespace slipway::controller {
namespace {

using resource::Key;

constexpr size_t kShownTags = 8;

std::string NameOf(const resource::Metadata& metadata) {
  return metadata.project + "/" + metadata.name;
}

// One place in the tree of parents, or of children.
struct Node {
  Relative relative;
  size_t depth = 0;
  std::vector<size_t> next;  // places in the list of nodes
  bool is_repeated = false;  // what follows it stands at another place
  bool has_more = false;     // what follows it is not all here
  bool is_cut = false;       // the database may not know all of its parents
};

Result<Json> ShownVersion(const LineageSource& source, const ModelVersion& version) {
  TRY(tags, source.TagsOf(version, kShownTags));
  return Json{{"project", version.metadata.project},
              {"name", version.metadata.name},
              {"repository", version.spec.repository},
              {"digest", version.spec.manifest_digest},
              {"tags", tags},
              {"format", version.spec.format}};
}

// Nearest first, so that what is left out for want of room is the farthest.
class Tree {
 public:
  Tree(const LineageSource& source, const LineageQuery& query, bool is_up)
      : source_(source), query_(query), is_up_(is_up) {}

  Result<void> Grow(const ModelVersion& root) {
    nodes_.push_back({.relative = {.version = root}});
    expanded_.insert(NameOf(root.metadata));
    for (std::deque<size_t> waiting = {0}; !waiting.empty(); waiting.pop_front()) {
      TRY_VOID(Expand(waiting.front(), waiting));
    }
    return {};
  }

  Result<Json> Branches() const { return BranchesOf(nodes_.front()); }
  bool has_more() const { return nodes_.front().has_more; }
  bool is_complete() const {
    return std::ranges::none_of(nodes_,
                                [](const Node& node) { return node.has_more || node.is_cut; });
  }
  // PROJECT/NAME of the last child of the root.
  std::string last_name() const {
    const std::vector<size_t>& next = nodes_.front().next;
    return next.empty() ? "" : NameOf(nodes_[next.back()].relative.version->metadata);
  }

 private:
  Result<Children> Next(const Node& node) const {
    const ModelVersion& version = *node.relative.version;
    if (!is_up_) {
      // At the last level it only matters whether there are any.
      const size_t limit = node.depth == query_.depth ? 1 : query_.limit;
      return source_.ChildrenOf(version, node.depth == 0 ? query_.after : "", limit);
    }
    TRY(parents, source_.Parents(version));
    return Children{.relatives = std::move(parents), .has_more = false};
  }

  Result<void> Expand(size_t at, std::deque<size_t>& waiting) {
    TRY(found, Next(nodes_[at]));
    const size_t depth = nodes_[at].depth;
    nodes_[at].is_cut = is_up_ && HasCutParents(*nodes_[at].relative.version);
    nodes_[at].has_more = found.has_more;
    for (Relative& relative : found.relatives) {
      if (depth == query_.depth || nodes_.size() > kMaxLineageNodes) {
        nodes_[at].has_more = true;
        return {};
      }
      Node node{.relative = std::move(relative), .depth = depth + 1};
      const bool is_known = node.relative.version.has_value();
      if (is_known) {
        node.is_repeated = !expanded_.insert(NameOf(node.relative.version->metadata)).second;
      }
      if (is_known && !node.is_repeated) waiting.push_back(nodes_.size());
      nodes_[at].next.push_back(nodes_.size());
      nodes_.push_back(std::move(node));
    }
    return {};
  }

  Result<Json> BranchesOf(const Node& node) const {
    Json branches = Json::array();
    for (size_t at : node.next) {
      TRY(branch, BranchOf(nodes_[at]));
      branches.push_back(std::move(branch));
    }
    return branches;
  }

  // As deep as the depth of the query.
  Result<Json> BranchOf(const Node& node) const {
    Json json = Json::object();
    const Relative& relative = node.relative;
    if (relative.version) {
      TRY(shown, ShownVersion(source_, *relative.version));
      json = std::move(shown);
    }
    json["found"] = relative.version.has_value();
    if (relative.by != FoundBy::kNothing) {
      json["by"] = relative.by == FoundBy::kDigest ? "digest" : "tag";
    }
    const resource::ModelParent& stated = relative.stated;
    for (auto [name, text] : {std::pair("statedReference", &stated.reference),
                              {"statedDigest", &stated.digest},
                              {"relation", &stated.relation}}) {
      if (!text->empty()) json[name] = *text;
    }
    if (node.is_repeated) json["repeated"] = true;
    if (node.has_more) json["more"] = true;
    if (node.is_cut) json["cut"] = true;
    if (!node.next.empty()) {
      TRY(branches, BranchesOf(node));
      json[is_up_ ? "parents" : "children"] = std::move(branches);
    }
    return json;
  }

  const LineageSource& source_;
  const LineageQuery& query_;
  const bool is_up_;
  std::vector<Node> nodes_;
  std::set<std::string> expanded_;  // PROJECT/NAME
};

Json DataSetsOf(const ModelVersion& version) {
  Json list = Json::array();
  if (!version.status.metadata) return list;
  const resource::ModelMetadata& metadata = *version.status.metadata;
  for (const std::string& name : metadata.datasets) {
    Json dataset = {{"name", name}};
    const auto digest = metadata.dataset_digests.find(name);
    if (digest != metadata.dataset_digests.end()) dataset["digest"] = digest->second;
    list.push_back(std::move(dataset));
  }
  for (const auto& [name, digest] : metadata.dataset_digests) {
    if (std::ranges::find(metadata.datasets, name) != metadata.datasets.end()) continue;
    list.push_back({{"name", name}, {"digest", digest}});
  }
  return list;
}

}  // namespace

Result<Json> ReadLineage(const store::Snapshot& snapshot, const LineageQuery& query) {
  const LineageSource source(snapshot, query.may_read);
  TRY(version, source.Find(query.version));
  if (!version) {
    return NotFound("RESOURCE_UNKNOWN", "there is no " + resource::DisplayName(query.version));
  }
  TRY(shown, ShownVersion(source, *version));
  Json lineage = {{"apiVersion", resource::kApiVersion}, {"kind", "Lineage"}, {"version", shown}};
  Json metadata = {{"depth", query.depth}};
  bool is_complete = true;
  for (const bool is_up : {true, false}) {
    if (query.direction == (is_up ? LineageDirection::kDown : LineageDirection::kUp)) continue;
    Tree tree(source, query, is_up);
    TRY_VOID(tree.Grow(*version));
    TRY(branches, tree.Branches());
    lineage[is_up ? "parents" : "children"] = std::move(branches);
    is_complete = is_complete && tree.is_complete();
    if (!is_up && tree.has_more() && !tree.last_name().empty()) {
      metadata["continue"] = tree.last_name();
    }
  }
  if (query.direction != LineageDirection::kDown) lineage["datasets"] = DataSetsOf(*version);
  if (query.direction != LineageDirection::kUp) {
    TRY(uses, source.UsesOf(*version, kMaxLineageServices));
    if (uses.size() > kMaxLineageServices) {
      uses.pop_back();
      is_complete = false;
    }
    lineage["services"] = uses;
  }
  metadata["complete"] = is_complete;
  lineage["metadata"] = std::move(metadata);
  return lineage;
}

}  // namespace slipway::controller
