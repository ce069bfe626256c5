#include "oci/artifact.h"

#include <set>

#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"

namespace slipway::oci {
namespace {

class Reader {
 public:
  explicit Reader(const ReadManifest& read) : read_(read) {}

  Result<void> Add(FetchedManifest fetched, size_t depth) {
    bytes_ += fetched.bytes.size();
    if (depth > kMaxArtifactDepth || seen_.size() > kMaxArtifactManifests ||
        bytes_ > kMaxArtifactManifestBytes) {
      return InvalidArgument("ARTIFACT_TOO_LARGE",
                             "the index " + fetched.digest.text() + " leads to more than " +
                                 std::to_string(kMaxArtifactManifests) + " manifests or " +
                                 std::to_string(kMaxArtifactManifestBytes >> 20) +
                                 " MiB of them, or more than " + std::to_string(kMaxArtifactDepth) +
                                 " deep.");
    }
    TRY(manifest, ParseManifest(fetched.bytes, fetched.media_type));
    for (const Descriptor& child : manifest.children) {
      if (!seen_.insert(child.digest).second) continue;
      TRY(below, read_(child));
      TRY_VOID(Add(std::move(below), depth + 1));
    }
    if (manifest.config) AddBlob(*manifest.config, artifact_.configs);
    for (const Descriptor& layer : manifest.layers) AddBlob(layer, artifact_.layers);
    artifact_.manifests.push_back(std::move(fetched));
    return {};
  }

  Artifact Take() { return std::move(artifact_); }

 private:
  void AddBlob(const Descriptor& blob, std::vector<Descriptor>& to) {
    if (IsNonDistributableType(blob.media_type)) return;
    if (blobs_.insert(blob.digest).second) to.push_back(blob);
  }

  const ReadManifest& read_;
  Artifact artifact_;
  std::set<Digest> seen_;
  std::set<Digest> blobs_;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<Artifact> ReadArtifact(FetchedManifest root, const ReadManifest& read) {
  Reader reader(read);
  TRY_VOID(reader.Add(std::move(root), 0));
  return reader.Take();
}

Descriptor DescriptorOf(const FetchedManifest& manifest, const Manifest& parsed) {
  return {.media_type = parsed.media_type,
          .digest = manifest.digest,
          .size_bytes = manifest.bytes.size(),
          .annotations = parsed.annotations,
          .artifact_type = std::string(parsed.EffectiveArtifactType())};
}

ReadManifest ReadFrom(Client& client, std::string repository) {
  return [&client, repository = std::move(repository)](const Descriptor& child) {
    return client.GetManifest(repository, child.digest.text());
  };
}

}  // namespace slipway::oci
