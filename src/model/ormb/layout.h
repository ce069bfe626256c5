// ormb's formats, and what each wants to find in the folder model/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::model {

// All 15 of them, as ormb spells them.
std::span<const std::string_view> OrmbFormats();
// The one that ormb infers from the names in model/; "Others" if there is none.
std::string InferOrmbFormat(const std::vector<std::string>& names);
// ormb's name of one of our formats ("onnx", "mxnet"), or of any case of its own; empty: none.
std::string OrmbFormatOf(std::string_view format);

// `names` are those directly in model/. INVALID_ARGUMENT: ORMB_FORMAT for a format that ormb does
// not take, with the way out; ORMB_LAYOUT with what is wanted and what was found.
Result<void> CheckOrmbLayout(std::string_view format, const std::vector<std::string>& names);

}  // namespace slipway::model
