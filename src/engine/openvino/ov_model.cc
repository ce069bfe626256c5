#include "engine/openvino/ov_model.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <new>

#include <openvino/core/except.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/exception.hpp>
#include <openvino/runtime/properties.hpp>

#include "engine/plugin_support.h"
#include "engine/reasons.h"

namespace slipway::engine::ov_engine {
namespace {

namespace fs = std::filesystem;

// Both live as long as the process: the library must not be taken down under its threads.
ov::Core* core = nullptr;
uint32_t cores = 1;

// The library takes folders for formats that are folders.
fs::path ToOpen(const fs::path& path) {
  return path.filename() == "saved_model.pb" ? path.parent_path() : path;
}

// What the library says of files that it cannot load, without the folder, which is ours.
Error LoadError(const fs::path& path, const std::exception& exception) {
  std::string text = Words(exception);
  for (const std::string& folder :
       {path.parent_path().native() + "/", path.parent_path().native()}) {
    for (size_t at = text.find(folder); at != std::string::npos; at = text.find(folder, at)) {
      text.erase(at, folder.size());
    }
  }
  return InvalidArgument("MODEL_INVALID",
                         "cannot load " + path.filename().native() + ": OpenVINO: " + text);
}

ov::AnyMap Settings(uint32_t threads) {
  const uint32_t of_a_run = std::clamp(threads == 0 ? cores : threads, 1U, 1024U);
  const uint32_t runs = std::max(cores / of_a_run, 1U);
  return {
      // Else it computes in bf16 where the processor can, and gives other numbers than the
      // framework.
      ov::hint::inference_precision(ov::element::f32),
      ov::num_streams(static_cast<int>(runs)),
      ov::inference_num_threads(static_cast<int>(runs * of_a_run)),
      // The threads of other models and of the gateway want the same cores.
      ov::hint::enable_cpu_pinning(false),
  };
}

// The driver chooses how its GPU works; single precision is what the numbers are to be.
ov::AnyMap GpuSettings() {
  return {ov::hint::inference_precision(ov::element::f32)};
}

// Of a model that the library has read, and whose GPU does not take it.
Error GpuError(const fs::path& path, const std::exception& exception) {
  const std::string text = Words(exception);
  // What OpenCL names them, and what the library says before it asks OpenCL.
  for (const std::string_view sign : {"CL_OUT_OF_RESOURCES", "CL_MEM_OBJECT_ALLOCATION_FAILURE",
                                      "CL_OUT_OF_HOST_MEMORY", "Exceeded max size of memory"}) {
    if (text.find(sign) == std::string::npos) continue;
    return Error(Code::kResourceExhausted, "GPU_MEMORY",
                 "the GPU has too little memory left for " + path.filename().native() +
                     ": OpenVINO: " + text);
  }
  return FailedPrecondition("GPU_UNUSABLE", "the GPU cannot be used for " +
                                                path.filename().native() + ": OpenVINO: " + text);
}

// Throws what the library does for the processor.
Result<ov::CompiledModel> Compile(const std::shared_ptr<ov::Model>& model,
                                  const SlipwayLoadOptions& options) {
  if (options.gpu < 0) return core->compile_model(model, "CPU", Settings(options.threads));
  try {
    return core->compile_model(model, "GPU", GpuSettings());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& exception) {
    return GpuError(options.path, exception);
  }
}

}  // namespace

std::string Devices() {
  std::string out;
  try {
    for (const std::string& name : core->get_available_devices()) {
      out.append(out.empty() ? "" : ", ").append(name);
    }
  } catch (const std::exception&) {
    return "CPU";
  }
  return out;
}

Result<void> OpenLibrary(const SlipwayHost& host) {
  cores = std::max(host.cores, 1U);
  if (core != nullptr) return {};
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  // Else its thread library binds its own symbols first, which the sanitizer refuses.
  setenv("TBB_ENABLE_SANITIZERS", "1", /*overwrite=*/0);  // NOLINT(concurrency-mt-unsafe)
#endif
#endif
  try {
    core = new ov::Core();
  } catch (const std::exception& exception) {
    return Unavailable("ENGINE_LIBRARY", "cannot start OpenVINO: " + Words(exception));
  }
  return {};
}

Result<std::unique_ptr<OvModel>> OvModel::Load(const SlipwayLoadOptions& options) {
  const fs::path file(options.path);
  std::unique_ptr<OvModel> model(new OvModel());
  try {
    TRY(compiled, Compile(core->read_model(ToOpen(file)), options));
    model->compiled_ = std::move(compiled);
    TRY(signature, ReadSignature(model->compiled_));
    model->info_ = std::make_unique<PluginInfo>(std::move(signature), true);
  } catch (const std::bad_alloc&) {
    return Error(Code::kResourceExhausted, kOutOfMemory,
                 "there is not enough memory to load " + file.filename().native());
  } catch (const std::exception& exception) {
    return LoadError(file, exception);
  }
  return model;
}

Result<std::unique_ptr<OvRun>> OvRun::Open(OvModel& model) {
  auto run = std::make_unique<OvRun>();
  try {
    run->request_ = model.compiled().create_infer_request();
    run->inputs_.resize(model.compiled().inputs().size());
  } catch (const std::exception& exception) {
    return Error(Code::kResourceExhausted, "SESSION_FAILED", "OpenVINO: " + Words(exception));
  }
  return run;
}

void OvRun::Start(SlipwayRun* run) {
  CompleteRun(run, Execute(run));
}

void OvRun::Interrupt() {
  try {
    request_.cancel();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the run then ends by itself
  }
}

Result<void> OvRun::Execute(SlipwayRun* run) {
  if (IsCancelled(run)) return Error(Code::kCancelled, "RUN_CANCELLED", "");
  try {
    for (uint32_t i = 0; i < run->input_count; ++i) BindInput(run->inputs[i]);
    request_.infer();
    for (uint32_t i = 0; i < run->output_count; ++i) {
      SlipwayTensor& output = run->outputs[i];
      TRY_VOID(CopyTo(request_.get_output_tensor(output.index), output));
    }
  } catch (const std::bad_alloc&) {
    return Error(Code::kInternal, kOutOfMemory, "there is not enough memory for this run");
  } catch (const std::exception& exception) {
    // The next run must not find what this one had bound by half.
    std::ranges::fill(inputs_, Bound());
    return Internal("RUN_FAILED", "OpenVINO: " + Words(exception));
  }
  return {};
}

void OvRun::BindInput(const SlipwayTensor& input) {
  Bound& bound = inputs_[input.index];
  const std::span dims(input.dims, input.rank);
  if (input.data != nullptr && bound.data == input.data && std::ranges::equal(bound.dims, dims)) {
    return;
  }
  request_.set_input_tensor(input.index, ViewOf(input));
  bound.data = input.data;
  bound.dims.assign(dims.begin(), dims.end());
}

}  // namespace slipway::engine::ov_engine
