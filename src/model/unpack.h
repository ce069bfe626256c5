// Unpack: a model's files as a folder that an engine can open, made of content that is already
// here and verified.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/result.h"
#include "oci/content_source.h"

namespace slipway::model {

struct UnpackedModel {
  std::string path;        // the folder: UNPACKED_ROOT/<hex of the manifest's digest>
  std::string format;      // empty: not recognised
  std::string model_file;  // path in the folder of the file to open; empty where there is none
};

struct UnpackOptions {
  // Called now and then while files are written, with the bytes of that file so far; its error ends
  // the work, and nothing of it is left: a disk that runs full, a program that is to end.
  std::function<Result<void>(uint64_t written_bytes)> check;
  // The files are whatever they are: no format is looked for, and several models may be among them.
  bool any_files = false;
};

// Blocking and idempotent: a folder that is there is complete; it is only looked at, unless a file
// of `content` was replaced since (damage that was healed): then it is built anew. Raw layers
// become hard links to files of `content` (copies where those are on another file system or no
// files of their own), archives are extracted. Built aside, synced, renamed. Errors:
// INVALID_ARGUMENT / MANIFEST_INVALID, PATH_INVALID, MODEL_AMBIGUOUS, and those of archives
// (archive/archive.h); DATA_LOSS / UNPACK_SIZE for content of another size than the manifest
// states, and CONTENT_DAMAGED for wrong bytes of what is no file of its own.
Result<UnpackedModel> Unpack(FileSystem& files, oci::ContentSource& content,
                             std::string_view manifest_json, const Digest& manifest_digest,
                             const std::string& unpacked_root, const UnpackOptions& options = {});

}  // namespace slipway::model
