#include "resource/kinds/predictor.h"

#include <set>

namespace slipway::resource {
namespace {

Error Wrong(std::string_view reason, const std::string& field, const std::string& what) {
  return InvalidArgument(reason, field + ": " + what).With("field", field);
}

Result<void> CheckMounts(const ModelSettings& settings, const std::string& at) {
  if (settings.model.empty() && settings.models.empty()) {
    return Wrong("FIELD_REQUIRED", at + ".models",
                 "a program is given one model or more: {ref: NAME:TAG, mountAs: NAME}; a package "
                 "of code with its model in it is served as predictor.model");
  }
  std::set<std::string> names;
  if (!settings.model.empty()) names.emplace(kMainMount);
  for (size_t i = 0; i < settings.models.size(); ++i) {
    const std::string& name = settings.models[i].mount_as;
    if (names.insert(name).second) continue;
    const bool is_main = !settings.model.empty() && name == kMainMount;
    return Wrong("FIELD_RANGE", at + ".models[" + std::to_string(i) + "].mountAs",
                 is_main ? "model is the name of predictor.model; take another"
                         : name + " is the name of another model already; take another");
  }
  return {};
}

// A program that is passed requests as they are has nothing of V2's.
Result<void> CheckPassedThrough(const ModelSettings& settings, const std::string& at) {
  if (settings.program->protocol != ProgramProtocol::kHttp) return {};
  const char* const field = settings.batching          ? "batching"
                            : !settings.warmup.empty() ? "warmup"
                                                       : nullptr;
  if (field == nullptr) return {};
  return Wrong("FIELD_RANGE", at + "." + field,
               "a program of protocol http gets its requests as they come; leave it out");
}

}  // namespace

std::vector<NamedPackage> PackagesOf(ModelSettings& settings) {
  using Role = NamedPackage::Role;
  std::vector<NamedPackage> packages;
  if (!settings.model.empty()) {
    packages.push_back({Role::kModel, settings.program ? std::string(kMainMount) : "",
                        "predictor.model", &settings.model});
  }
  for (size_t i = 0; i < settings.models.size(); ++i) {
    packages.push_back({Role::kMount, settings.models[i].mount_as,
                        "predictor.models[" + std::to_string(i) + "].ref",
                        &settings.models[i].ref});
  }
  if (!settings.program) return packages;
  if (!settings.program->python.empty()) {
    packages.push_back({Role::kProgram, "", "predictor.program.python", &settings.program->python});
  }
  if (!settings.program->ref.empty()) {
    packages.push_back({Role::kProgram, "", "predictor.program.ref", &settings.program->ref});
  }
  return packages;
}

Result<void> CheckPredictor(const ModelSettings& settings, const std::string& at) {
  if (settings.batching) TRY_VOID(CheckBatching(*settings.batching, at + ".batching"));
  if (settings.program) {
    TRY_VOID(CheckProgram(*settings.program, at + ".program"));
    TRY_VOID(CheckMounts(settings, at));
    return CheckPassedThrough(settings, at);
  }
  if (!settings.models.empty()) {
    return Wrong("FIELD_RANGE", at + ".models",
                 "are given to a program, and there is none: add predictor.program, or serve one "
                 "model as predictor.model");
  }
  if (settings.model.empty()) {
    return Wrong("FIELD_REQUIRED", at + ".model", "is required where there is no program");
  }
  return {};
}

}  // namespace slipway::resource
