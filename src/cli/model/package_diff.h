// What differs between two packages.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/model/changes.h"
#include "cli/model/package_facts.h"

namespace slipway::cli {

// What is compared. Pure.
struct DiffParts {
  bool files = true;
  bool metadata = true;
  bool signature = true;
};

struct PackageDiff {
  // {path, digest, sizeBytes}, of changed ones {path, before, after}; by path.
  Json files = {{"added", Json::array()}, {"removed", Json::array()}, {"changed", Json::array()}};
  std::vector<ValueChange> metadata;
  std::vector<ValueChange> signature;
  bool is_signature_known = true;  // of both

  bool HasFiles() const {
    return !files["added"].empty() || !files["removed"].empty() || !files["changed"].empty();
  }
  bool empty() const { return !HasFiles() && metadata.empty() && signature.empty(); }
};

PackageDiff ComparePackages(const PackageFacts& before, const PackageFacts& after, DiffParts parts);
// For a person: a line for each file and value, under titles; empty if there is none.
std::string DiffText(const PackageDiff& diff);
// {before, after, equal, files, metadata, signature}; a signature that is not known is null.
Json DiffJson(const PackageFacts& before, const PackageFacts& after, const PackageDiff& diff);

}  // namespace slipway::cli
