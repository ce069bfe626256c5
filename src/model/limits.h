// The limits of this module: what a model file and a model package may be.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::model {

// Of one ONNX file.
inline constexpr uint64_t kMaxOnnxFields = 50'000'000;  // protobuf fields that are looked at
inline constexpr size_t kMaxOnnxDepth = 64;             // of sub-graphs and nested types
inline constexpr size_t kMaxOnnxValues = 65'536;        // inputs, or outputs, with initialisers
inline constexpr size_t kMaxOnnxOpsets = 1'024;
inline constexpr size_t kMaxOnnxExternalFiles = 4'096;
inline constexpr size_t kMaxOnnxFunctions = 65'536;
inline constexpr size_t kMaxOnnxNameBytes = 4'096;
inline constexpr uint64_t kMaxOnnxTextBytes = 64 << 20;  // of all names together

// Of a package: files, their names, and what is read of a config.
inline constexpr size_t kMaxPackageFiles = 4'096;
inline constexpr size_t kMaxPathBytes = 1'024;
inline constexpr size_t kMaxPathComponentBytes = 255;
inline constexpr size_t kMaxPathDepth = 32;
inline constexpr uint64_t kMaxConfigBytes = 1 << 20;
// Files of one push or pull that travel at the same time. A small one is in memory as a whole.
inline constexpr size_t kParallelTransfers = 4;
// Bytes that are read of a file's beginning to recognise its format.
inline constexpr size_t kHeadBytes = 4'096;

}  // namespace slipway::model
