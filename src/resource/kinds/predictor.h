// What a revision of a service is made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "resource/kinds/batching.h"
#include "resource/kinds/program.h"

namespace slipway::resource {

// Where a model runs: in the process of the data plane, or in one of its own.
enum class Isolation : uint8_t { kShared, kProcess };
BOOST_DESCRIBE_ENUM(Isolation, kShared, kProcess)

enum class Accelerator : uint8_t { kCpu, kGpu, kGpuPreferred };
BOOST_DESCRIBE_ENUM(Accelerator, kCpu, kGpu, kGpuPreferred)

// What a revision is made of; a change of it makes a new revision.
struct ModelSettings {
  // Reference NAME:TAG or NAME@sha256:...; a tag is pinned at admission. With a program it is one
  // of the program's models, by the name kMainMount, and may be missing.
  std::string model;
  int32_t threads = 0;  // intra-op threads of the engine; 0: chosen
  int32_t instances = 0;
  std::optional<BatchingSettings> batching;
  std::optional<Isolation> isolation;  // default: as the format of the model needs it
  std::string warmup;                  // a file of the model with requests to warm up with
  Accelerator accelerator = Accelerator::kCpu;
  std::vector<MountedModel> models;        // of the program, besides `model`
  std::optional<ProgramSettings> program;  // nothing: an engine runs the model

  bool operator==(const ModelSettings&) const = default;
};
BOOST_DESCRIBE_STRUCT(ModelSettings, (),
                      (model, threads, instances, batching, isolation, warmup, accelerator, models,
                       program))

// One of the packages that settings name.
struct NamedPackage {
  enum class Role : uint8_t { kModel, kMount, kProgram };
  Role role = Role::kModel;
  std::string mount_as;  // of models, where there is a program
  std::string field;     // "predictor.models[1].ref"
  std::string* reference = nullptr;
};
// The model, the models and the package of the program, in this order, as far as they are there.
// Good as long as the settings are left alone.
std::vector<NamedPackage> PackagesOf(ModelSettings& settings);

// What the descriptions cannot say. `at` is the path of the settings. INVALID_ARGUMENT /
// FIELD_REQUIRED, FIELD_RANGE, DURATION_INVALID, with the detail "field".
Result<void> CheckPredictor(const ModelSettings& settings, const std::string& at);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ModelSettings> {
  static constexpr std::string_view kText = "A model and how to run it; a change makes a revision.";
  static constexpr FieldText kFields[] = {
      {.name = "model",
       .text = "NAME:TAG or NAME@sha256:...; a tag is pinned when it is admitted. A program knows "
               "it by the name model, and may do without.",
       .max = 512,
       .format = "reference"},
      {.name = "threads",
       .text = "Threads within one run of the engine; 0: chosen.",
       .min = 0,
       .max = 1024},
      {.name = "instances",
       .text = "Runs at the same time; 0: chosen, as many as serve has engine threads.",
       .min = 0,
       .max = 64},
      {.name = "batching", .text = "How requests wait and share runs; default: none shares one."},
      {.name = "isolation",
       .text = "shared: in the process of the data plane. process: in one of its own, whose crash "
               "harms no other model. Default: shared."},
      {.name = "warmup",
       .text = "Path, among the model's files, of a file with a V2 request in each line: the model "
               "answers them before the revision gets traffic, and one that it does not answer "
               "fails the revision.",
       .max = 1024,
       .format = "file-path"},
      {.name = "accelerator",
       .text = "What computes: cpu; gpu, without which the revision fails; or gpuPreferred, which "
               "takes the processor where there is no GPU that the engine can use, and says so."},
      {.name = "models",
       .text = "Models that the program is given; all of them are there before it is loaded.",
       .max = slipway::resource::kMaxMountedModels},
      {.name = "program",
       .text = "Code that answers in the place of an engine, and reads the models."},
  };
};
