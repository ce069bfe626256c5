// What is where in a LocalStore. For the .cc files of this folder.
#pragma once

#include <string_view>

#include "base/digest.h"

namespace slipway::model {

inline constexpr std::string_view kIndexFile = "index.json";
inline constexpr std::string_view kNewIndex = "index.json.new-";  // WriteFileDurably's files aside
inline constexpr std::string_view kBlobs = "blobs";
inline constexpr std::string_view kAlgorithms[] = {"sha256", "sha512"};
// Our own, which other tools do not look at.
inline constexpr std::string_view kOwn = ".slipway";
inline constexpr std::string_view kIndexLock = ".slipway/index.lock";
inline constexpr std::string_view kContentLock = ".slipway/content.lock";
inline constexpr std::string_view kPartials = ".slipway/partial";
inline constexpr std::string_view kPendings = ".slipway/pending";

constexpr std::string_view AlgorithmOf(const Digest& digest) {
  return kAlgorithms[digest.algorithm() == DigestAlgorithm::kSha512 ? 1 : 0];
}

}  // namespace slipway::model
