// ModelFile: which files are models, and what they are called.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::gateway {

// TensorFlow's format is a folder, marked by this file; Triton wants it in this one of a version.
inline constexpr std::string_view kSavedModelFile = "saved_model.pb";
inline constexpr std::string_view kSavedModelFolder = "model.savedmodel";

// The format that a file's name tells: "onnx"; nothing for what is no model.
std::optional<std::string_view> FormatOf(const std::filesystem::path& file);
// ".onnx", for sentences.
std::string KnownSuffixes();

// The regular files of a folder that are models, and that of its SavedModel, by name. An unreadable
// folder has none.
std::vector<std::filesystem::path> ModelFilesIn(const std::filesystem::path& folder);
// The file and those beside it that are loaded with it: variables of a SavedModel, weights.
std::vector<std::filesystem::path> PartsOf(const std::filesystem::path& file);
// A folder that somebody else prepared may not bring in files from elsewhere: INVALID_ARGUMENT /
// LINK_REFUSED unless `file`, all links followed, is in `root`, which is canonical.
Result<void> CheckBeneath(const std::filesystem::path& root, const std::filesystem::path& file);

// What a model in this file is called: `model.onnx` says nothing, then the folder has the name.
std::string ModelNameOf(const std::filesystem::path& file);
// INVALID_ARGUMENT / NAME_INVALID. Triton takes any name; here it must at least be one segment of a
// path.
Result<void> CheckModelName(const std::string& name);

}  // namespace slipway::gateway
