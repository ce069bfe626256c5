// The words by which ModelVersions are found (KindInfo::terms).
#pragma once

#include <string>
#include <string_view>

namespace slipway::resource {

// Of the version with this manifest; of those that say that they were made from the manifest with
// this digest, or (stating no digest) from this reference.
std::string VersionTerm(std::string_view manifest_digest);
std::string ChildTerm(std::string_view digest_or_reference);
// What a parent is known by: its digest, also the one in its reference, else its reference.
std::string PinnedParent(const std::string& reference, const std::string& digest);

}  // namespace slipway::resource
