#include "klever/upload/upload_metadata.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "klever/limits.h"
#include "model/ormb/ormb_file.h"

namespace slipway::klever {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"modelName", "projectName", "versionName"};

Error Invalid(const std::string& what) {
  return Error(Code::kInvalidArgument, "METADATA_INVALID", what, {{"field", "model"}});
}

bool IsNothing(const Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

// In ormb's words: inputs and outputs are a signature's, and members that say nothing are left out.
Json InOrmbWords(const Json& model) {
  Json ormb = Json::object();
  for (const auto& [key, value] : model.items()) {
    const bool is_name = std::ranges::find(kNames, key) != kNames.end();
    if (is_name || IsNothing(value)) continue;
    if (key == "inputs" || key == "outputs") {
      ormb["signature"][key] = value;
    } else if (key == "signature" && value.is_object()) {
      for (const auto& [part, tensors] : value.items()) {
        if (!IsNothing(tensors)) ormb["signature"][part] = tensors;
      }
    } else {
      ormb[key] = value;
    }
  }
  return ormb;
}

}  // namespace

Result<Json> ParseUploadModel(std::string_view text) {
  auto model = ParseJson(text, {.max_bytes = kMaxModelJsonBytes, .max_depth = 32});
  if (!model) return Invalid("the form's field `model`: " + model.error().message());
  if (!model->is_object()) return Invalid("the form's field `model` must be a JSON object.");
  // What ormb's types say of it is known before any byte of the file is kept.
  auto checked = model::ParseOrmbConfig(DumpJson(InOrmbWords(*model)));
  if (!checked) {
    return Error(Code::kInvalidArgument, "METADATA_INVALID",
                 "the form's field `model`: " + checked.error().message(),
                 checked.error().details());
  }
  return InOrmbWords(*model);
}

Json UploadMetadata(const Json& model, Json ormb_file, std::string_view subject) {
  Json metadata = ormb_file.is_object() ? std::move(ormb_file) : Json::object();
  for (const auto& [key, value] : model.items()) {
    if (key == "signature" && metadata.contains(key) && metadata[key].is_object()) {
      for (const auto& [part, tensors] : value.items()) metadata[key][part] = tensors;
    } else {
      metadata[key] = value;
    }
  }
  if (!metadata.contains("author") || IsNothing(metadata["author"])) {
    metadata["author"] = std::string(subject.substr(subject.rfind('/') + 1));
  }
  return metadata;
}

}  // namespace slipway::klever
