// Artifact: a manifest with all that it consists of, whatever it is: a model, an image for several
// platforms, an index of indexes.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "oci/client.h"
#include "oci/descriptor.h"
#include "oci/manifest.h"

namespace slipway::oci {

struct Artifact {
  // Children before what names them; the last one is what was asked for. Each once.
  std::vector<FetchedManifest> manifests;
  // Each content once. What may not be handed on (IsNonDistributableType) is left out.
  std::vector<Descriptor> configs;
  std::vector<Descriptor> layers;

  const FetchedManifest& root() const { return manifests.back(); }
};

// How the manifest stands in an index, or in a list of referrers. `parsed` is of its bytes.
Descriptor DescriptorOf(const FetchedManifest& manifest, const Manifest& parsed);

// The bytes of the child with this descriptor, verified.
using ReadManifest = std::function<Result<FetchedManifest>(const Descriptor& child)>;

// Errors: those of ParseManifest and of `read`; INVALID_ARGUMENT / ARTIFACT_TOO_LARGE beyond
// kMaxArtifactManifests, kMaxArtifactDepth or kMaxArtifactManifestBytes.
Result<Artifact> ReadArtifact(FetchedManifest root, const ReadManifest& read);

// For ReadArtifact: from a registry.
ReadManifest ReadFrom(Client& client, std::string repository);

}  // namespace slipway::oci
