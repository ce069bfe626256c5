#include "gateway/model_config/describe.h"

#include <algorithm>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "gateway/limits.h"
#include "gateway/model_config/config_json.h"
#include "gateway/model_config/schema.h"

namespace slipway::gateway::model_config {
namespace {

// TYPE_FP32 and so on; BYTES is TYPE_STRING.
std::string TypeName(tensor::DataType type) {
  if (type == tensor::DataType::kBytes) return "TYPE_STRING";
  return "TYPE_" + std::string(DataTypeName(type));
}

// The backend of a platform: what Triton calls onnxruntime_onnx is run by onnxruntime.
std::string BackendOf(std::string_view platform) {
  return std::string(platform.substr(0, platform.rfind('_')));
}

int64_t MaxBatchSize(const Json& config) {
  const auto found = config.find("max_batch_size");
  return found == config.end() ? 0 : found->get<int64_t>();
}

const Json* FindTensor(const Json& config, std::string_view list, std::string_view name) {
  const auto tensors = config.find(list);
  if (tensors == config.end()) return nullptr;
  for (const Json& tensor : *tensors) {
    if (tensor.value("name", "") == name) return &tensor;
  }
  return nullptr;
}

// The tensors of the model, each with what the configuration adds to its name, type and shape.
Json DescribeTensors(const std::vector<tensor::TensorSpec>& specs, const Json& config,
                     std::string_view list) {
  const size_t batch_dims = MaxBatchSize(config) > 0 ? 1 : 0;
  Json out = Json::array();
  for (const tensor::TensorSpec& spec : specs) {
    const Json* given = FindTensor(config, list, spec.name);
    Json described = given == nullptr ? Json::object() : *given;
    described["name"] = spec.name;
    described["data_type"] = TypeName(spec.type);
    if (!described.contains("reshape")) {
      Json dims = Json::array();
      for (size_t i = batch_dims; i < spec.shape.rank(); ++i) dims.push_back(spec.shape[i]);
      described["dims"] = std::move(dims);
    }
    out.push_back(std::move(described));
  }
  return out;
}

// In Triton's words; members that have their default are left out.
Json DynamicBatching(const runtime::BatchingSettings& settings) {
  Json out = Json::object();
  if (!settings.preferred_sizes.empty()) out["preferred_batch_size"] = settings.preferred_sizes;
  if (settings.max_queue_delay_us > 0) {
    out["max_queue_delay_microseconds"] = static_cast<uint64_t>(settings.max_queue_delay_us);
  }
  if (settings.priority_levels > 0) {
    out["priority_levels"] = static_cast<uint64_t>(settings.priority_levels);
    if (settings.default_priority > 0) {
      out["default_priority_level"] = static_cast<uint64_t>(settings.default_priority);
    }
  }
  Json policy = {{"allow_timeout_override", settings.allow_timeout_override}};
  if (settings.timeout_action == "delay") policy["timeout_action"] = "DELAY";
  if (settings.max_queue_size > 0) {
    policy["max_queue_size"] = static_cast<uint64_t>(settings.max_queue_size);
  }
  if (settings.queue_timeout_us > 0) {
    policy["default_timeout_microseconds"] = static_cast<uint64_t>(settings.queue_timeout_us);
  }
  out["default_queue_policy"] = std::move(policy);
  return out;
}

Error Mismatch(const std::string& what) {
  return InvalidArgument("CONFIG_MISMATCH", "the configuration does not fit the model: " + what);
}

std::string Names(const std::vector<tensor::TensorSpec>& specs) {
  std::string names;
  for (const tensor::TensorSpec& spec : specs) {
    names += (names.empty() ? "'" : ", '") + spec.name + "'";
  }
  return names;
}

// The shape as the configuration tells it, with the batch dimension in front.
std::optional<tensor::Shape> ShapeOf(const Json& given, bool has_batch) {
  tensor::Shape shape;
  if (has_batch && !shape.Append(tensor::Shape::kAny)) return std::nullopt;
  for (const Json& dim : given["dims"]) {
    if (!shape.Append(dim.get<int64_t>())) return std::nullopt;
  }
  return shape;
}

bool IsCompatible(const tensor::Shape& told, const tensor::Shape& real) {
  if (told.rank() != real.rank()) return false;
  for (size_t i = 0; i < told.rank(); ++i) {
    if (told[i] >= 0 && real[i] >= 0 && told[i] != real[i]) return false;
  }
  return true;
}

Result<void> CheckTensor(const Json& given, const tensor::TensorSpec& spec, bool has_batch) {
  const std::string type = given.value("data_type", "TYPE_INVALID");
  if (type != "TYPE_INVALID" && type != TypeName(spec.type)) {
    return Mismatch("'" + spec.name + "' has data_type " + type + ", and the model's is " +
                    TypeName(spec.type));
  }
  if (!given.contains("dims") || given.contains("reshape")) return {};
  const std::optional<tensor::Shape> told = ShapeOf(given, has_batch);
  if (told && IsCompatible(*told, spec.shape)) return {};
  return Mismatch("'" + spec.name + "' has dims " + DumpJson(given["dims"]) +
                  (has_batch ? " behind the batch dimension" : "") + ", and the model's are " +
                  spec.shape.ToString());
}

Result<void> CheckTensors(const Json& config, std::string_view list,
                          const std::vector<tensor::TensorSpec>& specs) {
  const bool has_batch = MaxBatchSize(config) > 0;
  for (const tensor::TensorSpec& spec : specs) {
    if (!has_batch || (spec.shape.rank() > 0 && spec.shape[0] < 0)) continue;
    return Mismatch("max_batch_size is " + std::to_string(MaxBatchSize(config)) +
                    ", and the first dimension of '" + spec.name + "', whose shape is " +
                    spec.shape.ToString() + ", is not open: set it to 0");
  }
  const auto tensors = config.find(list);
  if (tensors == config.end()) return {};
  for (const Json& given : *tensors) {
    const std::string name = given.value("name", "");
    const std::optional<size_t> at = tensor::FindSpec(specs, name);
    if (!at) {
      return Mismatch("the model has no " + std::string(list) + " '" + name +
                      "'; there are: " + Names(specs));
    }
    TRY_VOID(CheckTensor(given, specs[*at], has_batch));
  }
  return {};
}

}  // namespace

Result<Json> ConfigOf(const runtime::ServingRevision& settings) {
  if (settings.config.empty()) return Json::object();
  TRY(given, ParseJson(settings.config, {.max_bytes = runtime::kMaxModelConfigBytes}));
  return ReadConfigJson(given);
}

Result<void> CheckAgainst(const Json& config, const tensor::Signature& signature) {
  TRY_VOID(CheckTensors(config, "input", signature.inputs));
  return CheckTensors(config, "output", signature.outputs);
}

std::optional<tensor::DataType> ParseTypeName(std::string_view name) {
  constexpr std::string_view kPrefix = "TYPE_";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  return tensor::ParseDataType(name == "STRING" ? "BYTES" : name);
}

Json Describe(const RevisionRuntime& revision, std::string_view name) {
  const runtime::ServingRevision& settings = revision.settings();
  // It was read well when the model was loaded.
  Json config = ConfigOf(settings).value();
  const tensor::Signature& signature = revision.shown_signature();
  const std::string_view platform = revision.model().model().platform();
  if (revision.batcher().max_rows() > 1 && !config.contains("dynamic_batching")) {
    config["max_batch_size"] = revision.batcher().max_rows();
    config["dynamic_batching"] = DynamicBatching(revision.batching());
  }
  config["name"] = name;
  config["platform"] = platform;
  const bool is_ensemble = revision.ensemble() != nullptr;
  // It has neither files nor instances of its own.
  if (!is_ensemble) {
    config["backend"] = BackendOf(platform);
    config["default_model_filename"] = settings.model_file;
  }
  config["input"] = DescribeTensors(signature.inputs, config, "input");
  config["output"] = DescribeTensors(signature.outputs, config, "output");
  if (!config.contains("version_policy")) {
    config["version_policy"] = {{"latest", {{"num_versions", 1}}}};
  }
  if (!config.contains("instance_group") && !is_ensemble) {
    config["instance_group"] =
        Json::array({{{"name", name},
                      {"kind", revision.model().gpu() ? "KIND_GPU" : "KIND_CPU"},
                      {"count", revision.batcher().width()}}});
  }
  config["model_transaction_policy"] = {{"decoupled", revision.model().model().decoupled()}};
  return WithDefaults(config);
}

}  // namespace slipway::gateway::model_config
