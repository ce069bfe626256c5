#include "registry/referrers.h"

#include <map>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "registry/damage.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/rows.h"

namespace slipway::registry {
namespace {

// The tag under which clients kept referrers for registries without this list: the digest with a
// dash, cut to 64 digits.
std::string FallbackTag(const Digest& subject) {
  const std::string& text = subject.text();
  return text.substr(0, 6) + "-" + std::string(subject.hex().substr(0, 64));
}

// How the row of a referrer begins that says all: with the first member of a descriptor.
constexpr std::string_view kWhole = "{\"mediaType\"";

std::string Describe(const Digest& digest, const ManifestRow& row, oci::Annotations annotations) {
  return DumpJson(oci::ToJson(oci::Descriptor{.media_type = row.media_type,
                                              .digest = digest,
                                              .size_bytes = row.size_bytes,
                                              .annotations = std::move(annotations),
                                              .artifact_type = row.artifact_type,
                                              .urls = {},
                                              .platform = std::nullopt}));
}

// The manifest's own descriptor, with its artifact type and annotations.
Result<std::string> DescribeManifest(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                     const std::string& repository, const Digest& digest,
                                     const ManifestRow& row) {
  TRY(bytes, ReadManifestBytes(snapshot, objects, repository, digest));
  TRY(manifest, oci::ParseManifest(bytes, row.media_type));
  return Describe(digest, row, std::move(manifest.annotations));
}

void NoteUnreadable(const std::string& repository, const Digest& digest, const Error& error) {
  LogWarning("a manifest cannot be read: the list of referrers is without what it says",
             {{"repository", repository}, {"digest", digest.text()}, {"error", error}});
}

Result<std::vector<Digest>> ChildrenOf(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                       const std::string& repository, const Digest& digest,
                                       const ManifestRow& row) {
  TRY(bytes, ReadManifestBytes(snapshot, objects, repository, digest));
  TRY(index, oci::ParseManifest(bytes, row.media_type));
  std::vector<Digest> children;
  for (oci::Descriptor& child : index.children) children.push_back(std::move(child.digest));
  return children;
}

// What the index under the fallback tag lists; empty if there is none, it is no index or damaged.
Result<std::vector<Digest>> FallbackDigests(const store::Snapshot& snapshot,
                                            store::ObjectStore& objects,
                                            const std::string& repository, const Digest& subject) {
  TRY(tag, FindTag(snapshot, repository, FallbackTag(subject)));
  if (!tag) return std::vector<Digest>();
  TRY(row, FindManifest(snapshot, repository, tag->digest));
  if (!row || !oci::IsIndexType(row->media_type)) return std::vector<Digest>();
  auto children = ChildrenOf(snapshot, objects, repository, tag->digest, *row);
  if (children) return children;
  NoteUnreadable(repository, tag->digest, children.error());
  return std::vector<Digest>();
}

struct Candidate {
  Digest digest;
  std::string row;  // empty: only an old client's list has it
};

// Candidates after `last`, in order: one more than a page, so that its end is known.
Result<std::map<std::string, Candidate>> Candidates(const store::Snapshot& snapshot,
                                                    store::ObjectStore& objects,
                                                    const std::string& repository,
                                                    const Digest& subject, std::string_view last) {
  std::map<std::string, Candidate> out;
  const std::string prefix = ReferrerPrefix(repository, subject);
  const std::string begin = prefix + std::string(last) + (last.empty() ? "" : std::string(1, '\0'));
  TRY(rows, snapshot.Scan(begin, store::PrefixEnd(prefix), kMaxReferrerPage + 1));
  for (store::KeyValue& row : rows) {
    auto digest = Digest::Parse(std::string_view(row.key).substr(prefix.size()));
    if (!digest) continue;
    std::string text = digest->text();
    out.emplace_hint(out.end(), std::move(text), Candidate{*digest, std::move(row.value)});
  }
  const bool complete = rows.size() <= kMaxReferrerPage;
  TRY(fallback, FallbackDigests(snapshot, objects, repository, subject));
  for (Digest& digest : fallback) {
    const bool in_page = complete || digest.text() <= out.rbegin()->first;
    if (digest.text() <= last || !in_page) continue;
    std::string text = digest.text();
    out.try_emplace(std::move(text), Candidate{std::move(digest), ""});
  }
  return out;
}

// What the list says of candidates, one after the other.
class Describer {
 public:
  Describer(const store::Snapshot& snapshot, store::ObjectStore& objects,
            const std::string& repository, std::string_view artifact_type)
      : snapshot_(snapshot),
        objects_(objects),
        repository_(repository),
        artifact_type_(artifact_type),
        type_at_end_("\"artifactType\":" + DumpJson(Json(artifact_type)) + "}") {}

  // Nothing for one that is not there, of another type, or cannot be read.
  Result<std::optional<std::string>> Describe(const Candidate& candidate) {
    const std::string& row = candidate.row;
    // The type is the last member of every row that has one.
    if (!row.empty() && !artifact_type_.empty() && !row.ends_with(type_at_end_)) {
      return std::optional<std::string>();
    }
    if (!row.starts_with(kWhole)) return Read(candidate.digest);
    TRY(readable, IsReadable(candidate.digest));
    return readable ? std::optional(row) : std::nullopt;
  }
  size_t files() const { return files_; }

 private:
  // Whether nothing is known to be wrong with its bytes. What is damaged anywhere may be this.
  Result<bool> IsReadable(const Digest& digest) {
    if (!has_damage_) {
      TRY(rows, snapshot_.ScanSizes(kDamagedPrefix, store::PrefixEnd(kDamagedPrefix), 1));
      has_damage_ = !rows.empty();
    }
    if (!*has_damage_) return true;
    TRY(row, FindManifest(snapshot_, repository_, digest));
    if (!row) return false;
    TRY(damaged, IsDamaged(snapshot_, row->object));
    return !damaged;
  }
  Result<std::optional<std::string>> Read(const Digest& digest) {
    TRY(row, FindManifest(snapshot_, repository_, digest));
    if (row && row->size_bytes > kMaxInlineBytes) ++files_;
    if (!row || (!artifact_type_.empty() && row->artifact_type != artifact_type_)) {
      return std::optional<std::string>();
    }
    auto descriptor = DescribeManifest(snapshot_, objects_, repository_, digest, *row);
    if (descriptor) return std::optional(std::move(*descriptor));
    // A damaged one does not hide the others.
    NoteUnreadable(repository_, digest, descriptor.error());
    return std::optional<std::string>();
  }

  const store::Snapshot& snapshot_;
  store::ObjectStore& objects_;
  const std::string& repository_;
  const std::string artifact_type_;
  const std::string type_at_end_;
  std::optional<bool> has_damage_;
  size_t files_ = 0;
};

}  // namespace

std::string EncodeReferrer(const Digest& digest, const ManifestRow& row,
                           const oci::Annotations& annotations) {
  std::string whole = Describe(digest, row, annotations);
  if (whole.size() <= kMaxReferrerRowBytes) return whole;
  Json type = Json::object();
  type["artifactType"] = row.artifact_type;
  return DumpJson(type);
}

bool IsFallbackTag(std::string_view tag) {
  if (!tag.starts_with("sha256-") && !tag.starts_with("sha512-")) return false;
  const std::string_view digits = tag.substr(7);
  return digits.size() == 64 && digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

Result<ReferrerPage> ListReferrers(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                   const std::string& repository, const Digest& subject,
                                   std::string_view artifact_type, std::string_view last) {
  ReferrerPage page;
  TRY(exists, RepositoryExists(snapshot, repository));
  if (!exists) return page;
  TRY(candidates, Candidates(snapshot, objects, repository, subject, last));
  Describer describer(snapshot, objects, repository, artifact_type);
  size_t looked_at = 0;
  uint64_t bytes = 0;
  std::string_view previous;
  for (const auto& [text, candidate] : candidates) {
    bool full = looked_at == kMaxReferrerPage || describer.files() >= kMaxReferrerFiles;
    std::optional<std::string> descriptor;
    if (!full) {
      TRY(described, describer.Describe(candidate));
      descriptor = std::move(described);
      bytes += descriptor ? descriptor->size() + 1 : 0;
      full = bytes > kMaxReferrerPageBytes && !page.descriptors.empty();
    }
    if (full) {
      page.next = previous;
      break;
    }
    ++looked_at;
    previous = text;
    if (descriptor) page.descriptors.push_back(std::move(*descriptor));
  }
  return page;
}

}  // namespace slipway::registry
