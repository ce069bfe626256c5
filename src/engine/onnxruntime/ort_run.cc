#include "engine/onnxruntime/ort_run.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "engine/onnxruntime/ort_strings.h"
#include "engine/onnxruntime/ort_types.h"
#include "engine/plugin_support.h"

namespace slipway::engine::ort {
namespace {

constexpr auto kStrings = static_cast<uint32_t>(tensor::DataType::kBytes);

// Sets type, shape and elements of an output that the library gave; `value` passes to the tensor.
Result<void> Take(ValuePtr value, SlipwayTensor& out) {
  const OrtApi& api = Api();
  ShapeInfoPtr info;
  TRY_VOID(Check(api.GetTensorTypeAndShape(value.get(), Out(info)), Step::kRun));
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  TRY_VOID(Check(api.GetTensorElementType(info.get(), &element), Step::kRun));
  const std::optional<tensor::DataType> type = FromOrt(element);
  size_t rank = 0;
  size_t count = 0;
  TRY_VOID(Check(api.GetDimensionsCount(info.get(), &rank), Step::kRun));
  TRY_VOID(Check(api.GetTensorShapeElementCount(info.get(), &count), Step::kRun));
  if (!type || rank > kSlipwayMaxRank) {
    return Internal("RUN_FAILED",
                    "the model gave an output of a type or rank that it had not told");
  }
  out.type = static_cast<uint32_t>(*type);
  out.rank = static_cast<uint32_t>(rank);
  TRY_VOID(Check(api.GetDimensions(info.get(), out.dims, rank), Step::kRun));
  out.element_count = count;
  if (out.type == kStrings) return CopyStrings(value.get(), out);
  TRY_VOID(Check(api.GetTensorMutableData(value.get(), &out.data), Step::kRun));
  out.size_bytes = count * tensor::ElementSize(*type);
  out.owner = value.release();
  out.release = [](void* owner) { Api().ReleaseValue(static_cast<OrtValue*>(owner)); };
  return {};
}

// The library's words for "your buffer has another shape than the output".
bool IsShapeMismatch(const Error& error) {
  return error.message().find("shape") != std::string::npos ||
         error.message().find("Shape") != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<OrtRun>> OrtRun::Open(const OrtModel& model) {
  std::unique_ptr<OrtRun> run(new OrtRun(model));
  TRY_VOID(Check(Api().CreateRunOptions(Out(run->options_)), Step::kLoad));
  // What goes wrong in a run is told to its caller; callers must not be able to fill the log.
  TRY_VOID(
      Check(Api().RunOptionsSetRunLogSeverityLevel(run->options_.get(), ORT_LOGGING_LEVEL_FATAL),
            Step::kLoad));
  TRY_VOID(Check(
      Api().CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, Out(run->host_memory_)),
      Step::kLoad));
  if (model.on_host()) {
    TRY_VOID(Check(Api().CreateIoBinding(model.session(), Out(run->binding_)), Step::kLoad));
  }
  run->inputs_.resize(model.signature().inputs.size());
  run->outputs_.resize(model.signature().outputs.size());
  run->unforeseen_.resize(model.signature().outputs.size());
  return run;
}

void OrtRun::Start(SlipwayRun* run) {
  CompleteRun(run, Execute(run));
}

void OrtRun::Interrupt() {
  // Fails only on a null pointer.
  const Result<void> ignored = Check(Api().RunOptionsSetTerminate(options_.get()), Step::kRun);
  (void)ignored;
}

Result<void> OrtRun::Execute(SlipwayRun* run) {
  TRY_VOID(Check(Api().RunOptionsUnsetTerminate(options_.get()), Step::kRun));
  if (IsCancelled(run)) return Error(Code::kCancelled, "RUN_CANCELLED", "");
  TRY_VOID(BindInputs(run));
  TRY_VOID(BindOutputs(run));
  Result<void> called = CallLibrary(run);
  const bool any_prepared = std::find(prepared_.begin(), prepared_.end(), true) != prepared_.end();
  if (called.has_error() && any_prepared && IsShapeMismatch(called.error()) && !IsCancelled(run)) {
    // Symbols of dimensions are what the model's author says, no proof. Once more, with memory of
    // the library, which tells whether it was that.
    std::vector<bool> before = prepared_;
    std::fill(prepared_.begin(), prepared_.end(), false);
    std::fill(output_values_.begin(), output_values_.end(), nullptr);
    TRY_VOID(CallLibrary(run));
    for (size_t i = 0; i < before.size(); ++i) {
      if (before[i]) unforeseen_[run->outputs[i].index] = true;
    }
  } else if (called.has_error()) {
    return called;
  }
  return TakeOutputs(run);
}

Result<void> OrtRun::BindInputs(const SlipwayRun* run) {
  input_values_.resize(run->input_count);
  for (uint32_t i = 0; i < run->input_count; ++i) {
    if (run->inputs[i].type == kStrings) {
      TRY(value, MakeStrings(run->inputs[i]));
      inputs_[i].value = std::move(value);
      inputs_[i].data = nullptr;
      input_values_[i] = inputs_[i].value.get();
      continue;
    }
    TRY(value, View(inputs_[i], run->inputs[i]));
    input_values_[i] = value;
  }
  return {};
}

Result<void> OrtRun::BindOutputs(const SlipwayRun* run) {
  wanted_names_.resize(run->output_count);
  output_values_.assign(run->output_count, nullptr);
  prepared_.assign(run->output_count, false);
  for (uint32_t i = 0; i < run->output_count; ++i) {
    const SlipwayTensor& output = run->outputs[i];
    wanted_names_[i] = model_.output_names()[output.index];
    if (!IsPrepared(output)) continue;
    TRY(value, View(outputs_[output.index], output));
    output_values_[i] = value;
    prepared_[i] = true;
  }
  return {};
}

// An output of rank 0 may be one whose rank the model does not tell: the library does not say
// which.
bool OrtRun::IsPrepared(const SlipwayTensor& output) const {
  return output.data != nullptr && output.rank > 0 && !unforeseen_[output.index];
}

// What lies elsewhere is copied when it is bound, not when it is run.
bool OrtRun::CanBind(const SlipwayRun* run) const {
  if (binding_ == nullptr) return false;
  const std::span inputs(run->inputs, run->input_count);
  return std::ranges::none_of(inputs, [](const auto& input) { return input.type == kStrings; }) &&
         std::ranges::find(prepared_, false) == prepared_.end();
}

Result<void> OrtRun::Bind(const SlipwayRun* run) {
  for (uint32_t i = 0; i < run->input_count; ++i) {
    if (inputs_[i].is_bound) continue;
    TRY_VOID(Check(Api().BindInput(binding_.get(), model_.input_names()[i], input_values_[i]),
                   Step::kRun));
    inputs_[i].is_bound = true;
  }
  const std::span outputs(run->outputs, run->output_count);
  if (std::ranges::equal(outputs, bound_outputs_, {}, &SlipwayTensor::index) &&
      std::ranges::all_of(bound_outputs_, [&](uint32_t index) { return outputs_[index].is_bound; }))
      [[likely]] {
    return {};
  }
  bound_outputs_.clear();
  Api().ClearBoundOutputs(binding_.get());
  for (uint32_t i = 0; i < run->output_count; ++i) {
    TRY_VOID(
        Check(Api().BindOutput(binding_.get(), wanted_names_[i], output_values_[i]), Step::kRun));
    outputs_[outputs[i].index].is_bound = true;
  }
  for (const SlipwayTensor& output : outputs) bound_outputs_.push_back(output.index);
  return {};
}

Result<void> OrtRun::CallLibrary(const SlipwayRun* run) {
  if (CanBind(run)) {
    TRY_VOID(Bind(run));
    Result<void> ran =
        Check(Api().RunWithBinding(model_.session(), options_.get(), binding_.get()), Step::kRun);
    if (ran.has_error()) bound_outputs_.clear();  // whatever it has put there
    return ran;
  }
  return Check(
      Api().Run(model_.session(), options_.get(), model_.input_names().data(), input_values_.data(),
                run->input_count, wanted_names_.data(), run->output_count, output_values_.data()),
      Step::kRun);
}

Result<void> OrtRun::TakeOutputs(SlipwayRun* run) {
  // Values of the library are owned from here on, also when an earlier one fails.
  std::vector<ValuePtr> given(run->output_count);
  bool any = false;
  for (uint32_t i = 0; i < run->output_count; ++i) {
    if (prepared_[i]) continue;
    given[i].reset(output_values_[i]);
    any = true;
  }
  if (!any) return {};
  for (uint32_t i = 0; i < run->output_count; ++i) {
    if (!prepared_[i]) TRY_VOID(Take(std::move(given[i]), run->outputs[i]));
  }
  return {};
}

Result<OrtValue*> OrtRun::View(Bound& bound, const SlipwayTensor& tensor) {
  if (bound.value != nullptr && bound.data == tensor.data &&
      std::equal(bound.dims.begin(), bound.dims.end(), tensor.dims, tensor.dims + tensor.rank))
      [[likely]] {
    return bound.value.get();
  }
  bound.data = nullptr;
  bound.is_bound = false;
  TRY_VOID(Check(Api().CreateTensorWithDataAsOrtValue(
                     host_memory_.get(), tensor.data, tensor.size_bytes, tensor.dims, tensor.rank,
                     ToOrt(*tensor::DataTypeFromNumber(tensor.type)), Out(bound.value)),
                 Step::kRun));
  bound.data = tensor.data;
  bound.dims.assign(tensor.dims, tensor.dims + tensor.rank);
  return bound.value.get();
}

}  // namespace slipway::engine::ort
