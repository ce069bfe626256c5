// ormb's metadata: `ormbfile.yaml`, and the config of its artifacts, which is the same as JSON.
// Source: ormb's specification v1alpha1 and the types of its program, where they differ.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/metadata/metadata.h"

namespace slipway::model {

inline constexpr std::string_view kOrmbFile = "ormbfile.yaml";
inline constexpr std::string_view kOrmbFolder = "model";
// What ormb writes for a time that was never set.
inline constexpr std::string_view kOrmbNoTime = "0001-01-01T00:00:00Z";

// Numbers and booleans become, as they are written, the texts that ormb has in their places;
// members that ormb does not know are kept. INVALID_ARGUMENT / METADATA_INVALID with the path of
// what ormb would refuse, too.
Result<Json> ParseOrmbFile(std::string_view yaml);
// The same of a config.
Result<Json> ParseOrmbConfig(std::string_view json);

// Everything that `ormb` says; what has no field of its own is in extensions["ormb"].
Metadata FromOrmb(const Json& ormb);
// Back again: FromOrmb's input comes out as it was, with members in ormb's order, `created` always.
// What ormb has no place for goes into a member `slipway`, which ormb ignores.
Json ToOrmb(const Metadata& metadata);

// The config of an artifact with these files of the folder model/ ("model/model.onnx", ...).
std::string WriteOrmbConfig(const Metadata& metadata, const std::vector<std::string>& files);
// What `export` writes: YAML, without `created` where it was never set.
std::string WriteOrmbFile(const Metadata& metadata);

}  // namespace slipway::model
