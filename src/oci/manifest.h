// Manifest: an image manifest or an index, as OCI 1.1 and Docker schema 2 write them, or a document
// of another JSON type that names content as they do. Who keeps a manifest keeps its bytes: what is
// parsed here is for looking at, never for writing back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"

namespace slipway::oci {

struct Manifest {
  std::string media_type;
  // An image manifest has one, an index none; another document may have it.
  std::optional<Descriptor> config;
  std::vector<Descriptor> layers;  // and `blobs` of other documents
  // Of an index, and `manifests` of other documents.
  std::vector<Descriptor> children;
  std::optional<Descriptor> subject;
  std::string artifact_type;  // as written, empty: none
  Annotations annotations;

  bool is_index() const;
  // What the artifact is: artifactType, else the type of the config; empty for an index without.
  std::string_view EffectiveArtifactType() const;
};

// `declared_type` is what came beside the bytes (Content-Type, without parameters), or empty. The
// type is taken from the JSON's mediaType, else from `declared_type`, else from the members that
// are there. Types other than OCI's and Docker's are application/NAME+json and need no member at
// all; `config`, `layers`, `blobs`, `manifests` and `subject` mean there what they mean everywhere.
// Errors, INVALID_ARGUMENT / MANIFEST_INVALID with the detail "field" where one is to blame: no
// JSON or too deep (with the byte), another schema version, an unsupported or contradicting type,
// both or neither of config and manifests, a malformed descriptor, a limit of oci/limits.h passed.
Result<Manifest> ParseManifest(std::string_view bytes, std::string_view declared_type = {});

// `application/json; charset=utf-8` without what follows the semicolon. The types of OCI's and
// Docker's manifests in lower case, all others as they are.
std::string MediaTypeWithoutParameters(std::string_view content_type);

}  // namespace slipway::oci
