#include "gateway/repository/model_file.h"

#include <algorithm>
#include <array>

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;

struct Suffix {
  std::string_view suffix;
  std::string_view format;
  bool offered = true;  // else it is for tests, and no message tells users of it
};
// The first that fits: the file that marks a SavedModel would be a frozen graph by its end alone.
constexpr std::array kSuffixes = {
    Suffix{.suffix = "predictor.py", .format = "python"},
    Suffix{.suffix = ".onnx", .format = "onnx"},
    Suffix{.suffix = kSavedModelFile, .format = "savedmodel"},
    Suffix{.suffix = ".pb", .format = "graphdef"},
    Suffix{.suffix = ".tflite", .format = "tflite"},
    Suffix{.suffix = ".xml", .format = "openvino"},
    Suffix{.suffix = ".pdmodel", .format = "paddle"},
    Suffix{.suffix = ".pt", .format = "torchscript"},
    Suffix{.suffix = ".jit", .format = "torchscript"},
    Suffix{.suffix = ".torchscript", .format = "torchscript"},
    Suffix{.suffix = ".pkl", .format = "pickle"},
    Suffix{.suffix = ".joblib", .format = "joblib"},
    Suffix{.suffix = ".ubj", .format = "xgboost"},
    Suffix{.suffix = ".fake.json", .format = "fake", .offered = false}};

const Suffix* SuffixOf(const fs::path& file) {
  for (const Suffix& suffix : kSuffixes) {
    if (file.filename().native().ends_with(suffix.suffix)) return &suffix;
  }
  return nullptr;
}

}  // namespace

std::optional<std::string_view> FormatOf(const fs::path& file) {
  const Suffix* suffix = SuffixOf(file);
  return suffix == nullptr ? std::nullopt : std::optional(suffix->format);
}

std::string KnownSuffixes() {
  std::string text;
  for (const Suffix& suffix : kSuffixes) {
    if (!suffix.offered) continue;
    text += (text.empty() ? "" : ", ") + std::string(suffix.suffix);
  }
  return text;
}

std::vector<fs::path> ModelFilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::end(at); at.increment(error)) {
    std::error_code none;
    if (at->is_regular_file(none) && FormatOf(at->path())) files.push_back(at->path());
  }
  const fs::path saved_model = folder / kSavedModelFolder / kSavedModelFile;
  if (fs::is_regular_file(saved_model, error)) files.push_back(saved_model);
  std::sort(files.begin(), files.end());
  return files;
}

Result<void> CheckBeneath(const fs::path& root, const fs::path& file) {
  std::error_code error;
  const fs::path target = fs::canonical(file, error);
  if (!error && target.native().starts_with((root / "").native())) return {};
  return InvalidArgument("LINK_REFUSED", file.native() + " is a link to " + target.native() +
                                             ", outside of " + root.native() +
                                             "; put a copy there or name the file itself");
}

std::vector<fs::path> PartsOf(const fs::path& file) {
  std::vector<fs::path> parts = {file};
  std::error_code error;
  if (file.filename() == kSavedModelFile) {
    fs::recursive_directory_iterator at(file.parent_path() / "variables", error);
    for (; !error && at != fs::end(at); at.increment(error)) parts.push_back(at->path());
  }
  for (const char* extension : {".bin", ".pdiparams"}) {
    const fs::path weights = fs::path(file).replace_extension(extension);
    if (fs::exists(weights, error)) parts.push_back(weights);
  }
  return parts;
}

std::string ModelNameOf(const fs::path& file) {
  std::string name = file.filename().native();
  const Suffix* suffix = SuffixOf(file);
  if (suffix != nullptr) name.resize(name.size() - suffix->suffix.size());
  if (!name.empty() && name != "model") return name;
  const fs::path folder = file.parent_path();
  return folder.filename() == kSavedModelFolder ? ModelNameOf(folder.parent_path() / "model")
                                                : folder.filename().native();
}

Result<void> CheckModelName(const std::string& name) {
  const bool usable = !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
                      std::none_of(name.begin(), name.end(), [](char c) {
                        return static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == 0x7f;
                      });
  if (usable) return {};
  return InvalidArgument("NAME_INVALID", "'" + name +
                                             "' cannot be the name of a model: give "
                                             "another one with --name");
}

}  // namespace slipway::gateway
