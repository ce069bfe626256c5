// What is where in a LocalStore. For the .cc files of this folder.
#pragma once

#include <string_view>

#include "base/digest.h"

namespace slipway::model {

inline constexpr std::string_view kIndexFile = "index.json";
inline constexpr std::string_view kLayoutFile = "oci-layout";
inline constexpr std::string_view kBlobs = "blobs";
inline constexpr std::string_view kAlgorithms[] = {"sha256", "sha512"};
// Our own, which other tools do not look at.
inline constexpr std::string_view kOwn = ".slipway";
inline constexpr std::string_view kIndexLock = ".slipway/index.lock";
inline constexpr std::string_view kContentLock = ".slipway/content.lock";
inline constexpr std::string_view kPartials = ".slipway/partial";
inline constexpr std::string_view kPendings = ".slipway/pending";

// What WriteFileDurably leaves when its program ends in the middle.
constexpr bool IsAside(std::string_view name) {
  return name.starts_with("index.json.new-") || name.starts_with("oci-layout.new-");
}

constexpr std::string_view AlgorithmOf(const Digest& digest) {
  return kAlgorithms[digest.algorithm() == DigestAlgorithm::kSha512 ? 1 : 0];
}

}  // namespace slipway::model
