// The ModelPack kind of a file, from its name.
#pragma once

#include <string_view>

namespace slipway::model {

// "weight", "weight.config", "doc" or "code": of a file that is not the model itself.
std::string_view FileKind(std::string_view path);

}  // namespace slipway::model
