#include "model/ormb/layout.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/format_check.h"
#include "base/nearest_word.h"
#include "model/formats/recognise.h"

namespace slipway::model {
namespace {

// Exactly one name that ends in one of the suffixes, or is the name itself.
struct Need {
  std::string_view shown;
  std::string_view suffix = {};
  std::string_view other_suffix = {};
  std::string_view name = {};
};

struct Layout {
  std::string_view format;
  Need first = {};
  Need second = {};
  bool is_alone = false;  // and nothing else is there
};

constexpr Layout kLayouts[] = {
    {.format = "SavedModel", .first = {.shown = "saved_model.pb", .name = "saved_model.pb"}},
    {.format = "ONNX", .first = {.shown = "*.onnx", .suffix = ".onnx"}},
    {.format = "H5", .first = {.shown = "*.h5", .suffix = ".h5"}},
    {.format = "PMML", .first = {.shown = "*.pmml", .suffix = ".pmml"}, .is_alone = true},
    {.format = "CaffeModel",
     .first = {.shown = "*.caffemodel", .suffix = ".caffemodel"},
     .second = {.shown = "*.prototxt", .suffix = ".prototxt"}},
    {.format = "NetDef",
     .first = {.shown = "init_net.pb", .name = "init_net.pb"},
     .second = {.shown = "predict_net.pb", .name = "predict_net.pb"}},
    {.format = "MXNetParams",
     .first = {.shown = "*symbol.json", .suffix = "symbol.json"},
     .second = {.shown = "*.params", .suffix = ".params"}},
    {.format = "TorchScript", .first = {.shown = "*.pt", .suffix = ".pt"}},
    {.format = "GraphDef", .first = {.shown = "*.graphdef", .suffix = ".graphdef"}},
    {.format = "TensorRT",
     .first = {.shown = "*.plan or *.engine", .suffix = ".plan", .other_suffix = ".engine"}},
    {.format = "SKLearn", .first = {.shown = "*.joblib", .suffix = ".joblib"}},
    {.format = "XGBoost", .first = {.shown = "*.xgboost", .suffix = ".xgboost"}},
    {.format = "MLflow", .first = {.shown = "MLmodel", .name = "MLmodel"}},
    {.format = "Pickle", .first = {.shown = "*.pickle", .suffix = ".pickle"}},
    {.format = "Others"},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kLayouts)> names{};
  for (size_t i = 0; i < names.size(); ++i) names[i] = kLayouts[i].format;
  return names;
}();

bool Meets(const Need& need, std::string_view name) {
  if (!need.name.empty()) return name == need.name;
  return name.ends_with(need.suffix) ||
         (!need.other_suffix.empty() && name.ends_with(need.other_suffix));
}

std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < names.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + Quoted(names[i]);
  }
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text.empty() ? "nothing" : text;
}

Result<void> CheckNeed(std::string_view format, const Need& need,
                       const std::vector<std::string>& names) {
  if (need.shown.empty()) return {};
  std::vector<std::string> met;
  for (const std::string& name : names) {
    if (Meets(need, name)) met.push_back(name);
  }
  if (met.size() == 1) return {};
  return InvalidArgument(
      "ORMB_LAYOUT", fmt::format("model/: {} needs exactly one {}, found {}", format, need.shown,
                                 Listed(met.empty() ? names : met)));
}

bool Has(const std::vector<std::string>& names, std::string_view suffix) {
  return std::ranges::any_of(names,
                             [&](const std::string& name) { return name.ends_with(suffix); });
}

bool SameWord(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](unsigned char c) { return std::tolower(c); },
      [](unsigned char c) { return std::tolower(c); });
}

}  // namespace

std::span<const std::string_view> OrmbFormats() {
  return kNames;
}

std::string InferOrmbFormat(const std::vector<std::string>& names) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {"saved_model.pb", "SavedModel"}, {".onnx", "ONNX"},      {".graphdef", "GraphDef"},
      {".caffemodel", "CaffeModel"},    {".pt", "TorchScript"}, {".plan", "TensorRT"},
      {".engine", "TensorRT"},          {".pmml", "PMML"},      {".h5", "H5"},
      {".xgboost", "XGBoost"},          {".joblib", "SKLearn"},
  };
  for (const auto& [suffix, format] : kRules) {
    if (Has(names, suffix)) return std::string(format);
  }
  if (Has(names, "init_net.pb") && Has(names, "predict_net.pb")) return "NetDef";
  if (Has(names, ".params") && Has(names, "symbol.json")) return "MXNetParams";
  return "Others";
}

std::string OrmbFormatOf(std::string_view format) {
  for (const std::string_view name : kNames) {
    if (SameWord(name, format)) return std::string(name);
  }
  const std::string known = KnownFormat(format);
  for (const std::string_view name : kNames) {
    if (!known.empty() && KnownFormat(name) == known) return std::string(name);
  }
  return {};
}

Result<void> CheckOrmbLayout(std::string_view format, const std::vector<std::string>& names) {
  const auto layout = std::ranges::find(kLayouts, format, &Layout::format);
  if (layout == std::end(kLayouts)) {
    const std::string meant = OrmbFormatOf(format);
    std::string way_out = meant.empty() ? fmt::format("it is one of {}", fmt::join(kNames, ", "))
                                        : fmt::format("did you mean {}?", meant);
    if (format == "MLlib") way_out = "ormb refuses MLlib, too: say Others";
    return InvalidArgument("ORMB_FORMAT",
                           fmt::format("format: ormb knows no {}; {}", Quoted(format), way_out))
        .With("field", "format");
  }
  if (layout->is_alone && names.size() != 1) {
    return InvalidArgument("ORMB_LAYOUT",
                           fmt::format("model/: {} needs one {} and nothing else, found {}", format,
                                       layout->first.shown, Listed(names)));
  }
  TRY_VOID(CheckNeed(format, layout->first, names));
  return CheckNeed(format, layout->second, names);
}

}  // namespace slipway::model
