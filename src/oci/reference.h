// Reference: how people name a manifest.
//
//   magika:v1                   default/magika, tag v1, on the registry of the current context
//   vision/gate/detector:1.2    project vision, the same registry
//   magika@sha256:ab..          by digest; `magika:v1@sha256:ab..` keeps the tag for people
//   registry.example:5000/a/b   another registry, because the first segment has a dot, a colon or
//   is
//                               `localhost`; such names are taken as they are
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace slipway::oci {

struct Reference {
  std::string host;        // empty: the registry of the current context
  std::string repository;  // whole, with the project: "default/magika"
  std::string tag;         // empty if there is none
  std::optional<Digest> digest;

  // INVALID_ARGUMENT / REFERENCE_INVALID says which part is wrong and what it may be. A reference
  // with neither tag nor digest is accepted; who needs one asks for it.
  static Result<Reference> Parse(std::string_view text);

  // What identifies the manifest in the repository: the digest's text if there is one, else the
  // tag, else "latest".
  std::string Selector() const;
  // The first segment of the repository.
  std::string_view project() const;
  // A text that Parse reads back as this reference.
  std::string ToString() const;

  bool operator==(const Reference&) const = default;
};

// The grammar of distribution-spec: segments of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` with slashes
// between. INVALID_ARGUMENT / NAME_INVALID.
Result<void> CheckRepositoryName(std::string_view name);
// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. INVALID_ARGUMENT / TAG_INVALID.
Result<void> CheckTag(std::string_view tag);
// A name of one segment belongs to the project `default`: `magika` and `default/magika` are the
// same repository, and this is the form in which it is kept.
std::string CanonicalRepository(std::string_view name);
// The project of a repository: its first segment, or `default` for a name of one segment.
std::string_view ProjectOf(std::string_view repository);

}  // namespace slipway::oci
