// An HTTP request, and its answer, as tensors: how they pass between the gateway and the worker of
// a program that speaks HTTP of its own (docs/engines.md).
//
// Inputs: `request`, BYTES: the method, the target, then a name and a value for each header;
// `body`, UINT8. Outputs: `answer`, BYTES: the status, then names and values, in the first part
// and empty in those behind it; `body`, UINT8: what each part has of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/signature.h"

namespace slipway::engine::passed_http {

inline constexpr size_t kHead = 0;
inline constexpr size_t kBody = 1;
// Before the headers: of a request the method and the target, of an answer the status.
inline constexpr size_t kRequestWords = 2;
inline constexpr size_t kAnswerWords = 1;

inline tensor::Signature MakeSignature() {
  const tensor::TensorSpec body{
      .name = "body", .type = tensor::DataType::kUint8, .shape = {-1}, .symbols = {}};
  const tensor::TensorSpec request{
      .name = "request", .type = tensor::DataType::kBytes, .shape = {-1}, .symbols = {}};
  const tensor::TensorSpec answer{
      .name = "answer", .type = tensor::DataType::kBytes, .shape = {-1}, .symbols = {}};
  return {.inputs = {request, body}, .outputs = {answer, body}};
}

}  // namespace slipway::engine::passed_http
