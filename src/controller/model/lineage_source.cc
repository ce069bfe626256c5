#include "controller/model/lineage_source.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "oci/reference.h"
#include "registry/lookup.h"
#include "registry/projection.h"
#include "registry/rows.h"
#include "resource/kinds/model_terms.h"
#include "resource/kinds/project.h"
#include "resource/kinds/service.h"
#include "resource/limits.h"

namespace slipway::controller {
namespace {

using resource::Key;

constexpr size_t kScanPage = 200;
// Copies of a version that are looked at, and tags of a version whose names children may state.
constexpr size_t kMaxCopies = 16;
constexpr size_t kMaxNamedTags = 64;

Result<std::optional<resource::Resource>> Read(const store::Snapshot& snapshot, const Key& key) {
  TRY(row, snapshot.Get(resource::RowKey(key)));
  if (!row) return std::optional<resource::Resource>();
  TRY(json, ParseJson(*row, {.max_bytes = 4 * resource::kMaxResourceBytes}));
  TRY(found, resource::ResourceFromStored(json));
  return std::optional(std::move(found));
}

// How people may write NAME:TAG of a repository here: a name of one segment is of `default`, and
// without a tag `latest` is meant.
std::vector<std::string> SpellingsOf(const std::string& repository, const std::string& tag) {
  std::vector<std::string> names = {repository};
  const std::string prefix = std::string(resource::kDefaultProject) + "/";
  const std::string rest = repository.starts_with(prefix) ? repository.substr(prefix.size()) : "";
  if (!rest.empty() && rest.find('/') == std::string::npos) names.push_back(rest);
  std::vector<std::string> spellings;
  for (const std::string& name : names) {
    spellings.push_back(name + ":" + tag);
    if (tag == "latest") spellings.push_back(name);
  }
  return spellings;
}

// Where the revision has this package from.
std::string RepositoryOf(const resource::RevisionSpec& revision, std::string_view digest) {
  const std::vector<resource::RevisionPackage> packages = PackagesOf(revision);
  const auto found =
      std::ranges::find(packages, digest, &resource::RevisionPackage::manifest_digest);
  return found == packages.end() ? revision.repository : found->repository;
}

std::string NameOf(const Key& key) {
  return key.project + "/" + key.name;
}

}  // namespace

bool HasCutParents(const ModelVersion& version) {
  const auto& metadata = version.status.metadata;
  if (!metadata) return version.status.phase.empty();  // nobody has looked into the package yet
  const auto& members = metadata->cut_members;
  return metadata->cut &&
         (members.empty() || std::ranges::find(members, "parents") != members.end());
}

Result<std::optional<ModelVersion>> LineageSource::Find(const Key& key) const {
  TRY(found, Read(snapshot_, key));
  if (!found) return std::optional<ModelVersion>();
  TRY(version, ModelVersion::From(*found));
  return std::optional(std::move(version));
}

Result<std::vector<Key>> LineageSource::Below(std::string_view kind, const std::string& term,
                                              const std::string& after, size_t limit) const {
  const std::string prefix = resource::TermPrefix(kind, term, std::nullopt);
  std::string begin = prefix + after;
  if (!after.empty()) begin.push_back('\0');
  std::vector<Key> keys;
  while (true) {
    TRY(rows, snapshot_.ScanSizes(begin, store::PrefixEnd(prefix), kScanPage));
    bool is_skipped = false;
    for (const store::KeySize& row : rows) {
      const std::string rest = row.key.substr(prefix.size());
      const size_t slash = rest.find('/');
      if (slash == std::string::npos) return Internal("INDEX_CORRUPT", "a term's row has no name");
      std::string project = rest.substr(0, slash);
      if (!may_read_(project)) {
        // All of that project at once: there may be many.
        begin = store::PrefixEnd(prefix + project + "/");
        is_skipped = true;
        break;
      }
      keys.push_back({std::string(kind), std::move(project), rest.substr(slash + 1)});
      if (keys.size() == limit) return keys;
      begin = row.key + '\0';
    }
    if (!is_skipped && rows.size() < kScanPage) return keys;
  }
}

Result<std::optional<ModelVersion>> LineageSource::FindReadable(std::string_view repository,
                                                                const Digest& digest) const {
  const Key key = registry::ModelVersionKey(repository, digest);
  if (!may_read_(key.project)) return std::optional<ModelVersion>();
  TRY(found, Find(key));
  if (!found || found->spec.manifest_digest != digest.text()) return std::optional<ModelVersion>();
  return found;
}

// The same bytes may be in several repositories: the one that is named counts, then one of the same
// project, then the first.
Result<std::optional<ModelVersion>> LineageSource::FindByDigest(const Digest& digest,
                                                                const std::string& named,
                                                                std::string_view near) const {
  if (!named.empty()) {
    TRY(found, FindReadable(named, digest));
    if (found) return found;
  }
  const std::string term = resource::VersionTerm(digest.text());
  TRY(keys, Below("ModelVersion", term, "", kMaxCopies));
  if (keys.empty()) return std::optional<ModelVersion>();
  const auto of_project = std::ranges::find(keys, near, &Key::project);
  return Find(of_project == keys.end() ? keys.front() : *of_project);
}

Result<Relative> LineageSource::Resolve(const resource::ModelParent& stated,
                                        std::string_view near) const {
  Relative relative{.stated = stated};
  const auto reference = oci::Reference::Parse(stated.reference);
  const bool is_here = reference.has_value() && reference->host.empty();
  const std::string named = is_here ? oci::CanonicalRepository(reference->repository) : "";
  const std::string pinned = resource::PinnedParent(stated.reference, stated.digest);
  if (const auto digest = Digest::Parse(pinned)) {
    TRY(found, FindByDigest(*digest, named, near));
    relative.version = std::move(found);
    if (relative.version) relative.by = FoundBy::kDigest;
    return relative;
  }
  if (!is_here || reference->digest || !may_read_(oci::ProjectOf(named))) return relative;
  TRY(digest, registry::ResolveTag(snapshot_, named, reference->Selector()));
  if (!digest) return relative;
  TRY(found, FindReadable(named, *digest));
  relative.version = std::move(found);
  if (relative.version) relative.by = FoundBy::kTag;
  return relative;
}

Result<std::vector<Relative>> LineageSource::Parents(const ModelVersion& child) const {
  std::vector<Relative> parents;
  if (!child.status.metadata) return parents;
  for (const resource::ModelParent& stated : child.status.metadata->parents) {
    TRY(parent, Resolve(stated, child.metadata.project));
    parents.push_back(std::move(parent));
  }
  return parents;
}

Result<std::vector<std::string>> LineageSource::TagsOf(const ModelVersion& version,
                                                       size_t limit) const {
  TRY(digest, Digest::Parse(version.spec.manifest_digest));
  const std::string prefix = registry::TaggedPrefix(version.spec.repository, digest);
  TRY(rows, snapshot_.ScanSizes(prefix, store::PrefixEnd(prefix), limit));
  std::vector<std::string> tags;
  for (const store::KeySize& row : rows) tags.push_back(row.key.substr(prefix.size()));
  return tags;
}

Result<std::vector<std::string>> LineageSource::NamesOf(const ModelVersion& parent) const {
  std::vector<std::string> names = {parent.spec.manifest_digest};
  TRY(tags, TagsOf(parent, kMaxNamedTags));
  for (const std::string& tag : tags) {
    for (std::string& name : SpellingsOf(parent.spec.repository, tag)) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

Result<Children> LineageSource::ChildrenOf(const ModelVersion& parent, const std::string& after,
                                           size_t limit) const {
  TRY(names, NamesOf(parent));
  std::set<Key> keys;
  for (const std::string& name : names) {
    TRY(some, Below("ModelVersion", resource::ChildTerm(name), after, limit + 1));
    keys.insert(some.begin(), some.end());
  }
  // Each name gave its first ones in this order, so that these are the first of all.
  Children children;
  for (const Key& key : keys) {
    if (children.relatives.size() == limit) {
      children.has_more = true;
      break;
    }
    TRY(child, Find(key));
    if (!child) return Internal("INDEX_CORRUPT", "a term's row points nowhere: " + NameOf(key));
    Relative relative;
    for (const resource::ModelParent& stated : child->status.metadata->parents) {
      const std::string pinned = resource::PinnedParent(stated.reference, stated.digest);
      const auto name = std::ranges::find(names, pinned);
      if (name == names.end()) continue;
      relative.stated = stated;
      relative.by = name == names.begin() ? FoundBy::kDigest : FoundBy::kTag;
      break;
    }
    relative.version = std::move(child);
    children.relatives.push_back(std::move(relative));
  }
  return children;
}

Result<std::vector<Json>> LineageSource::UsesOf(const ModelVersion& version, size_t limit) const {
  using resource::Resource;
  TRY(keys, Below("Revision", resource::UseTerm(version.spec.manifest_digest), "", limit + 1));
  std::vector<Json> uses;
  for (const Key& key : keys) {
    TRY(found, Read(snapshot_, key));
    if (!found) return Internal("INDEX_CORRUPT", "a term's row points nowhere: " + NameOf(key));
    using Revision = resource::ResourceOf<resource::RevisionSpec, resource::RevisionStatus>;
    TRY(revision, Revision::From(*found));
    TRY(owner, Read(snapshot_, {"Service", key.project, revision.spec.service}));
    const bool has_traffic =
        owner && owner->status.value("readyRevision", int64_t{0}) == revision.spec.number;
    uses.push_back({{"project", key.project},
                    {"service", revision.spec.service},
                    {"revision", revision.spec.number},
                    {"name", key.name},
                    {"repository", RepositoryOf(revision.spec, version.spec.manifest_digest)},
                    {"phase", revision.status.phase},
                    {"hasTraffic", has_traffic}});
  }
  return uses;
}

}  // namespace slipway::controller
