#include "engine/shared_tensors.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "engine/limits.h"

namespace slipway::engine {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;
using tensor::TensorSpec;

Error CannotBatch(const std::string& why) {
  return FailedPrecondition(
      "BATCHING_UNSUPPORTED",
      "requests for this model cannot share runs, as batching.maxBatchSize above 1 asks: " + why +
          "; deploy it with maxBatchSize 0");
}

std::string NameOf(std::string_view kind, const TensorSpec& spec) {
  return std::string(kind) + " '" + spec.name + "'";
}

bool HasOpenRows(const TensorSpec& spec) {
  return spec.shape.rank() > 0 && spec.shape[0] == Shape::kAny;
}

std::string_view SymbolOf(const TensorSpec& spec, size_t dimension) {
  return spec.symbols.empty() ? std::string_view() : std::string_view(spec.symbols[dimension]);
}

// Whether an input has a dimension of that symbol.
bool IsOfInputs(const tensor::Signature& signature, std::string_view symbol) {
  return std::any_of(signature.inputs.begin(), signature.inputs.end(), [&](const TensorSpec& spec) {
    return std::find(spec.symbols.begin(), spec.symbols.end(), symbol) != spec.symbols.end();
  });
}

// The shape of a part: that of the whole, with other rows.
Shape WithRows(const Shape& whole, uint64_t rows) {
  Shape shape = whole;
  shape.Set(0, static_cast<int64_t>(rows));
  return shape;
}

}  // namespace

Result<void> CheckBatchable(const tensor::Signature& signature) {
  if (signature.inputs.empty()) return CannotBatch("it has no inputs");
  for (const TensorSpec& spec : signature.inputs) {
    if (HasOpenRows(spec)) continue;
    return CannotBatch("the first dimension of " + NameOf("input", spec) + ", whose shape is " +
                       spec.shape.ToString() + ", is not open (-1)");
  }
  for (const TensorSpec& spec : signature.outputs) {
    if (!HasOpenRows(spec)) {
      return CannotBatch("the first dimension of " + NameOf("output", spec) + ", whose shape is " +
                         spec.shape.ToString() + ", is not open (-1)");
    }
    // A length that the inputs do not give may follow from what all of a batch contain: padding to
    // the longest would show one request's length to another.
    for (size_t d = 1; d < spec.shape.rank(); ++d) {
      if (spec.shape[d] != Shape::kAny) continue;
      const std::string_view symbol = SymbolOf(spec, d);
      if (!symbol.empty() && IsOfInputs(signature, symbol)) continue;
      return CannotBatch("dimension " + std::to_string(d) + " of " + NameOf("output", spec) +
                         ", whose shape is " + spec.shape.ToString() +
                         ", is open and has the symbol of no input, so that its length could "
                         "depend on the other requests of a batch");
    }
  }
  return {};
}

Result<uint64_t> RowsOf(const tensor::Signature& signature, std::span<const Tensor> inputs) {
  const int64_t rows = inputs.front().shape()[0];
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].shape()[0] == rows) continue;
    return InvalidArgument(
        "BATCH_MISMATCH",
        "input '" + signature.inputs[i].name + "' batch size does not match other inputs: '" +
            signature.inputs[0].name + "' has " + std::to_string(rows) + " and '" +
            signature.inputs[i].name + "' has " + std::to_string(inputs[i].shape()[0]));
  }
  return static_cast<uint64_t>(rows);
}

bool SameButRows(std::span<const Tensor> a, std::span<const Tensor> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor& x, const Tensor& y) {
    const auto x_dims = x.shape().dims();
    const auto y_dims = y.shape().dims();
    return x.type() == y.type() && x_dims.size() == y_dims.size() && !x_dims.empty() &&
           std::equal(x_dims.begin() + 1, x_dims.end(), y_dims.begin() + 1);
  });
}

Result<void> SharedTensors::Gather(std::span<const std::span<const Tensor>> requests) {
  const std::span<const Tensor> first = requests.front();
  rows_ = 0;
  for (const auto& request : requests) rows_ += static_cast<uint64_t>(request[0].shape()[0]);
  inputs_.resize(first.size());
  for (size_t i = 0; i < first.size(); ++i) {
    const Shape shape = WithRows(first[i].shape(), rows_);
    if (first[i].type() == DataType::kBytes) {
      TRY_VOID(inputs_[i].Reset(DataType::kBytes, shape));
      for (const auto& request : requests) {
        for (const std::string_view text : request[i].strings()) inputs_[i].AppendString(text);
      }
      inputs_[i].SealStrings();
      continue;
    }
    TRY_VOID(inputs_[i].Reset(first[i].type(), shape));
    std::byte* at = inputs_[i].data();
    for (const auto& request : requests) {
      if (request[i].size_bytes() > 0) std::memcpy(at, request[i].data(), request[i].size_bytes());
      at += request[i].size_bytes();
    }
  }
  return {};
}

std::span<Tensor> SharedTensors::outputs(size_t count) {
  // Never fewer than once: the tensors keep their memory.
  if (outputs_.size() < count) outputs_.resize(count);
  output_count_ = count;
  return std::span(outputs_).first(count);
}

Result<void> SharedTensors::CheckOutputs(const tensor::Signature& signature,
                                         std::span<const uint32_t> wanted) {
  for (size_t i = 0; i < output_count_; ++i) {
    const Shape& shape = outputs_[i].shape();
    if (shape.rank() > 0 && shape[0] == static_cast<int64_t>(rows_)) continue;
    return Internal(
        "BATCH_ROWS",
        "the model answered a batch of " + std::to_string(rows_) + " rows with " +
            NameOf("output", signature.outputs[wanted[i]]) + " of the shape " + shape.ToString() +
            ": its first dimension is not the batch, so that the model wants maxBatchSize 0");
  }
  return {};
}

void SharedTensors::Show(const std::shared_ptr<SharedTensors>& self, uint64_t begin, uint64_t rows,
                         std::span<Tensor> outputs) {
  using Reference = std::shared_ptr<SharedTensors>;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& whole = self->outputs_[i];
    const uint64_t row_elements = self->rows_ == 0 ? 0 : whole.element_count() / self->rows_;
    const Shape shape = WithRows(whole.shape(), rows);
    const tensor::ForeignOwner owner{.owner = new Reference(self), .release = [](void* reference) {
                                       delete static_cast<Reference*>(reference);
                                     }};
    if (whole.type() == DataType::kBytes) {
      const auto part = whole.strings().subspan(begin * row_elements, rows * row_elements);
      // A part of what fits does fit.
      CHECK(outputs[i].BorrowStrings(shape, {part.begin(), part.end()}, owner).has_value());
      continue;
    }
    std::byte* const at = whole.data() + begin * row_elements * ElementSize(whole.type());
    CHECK(outputs[i].Borrow(whole.type(), shape, at, owner).has_value());
  }
}

void SharedTensors::Recycle() {
  for (Tensor& input : inputs_) input.Recycle(kKeepSharedBytes);
  for (Tensor& output : outputs_) output.Recycle(kKeepSharedBytes);
  output_count_ = 0;
  rows_ = 0;
}

std::shared_ptr<SharedTensors> SharedTensorsPool::Take() {
  std::unique_ptr<SharedTensors> taken = idle_.With([](auto& idle) {
    std::unique_ptr<SharedTensors> last;
    if (!idle.empty()) {
      last = std::move(idle.back());
      idle.pop_back();
    }
    return last;
  });
  if (taken == nullptr) taken = std::make_unique<SharedTensors>();
  return {taken.release(), [this](SharedTensors* tensors) {
            std::unique_ptr<SharedTensors> back(tensors);
            back->Recycle();
            idle_.With([&](auto& idle) {
              if (idle.size() < kKeepShared) idle.push_back(std::move(back));
            });
          }};
}

}  // namespace slipway::engine
