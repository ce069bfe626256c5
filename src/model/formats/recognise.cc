#include "model/formats/recognise.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <vector>

#include <fmt/format.h>

namespace slipway::model {
namespace {

// How one format is told from its files. Empty members are not looked at; a file is of the format
// if its name ends in the suffix (or is the whole name, for `name`) and its head, where it is
// known, begins with or contains the magic.
struct Rule {
  std::string_view format;
  std::string_view name;
  std::string_view suffix;
  std::string_view begins = {};
  std::string_view contains = {};
};

// Formats that are folders come first: their parts look like other formats.
constexpr Rule kRules[] = {
    {.format = "python", .name = "predictor.py", .suffix = ""},
    {.format = "savedmodel", .name = "saved_model.pb", .suffix = ""},
    {.format = "savedmodel", .name = "saved_model.pbtxt", .suffix = ""},
    {.format = "fake", .name = "", .suffix = ".fake.json"},
    {.format = "onnx", .name = "", .suffix = ".onnx"},
    {.format = "ort", .name = "", .suffix = ".ort"},
    {.format = "mlflow", .name = "mlmodel", .suffix = ""},
    {.format = "openvino", .name = "", .suffix = ".xml", .contains = "<net"},
    {.format = "pmml", .name = "", .suffix = ".pmml"},
    {.format = "pmml", .name = "", .suffix = ".xml", .contains = "<PMML"},
    {.format = "paddle", .name = "", .suffix = ".pdmodel"},
    {.format = "paddle", .name = "__model__", .suffix = ""},
    {.format = "tflite", .name = "", .suffix = ".tflite"},
    {.format = "tensorrt", .name = "", .suffix = ".plan"},
    {.format = "tensorrt", .name = "", .suffix = ".engine"},
    {.format = "torchscript", .name = "", .suffix = ".torchscript"},
    {.format = "torchscript", .name = "", .suffix = ".jit"},
    {.format = "pytorch", .name = "", .suffix = ".pt"},
    {.format = "pytorch", .name = "", .suffix = ".pth"},
    {.format = "safetensors", .name = "", .suffix = ".safetensors"},
    {.format = "gguf", .name = "", .suffix = ".gguf", .begins = "GGUF"},
    {.format = "keras", .name = "", .suffix = ".keras"},
    {.format = "h5", .name = "", .suffix = ".h5", .begins = "\x89HDF"},
    {.format = "h5", .name = "", .suffix = ".hdf5", .begins = "\x89HDF"},
    {.format = "caffemodel", .name = "", .suffix = ".caffemodel"},
    {.format = "mxnet", .name = "", .suffix = "-symbol.json"},
    {.format = "xgboost", .name = "", .suffix = ".ubj"},
    {.format = "xgboost", .name = "", .suffix = ".xgb"},
    {.format = "lightgbm", .name = "", .suffix = ".txt", .begins = "tree\n"},
    {.format = "netdef", .name = "predict_net.pb", .suffix = ""},
    {.format = "graphdef", .name = "", .suffix = ".pb"},
    {.format = "graphdef", .name = "", .suffix = ".graphdef"},
    {.format = "joblib", .name = "", .suffix = ".joblib"},
    {.format = "pickle", .name = "", .suffix = ".pkl"},
    {.format = "pickle", .name = "", .suffix = ".pickle"},
};

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool Is(const Rule& rule, const FileHint& file) {
  const std::string path = LowerCase(file.path);
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  if (!rule.name.empty() && name != rule.name) return false;
  if (!rule.suffix.empty() && !name.ends_with(rule.suffix)) return false;
  if (file.head.empty()) return true;
  const std::string_view head = file.head;
  return head.starts_with(rule.begins) && head.find(rule.contains) != std::string_view::npos;
}

size_t DepthOf(const std::string& path) {
  return static_cast<size_t>(std::ranges::count(path, '/'));
}

// Of several files of the format: of those in the topmost folder that has one, the one called
// `model.*`, else the only one.
Recognised Choose(std::string_view format, const std::vector<std::string>& paths) {
  Recognised result{.format = std::string(format), .main_file = "", .problem = ""};
  const size_t depth = std::ranges::min(paths | std::views::transform(DepthOf));
  std::vector<std::string> candidates;
  for (const std::string& path : paths) {
    if (DepthOf(path) == depth) candidates.push_back(path);
  }
  const auto called_model = std::ranges::find_if(candidates, [](const std::string& path) {
    return std::string_view(path).substr(path.rfind('/') + 1).starts_with("model.");
  });
  if (candidates.size() == 1) {
    result.main_file = candidates.front();
  } else if (called_model != candidates.end()) {
    result.main_file = *called_model;
  } else {
    result.problem =
        fmt::format("{} and {} are both {}: call the one to be opened model.{}", candidates[0],
                    candidates[1], format, candidates[0].substr(candidates[0].rfind('.') + 1));
  }
  return result;
}

constexpr size_t CountFormats() {
  size_t count = 0;
  for (size_t i = 0; i < std::size(kRules); ++i) {
    if (i == 0 || kRules[i].format != kRules[i - 1].format) ++count;
  }
  return count;
}

}  // namespace

Recognised Recognise(std::span<const FileHint> files) {
  for (const Rule& rule : kRules) {
    std::vector<std::string> paths;
    for (const FileHint& file : files) {
      if (Is(rule, file)) paths.push_back(file.path);
    }
    if (!paths.empty()) return Choose(rule.format, paths);
  }
  return {};
}

std::string KnownFormat(std::string_view stated) {
  // Other tools' words for the same; "others" is ormb's for none.
  constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
      {"mxnetparams", "mxnet"},
      {"sklearn", "joblib"},
      {"saved_model", "savedmodel"},
  };
  // Spark's models are folders that no file marks: they are known by what is said of them alone.
  constexpr std::string_view kStatedOnly = "mllib";
  std::string format = LowerCase(stated);
  for (const auto& [alias, name] : kAliases) {
    if (format == alias) return std::string(name);
  }
  const auto names = FormatNames();
  const bool known = format == kStatedOnly || std::ranges::find(names, format) != names.end();
  return known ? format : std::string();
}

std::span<const std::string_view> FormatNames() {
  static constexpr auto kNames = [] {
    std::array<std::string_view, CountFormats()> names{};
    size_t count = 0;
    for (size_t i = 0; i < std::size(kRules); ++i) {
      if (i == 0 || kRules[i].format != kRules[i - 1].format) names[count++] = kRules[i].format;
    }
    return names;
  }();
  return kNames;
}

}  // namespace slipway::model
