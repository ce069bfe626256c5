// The limits of this module: what a model file and a model package may be.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "resource/kinds/model.h"

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

// Of a package: layers, files that are layers, their names, and what is read of a config.
inline constexpr size_t kMaxPackageFiles = 4'096;
inline constexpr size_t kMaxLeftOut = 1'024;  // names that are told as left out
inline constexpr size_t kMaxPathBytes = 1'024;
inline constexpr size_t kMaxPathComponentBytes = 255;
inline constexpr size_t kMaxPathDepth = 32;
inline constexpr uint64_t kMaxConfigBytes = 4 << 20;
// What every registry takes of a manifest.
inline constexpr size_t kMaxPackageManifestBytes = 4 << 20;
// Of metadata: the document, one value in free form, and how many figures it has.
inline constexpr uint64_t kMaxMetadataBytes = 1 << 20;
inline constexpr size_t kMaxMetadataValueBytes = 4'096;
inline constexpr size_t kMaxMetadataMetrics = 4'096;
// Of the summary of it that a database keeps: entries of a list, bytes of a text, and of all.
inline constexpr size_t kMaxSummaryEntries = 128;
inline constexpr size_t kMaxSummaryTextBytes = resource::kMaxMetadataTextBytes;
inline constexpr size_t kMaxSummaryBytes = 48 << 10;
inline constexpr size_t kMaxSummaryRank = 32;
// Of archives: what is refused before a disk or a memory is full.
inline constexpr size_t kMaxArchiveEntries = 100'000;
inline constexpr size_t kMaxArchiveNamesBytes = 16 << 20;        // of all names together
inline constexpr uint64_t kMaxArchiveBytes = uint64_t{1} << 42;  // unpacked
// The archives of a package may unpack to so many times their size; to kFreeArchiveBytes in any
// case.
inline constexpr uint64_t kMaxArchiveRatio = 200;
inline constexpr uint64_t kFreeArchiveBytes = 256 << 20;
inline constexpr size_t kMaxTarExtensionBytes = 64 << 10;  // one PAX or GNU header
inline constexpr uint64_t kMaxScratchBytes = uint64_t{4}
                                             << 30;  // a model file taken out to be read
inline constexpr int kMaxZstdWindowLog = 27;         // memory of a decoder: 128 MiB
// Weights of an image that have a layer of their own; overlay file systems take 127 layers or so.
inline constexpr size_t kMaxModelcarWeights = 100;
// Of the index of a local store; and how long what is left of a cut pull is kept for the next try.
inline constexpr size_t kMaxLayoutIndexBytes = 64 << 20;
inline constexpr size_t kMaxLayoutIndexValues = 4'000'000;
inline constexpr std::chrono::milliseconds kPartialLifetime = std::chrono::hours(7 * 24);
// Files of one push or pull that travel at the same time. A small one is in memory as a whole.
inline constexpr size_t kParallelTransfers = 4;
// Of a copy between registries: what waits in memory of one blob; manifests in all, and how deep
// indexes and referrers may go.
inline constexpr size_t kCopyPipeBytes = 1 << 20;
inline constexpr size_t kMaxCopyManifests = 100'000;
inline constexpr int kMaxCopyDepth = 8;
// Of one manifest: signatures that are looked at, in each of two forms, and how many are told of.
inline constexpr size_t kMaxSignatures = 256;
inline constexpr size_t kMaxSignatureReasons = 5;
// Bytes that are read of a file's beginning to recognise its format.
inline constexpr size_t kHeadBytes = 4'096;

}  // namespace slipway::model
