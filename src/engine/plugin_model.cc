#include "engine/plugin_model.h"

#include "engine/blame_page.h"
#include "engine/plugin_session.h"

namespace slipway::engine {
namespace {

Result<tensor::TensorSpec> FromSpec(const SlipwaySpec& in) {
  tensor::TensorSpec spec{.name = in.name};
  const auto type = tensor::DataTypeFromNumber(in.type);
  if (!type) {
    return Internal("ENGINE_BUG", "the engine gave tensor '" + spec.name + "' the unknown type " +
                                      std::to_string(in.type));
  }
  spec.type = *type;
  for (uint32_t i = 0; i < in.rank; ++i) {
    if (!spec.shape.Append(in.dims[i])) {
      return Internal("ENGINE_BUG",
                      "the engine gave tensor '" + spec.name + "' too many dimensions");
    }
    spec.symbols.emplace_back(in.symbols[i]);
  }
  return spec;
}

Result<tensor::Signature> FromInfo(const SlipwayModelInfo& info) {
  tensor::Signature signature;
  for (uint32_t i = 0; i < info.input_count; ++i) {
    TRY(spec, FromSpec(info.inputs[i]));
    signature.inputs.push_back(std::move(spec));
  }
  for (uint32_t i = 0; i < info.output_count; ++i) {
    TRY(spec, FromSpec(info.outputs[i]));
    signature.outputs.push_back(std::move(spec));
  }
  TRY_VOID(tensor::CheckSignature(signature));
  return signature;
}

}  // namespace

Error FromPlugin(const SlipwayError& error) {
  // Numbers of codes are those of gRPC, 1 to 16; anything else is a bug of the plugin.
  const bool known = error.code >= 1 && error.code <= 16;
  return Error(known ? static_cast<Code>(error.code) : Code::kInternal,
               error.reason[0] == 0 ? "ENGINE_BUG" : error.reason, error.message);
}

PluginModel::PluginModel(const SlipwayEngine& engine, SlipwayModel* model, const std::string& uid)
    : engine_(engine), blame_(BlamePage::Enter(uid)), model_(model) {}

PluginModel::~PluginModel() {
  engine_.unload(model_);
  BlamePage::Leave(blame_);
}

Result<std::unique_ptr<exec::Model>> PluginModel::Load(const SlipwayEngine& engine,
                                                       const ModelSource& source) {
  const SlipwayLoadOptions options{.path = source.path.c_str(),
                                   .threads = source.threads,
                                   .gpu = source.gpu ? source.gpu->ordinal : -1};
  SlipwayModel* raw = nullptr;
  SlipwayError error{};
  if (engine.load(&options, &raw, &error) != 0) return FromPlugin(error);
  std::unique_ptr<PluginModel> model(new PluginModel(engine, raw, source.uid));
  const SlipwayModelInfo& info = *engine.info(raw);
  TRY(signature, FromInfo(info));
  model->signature_ = std::move(signature);
  model->completes_in_call_ = info.completes_in_call != 0;
  model->decoupled_ = info.decoupled != 0;
  return std::unique_ptr<exec::Model>(std::move(model));
}

Result<std::unique_ptr<exec::Session>> PluginModel::OpenSession() {
  SlipwaySession* session = nullptr;
  SlipwayError error{};
  if (engine_.open_session(model_, &session, &error) != 0) return FromPlugin(error);
  return std::unique_ptr<exec::Session>(
      std::make_unique<PluginSession>(engine_, session, signature_, blame_));
}

}  // namespace slipway::engine
