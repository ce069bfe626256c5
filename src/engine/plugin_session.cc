#include "engine/plugin_session.h"

#include <algorithm>
#include <chrono>

#include "engine/blame_page.h"
#include "engine/plugin_model.h"

namespace slipway::engine {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
static_assert(tensor::kMaxRank == kSlipwayMaxRank);

int64_t DeadlineNs(std::chrono::steady_clock::time_point deadline) {
  if (deadline == std::chrono::steady_clock::time_point::max()) return INT64_MAX;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
}

void Describe(const Tensor& tensor, SlipwayTensor& out) {
  out.type = static_cast<uint32_t>(tensor.type());
  out.memory = kSlipwayMemoryHost;
  out.rank = static_cast<uint32_t>(tensor.shape().rank());
  std::copy_n(tensor.shape().dims().data(), out.rank, out.dims);
  out.element_count = tensor.element_count();
  out.data = tensor.data();
  out.size_bytes = tensor.size_bytes();
  out.strings = nullptr;
  out.owner = nullptr;
  out.release = nullptr;
}

// Lets `tensor` show what the plugin gave.
Result<void> Take(const SlipwayTensor& raw, Tensor& tensor) {
  const tensor::ForeignOwner owner{.owner = raw.owner, .release = raw.release};
  const auto fail = [&](std::string_view what) -> Error {
    if (owner.release != nullptr) owner.release(owner.owner);
    return Internal("ENGINE_BUG",
                    "the engine gave output " + std::to_string(raw.index) + std::string(what));
  };
  const auto type = tensor::DataTypeFromNumber(raw.type);
  if (!type || raw.memory != kSlipwayMemoryHost) return fail(" an unknown type or memory");
  Shape shape;
  for (uint32_t i = 0; i < raw.rank; ++i) {
    if (!shape.Append(raw.dims[i])) return fail(" too many dimensions");
  }
  const Result<uint64_t> count = shape.ElementCount();
  if (count.has_error() || *count != raw.element_count) return fail(" a shape of another size");
  if (*type == DataType::kBytes) {
    std::vector<std::string_view> strings;
    strings.reserve(raw.element_count);
    for (uint64_t i = 0; i < raw.element_count; ++i) {
      strings.emplace_back(raw.strings[i].data, raw.strings[i].size);
    }
    return tensor.BorrowStrings(shape, std::move(strings), owner);
  }
  if (raw.size_bytes != raw.element_count * ElementSize(*type)) return fail(" a wrong byte size");
  return tensor.Borrow(*type, shape, raw.data, owner);
}

}  // namespace

void PluginSession::Start(const exec::Run& run, exec::RunObserver& observer) {
  run_ = run;
  observer_ = &observer;
  DescribeInputs();
  const Result<void> prepared = PrepareOutputs();
  if (prepared.has_error()) return observer.OnError(prepared.error());
  raw_ = {.inputs = inputs_.data(),
          .input_count = static_cast<uint32_t>(inputs_.size()),
          .output_count = static_cast<uint32_t>(outputs_.size()),
          .outputs = outputs_.data(),
          .deadline_ns = DeadlineNs(run.deadline),
          .cancelled = reinterpret_cast<const uint32_t*>(run.cancelled),
          .complete = Complete,
          .host = this};
  const BlameNote note(blame_);
  engine_.run(session_, &raw_);
}

void PluginSession::DescribeInputs() {
  inputs_.resize(run_.inputs.size());
  strings_.clear();
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Describe(run_.inputs[i], inputs_[i]);
    inputs_[i].index = static_cast<uint32_t>(i);
    for (std::string_view text : run_.inputs[i].strings()) {
      strings_.push_back({text.data(), text.size()});
    }
  }
  // Only now the array stands still.
  const SlipwayString* next = strings_.data();
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (run_.inputs[i].type() != DataType::kBytes) continue;
    inputs_[i].strings = next;
    next += run_.inputs[i].strings().size();
  }
}

Result<void> PluginSession::PrepareOutputs() {
  outputs_.resize(run_.wanted.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const uint32_t index = run_.wanted[i];
    const tensor::TensorSpec& spec = signature_.outputs[index];
    const std::optional<Shape> shape =
        spec.type == DataType::kBytes ? std::nullopt
                                      : tensor::PredictOutputShape(signature_, index, run_.inputs);
    if (shape) {
      TRY_VOID(run_.outputs[i].Reset(spec.type, *shape));
      Describe(run_.outputs[i], outputs_[i]);
    } else {
      outputs_[i] = {.type = static_cast<uint32_t>(spec.type)};
    }
    outputs_[i].index = index;
  }
  return {};
}

Result<void> PluginSession::TakeOutputs() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    SlipwayTensor& raw = outputs_[i];
    Tensor& tensor = run_.outputs[i];
    const bool in_place = raw.data != nullptr && raw.data == tensor.data();
    if (!in_place) {
      TRY_VOID(Take(raw, tensor));
      raw.owner = nullptr;
      raw.release = nullptr;
    }
  }
  return {};
}

void PluginSession::Complete(SlipwayRun* raw, const SlipwayError* error, uint32_t last) {
  auto* self = static_cast<PluginSession*>(raw->host);
  if (error != nullptr) return self->observer_->OnError(FromPlugin(*error));
  const Result<void> taken = self->TakeOutputs();
  if (taken.has_error()) {
    // A response that is no last one cannot be refused: the run goes on and is no longer heard.
    CHECK_NOTE(last != 0, "an engine gave a broken response: " + taken.error().ToString());
    return self->observer_->OnError(taken.error());
  }
  self->observer_->OnResponse(last != 0);
}

}  // namespace slipway::engine
