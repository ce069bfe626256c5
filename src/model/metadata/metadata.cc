#include "model/metadata/metadata.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/format_check.h"
#include "model/limits.h"

namespace slipway::model {
namespace {

constexpr std::string_view kOurVersion = "slipway/v1";
constexpr JsonLimits kLimits{.max_bytes = kMaxMetadataBytes,
                             .max_depth = 32,
                             .max_keys_per_object = 4'096,
                             .max_values = 100'000};

Result<Json> ParseText(std::string_view file_name, std::string_view text) {
  return file_name.ends_with(".json") ? ParseJson(text, kLimits) : ParseYaml(text, kLimits);
}

Error FieldError(std::string_view reason, const std::string& field, std::string_view what) {
  return InvalidArgument(reason, fmt::format("{}: {}", field, what)).With("field", field);
}

// An error of the document as a whole: the file first, the detail "field" kept.
Error InFile(std::string_view file_name, const Error& error) {
  const std::string_view way_out =
      error.reason() == "FIELD_UNKNOWN" ? "; what has no field goes under `extensions`" : "";
  return Error(Code::kInvalidArgument, "METADATA_INVALID",
               fmt::format("{}: {}{}", file_name, error.message(), way_out), error.details());
}

bool IsKnownField(std::string_view name) {
  return TypeOf<Metadata>().Field(name) != nullptr;
}

// Of a text that is no YAML: whether a line begins with a member that metadata has.
bool HasKnownLine(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && IsKnownField(line.substr(0, colon))) return true;
  }
  return false;
}

Result<void> CheckPlain(const Json& value, const std::string& field) {
  if (value.is_number() || value.is_boolean()) return {};
  if (!value.is_string()) {
    return FieldError("FIELD_TYPE", field,
                      fmt::format("expected a number, a text, or true or false, got {}",
                                  value.is_array() ? "a list" : "an object"));
  }
  if (value.get_ref<const std::string&>().size() <= kMaxMetadataValueBytes) return {};
  return FieldError("FIELD_RANGE", field,
                    fmt::format("at most {} bytes, got {}", kMaxMetadataValueBytes,
                                value.get_ref<const std::string&>().size()));
}

Result<void> CheckTensors(const std::vector<StatedTensor>& tensors, const char* part) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::vector<int64_t>& shape = tensors[i].shape;
    const auto wrong = std::ranges::find_if(shape, [](int64_t dim) { return dim < -1; });
    if (wrong == shape.end()) continue;
    return FieldError("FIELD_RANGE",
                      fmt::format("signature.{}[{}].shape[{}]", part, i, wrong - shape.begin()),
                      fmt::format("a length, or -1 for any, got {}", *wrong));
  }
  return {};
}

}  // namespace

bool IsMetadata(std::string_view file_name, std::string_view text) {
  const bool is_yaml = file_name == kMetadataFiles[0];
  if (!is_yaml && file_name != kMetadataFiles[1]) return false;
  const auto json = ParseText(file_name, text);
  if (!json.has_value()) return is_yaml && HasKnownLine(text);
  if (!json->is_object()) return false;
  const auto version = json->find("apiVersion");
  if (version != json->end() && version->is_string()) {
    return version->get_ref<const std::string&>().starts_with("slipway/");
  }
  if (!is_yaml) return false;
  for (const auto& member : json->items()) {
    if (IsKnownField(member.key())) return true;
  }
  return false;
}

bool LooksLikeMetadata(std::string_view file_name, std::string_view head) {
  if (file_name == kMetadataFiles[0]) {
    constexpr std::string_view kVersion = "apiVersion:";
    size_t at = head.starts_with(kVersion) ? 0 : head.find("\napiVersion:");
    if (at == std::string_view::npos) return HasKnownLine(head);
    at += head[at] == '\n' ? 1 : 0;
    return head.substr(at, head.find('\n', at) - at).find("slipway/") != std::string_view::npos;
  }
  return file_name == kMetadataFiles[1] && head.find("\"slipway/v") != std::string_view::npos;
}

Result<Metadata> ParseMetadata(std::string_view file_name, std::string_view text) {
  const auto json = ParseText(file_name, text);
  if (!json.has_value()) return InFile(file_name, json.error());
  auto metadata = Decode<Metadata>(json->is_null() ? Json::object() : *json);
  if (!metadata.has_value()) return InFile(file_name, metadata.error());
  const auto checked = CheckMetadata(*metadata);
  if (!checked.has_value()) return InFile(file_name, checked.error());
  return metadata;
}

Result<void> CheckMetadata(const Metadata& metadata) {
  if (!metadata.api_version.empty() && metadata.api_version != kOurVersion) {
    return FieldError("FIELD_RANGE", "apiVersion",
                      fmt::format("{} is what this program reads, got {}", kOurVersion,
                                  Quoted(metadata.api_version)));
  }
  if (!metadata.kind.empty() && metadata.kind != kMetadataKind) {
    return FieldError("FIELD_RANGE", "kind",
                      fmt::format("{}, got {}", kMetadataKind, Quoted(metadata.kind)));
  }
  size_t count = 0;
  for (const auto& [group, metrics] : metadata.metrics) {
    for (size_t i = 0; i < metrics.size(); ++i) {
      TRY_VOID(CheckPlain(metrics[i].value, fmt::format("metrics.{}[{}].value", group, i)));
    }
    count += metrics.size();
  }
  if (count > kMaxMetadataMetrics) {
    return FieldError("FIELD_RANGE", "metrics",
                      fmt::format("at most {} figures, got {}", kMaxMetadataMetrics, count));
  }
  for (size_t i = 0; i < metadata.hyper_parameters.size(); ++i) {
    TRY_VOID(CheckPlain(metadata.hyper_parameters[i].value,
                        fmt::format("hyperParameters[{}].value", i)));
  }
  for (size_t i = 0; i < metadata.parents.size(); ++i) {
    const Parent& parent = metadata.parents[i];
    if (!parent.reference.empty() || !parent.digest.empty()) continue;
    return FieldError("FIELD_REQUIRED", fmt::format("parents[{}]", i),
                      "needs a reference or a digest");
  }
  if (!metadata.signature) return {};
  TRY_VOID(CheckTensors(metadata.signature->inputs, "inputs"));
  return CheckTensors(metadata.signature->outputs, "outputs");
}

std::string DumpMetadata(const Metadata& metadata) {
  return DumpYaml(Encode(metadata));
}

bool IsEmpty(const Metadata& metadata) {
  return Encode(metadata).empty();
}

}  // namespace slipway::model
