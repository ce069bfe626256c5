// The config of a ModelPack (CNCF model-spec v1): what it has a place for is filled from metadata,
// and read back where there is nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "model/metadata/metadata.h"

namespace slipway::model {

// `format` is the recognised one; it stands where the metadata states none. The specification's
// schema allows no other members than those that are written here.
std::string WriteModelPackConfig(const Metadata& metadata, std::string_view format,
                                 const std::vector<Digest>& diff_ids);

// Lenient, as what others write: members of another type than specified are left out. Members that
// the specification does not know are kept in extensions["modelpack"].
Metadata FromModelPackConfig(const Json& config);

}  // namespace slipway::model
