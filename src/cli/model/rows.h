// Models as rows of a table, and a manifest as JSON: what the verbs of `slipway model` show alike.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "cli/output.h"
#include "oci/manifest.h"

namespace slipway::cli {

// {name, digest, artifactType, format, sizeBytes, files[{path, digest, sizeBytes, mediaType}]}.
// `config_json` may be empty.
Json DescribeManifest(const std::string& name, const Digest& digest, const oci::Manifest& manifest,
                      std::string_view config_json);

// {items[{name, repository, tag, digest, createdAt, sizeBytes, format, artifactType}]} as a table,
// JSON, YAML or names. `nothing` is said where there are none.
Result<void> PrintModels(const Json& list, Format format, Clock& clock, std::string_view nothing);

}  // namespace slipway::cli
