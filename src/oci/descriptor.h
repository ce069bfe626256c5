// Descriptor: what points at content (OCI image-spec, descriptor.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"

namespace slipway::oci {

using Annotations = std::map<std::string, std::string>;

struct Platform {
  std::string architecture;
  std::string os;
  std::string variant;
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size_bytes = 0;
  Annotations annotations;
  std::string artifact_type;         // empty: none
  std::vector<std::string> urls;     // other places of the content; never followed
  std::optional<Platform> platform;  // of the children of an index

  // The annotation's value, empty if there is none of that name.
  std::string_view annotation(std::string_view name) const;
};

// `at` is the path of the value, used in errors: INVALID_ARGUMENT / MANIFEST_INVALID with the
// detail "field". Unknown members are ignored, as the specification asks. The embedded `data` must
// have the size and digest that the descriptor states.
Result<Descriptor> ParseDescriptor(const Json& json, const std::string& at);
// mediaType, digest, size, then what is not empty.
Json ToJson(const Descriptor& descriptor);

// Strings by name, with limits.
Result<Annotations> ParseAnnotations(const Json& json, const std::string& at);
// `type/subtype` in the characters of RFC 6838.
bool IsMediaType(std::string_view text);

}  // namespace slipway::oci
