#include "tensor/signature.h"

#include <utility>

#include "base/utf8.h"

namespace slipway::tensor {
namespace {

// Length of the input dimension that has this symbol.
std::optional<int64_t> LengthOf(std::string_view symbol, const Signature& signature,
                                std::span<const Tensor> inputs) {
  for (size_t i = 0; i < signature.inputs.size() && i < inputs.size(); ++i) {
    const std::vector<std::string>& symbols = signature.inputs[i].symbols;
    for (size_t d = 0; d < symbols.size() && d < inputs[i].shape().rank(); ++d) {
      if (symbols[d] == symbol) return inputs[i].shape()[d];
    }
  }
  return std::nullopt;
}

Error Invalid(std::string message) {
  return InvalidArgument("SIGNATURE_INVALID", std::move(message));
}

Result<void> CheckSpecs(std::span<const TensorSpec> specs, std::string_view kind) {
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    const std::string which = std::string(kind) + " " + std::to_string(i);
    if (const std::optional<size_t> bad = FindInvalidUtf8(spec.name)) {
      return Invalid(which + " has a name that is not UTF-8, from its byte " +
                     std::to_string(*bad + 1) + " on");
    }
    const auto fail = [&](std::string_view what) -> Result<void> {
      return Invalid(which + " '" + spec.name + "' " + std::string(what));
    };
    if (spec.name.empty()) return fail("has no name");
    if (*FindSpec(specs, spec.name) != i) return fail("has the name of an earlier one");
    for (int64_t dim : spec.shape.dims()) {
      if (dim < Shape::kAny) return fail("has the shape " + spec.shape.ToString());
    }
    if (!spec.symbols.empty() && spec.symbols.size() != spec.shape.rank()) {
      return fail("has another number of symbols than of dimensions");
    }
    for (size_t d = 0; d < spec.symbols.size(); ++d) {
      if (!FindInvalidUtf8(spec.symbols[d])) continue;
      return fail("has a symbol that is not UTF-8, of dimension " + std::to_string(d));
    }
  }
  return {};
}

}  // namespace

std::optional<size_t> FindSpec(std::span<const TensorSpec> specs, std::string_view name) {
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return i;
  }
  return std::nullopt;
}

bool Matches(const TensorSpec& spec, const Shape& shape) {
  if (shape.rank() != spec.shape.rank()) return false;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (spec.shape[i] != Shape::kAny && spec.shape[i] != shape[i]) return false;
  }
  return true;
}

std::optional<Shape> PredictOutputShape(const Signature& signature, size_t index,
                                        std::span<const Tensor> inputs) {
  const TensorSpec& spec = signature.outputs[index];
  Shape shape = spec.shape;
  for (size_t d = 0; d < shape.rank(); ++d) {
    if (shape[d] != Shape::kAny) continue;
    if (spec.symbols.empty() || spec.symbols[d].empty()) return std::nullopt;
    const std::optional<int64_t> length = LengthOf(spec.symbols[d], signature, inputs);
    if (!length) return std::nullopt;
    shape.Set(d, *length);
  }
  return shape;
}

Result<void> CheckSignature(const Signature& signature) {
  TRY_VOID(CheckSpecs(signature.inputs, "input"));
  return CheckSpecs(signature.outputs, "output");
}

}  // namespace slipway::tensor
