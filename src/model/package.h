// Package: a file or a folder as an artifact that a registry keeps. The same files give the same
// digests on any machine: no times, owners or modes are written. Formats:
// docs/formats/model-package.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/metadata/metadata.h"
#include "oci/descriptor.h"
#include "tensor/signature.h"

namespace slipway::model {

// `what` is a file's path in the package; bytes of that file.
using Progress =
    std::function<void(std::string_view what, uint64_t done_bytes, uint64_t total_bytes)>;

enum class PackageForm : uint8_t {
  kModelPack,  // CNCF ModelPack: one raw layer a file
  kOrmb,       // ormb's: one tar+gzip layer with model/, the metadata as config
  kModelcar,   // an OCI image with the files under /models: what Kubernetes mounts
};

struct PackageFile {
  std::string path;    // in the package
  std::string source;  // on this machine
  std::string root;    // folder that `source` is below, without links; empty: it was named itself
  FileInfo seen;       // when it was found
  uint64_t size_bytes = 0;
  Digest digest;
  std::string media_type;  // of its layer
};

// Bytes of a layer: its own, or all of a file of the package.
struct LayerPart {
  static constexpr size_t kNoFile = SIZE_MAX;
  std::string bytes;
  size_t file = kNoFile;  // index into Package::files
};

struct PackageLayer {
  std::string shown;  // in progress and errors
  std::string media_type;
  Digest digest;
  uint64_t size_bytes = 0;
  oci::Annotations annotations;
  std::vector<LayerPart> parts;  // one after the other
  // The parts are in a gzip stream of stored blocks: every offset can be read, and the bytes do not
  // depend on a version of zlib.
  bool is_gzip = false;
  uint32_t crc = 0;  // of the parts, with is_gzip
};

struct Package {
  PackageForm form = PackageForm::kModelPack;
  std::vector<PackageFile> files;    // sorted by path
  std::vector<PackageLayer> layers;  // what travels
  std::string config;
  Digest config_digest;
  std::string manifest;
  Digest manifest_digest;
  std::string format;      // empty: not recognised
  std::string model_file;  // path in the package; empty where there is none to open
  std::optional<tensor::Signature> signature;
  Metadata metadata;
  std::string metadata_file;  // where it was read; empty: there is none
  // What is in the folder and not in the package, because its name begins with a dot.
  std::vector<std::string> left_out;
  uint64_t size_bytes = 0;  // of all files
};

struct PackageOptions {
  PackageForm form = PackageForm::kModelPack;
  Progress progress;
  std::string architecture = "amd64";  // of an image, as OCI spells it
  // Fills in digest and size of a layer. Empty: HashLayer (layer_content.h); who keeps the bytes
  // while they are read puts it around that.
  std::function<Result<void>(Package& package, PackageLayer& layer)> read_layer;
};

// `path` is a file or a folder, as CollectFiles (collect.h) reads it. An ONNX file brings the files
// beside it that hold its weights. Metadata are read from model.yaml, model.json or ormbfile.yaml
// in the folder. Errors: those of CollectFiles and OpenCollected; METADATA_INVALID with the path of
// the value; an ONNX file that is none, or lacks its weights, is MODEL_INVALID, with file and byte;
// ORMB_LAYOUT (ormb/layout.h); PACKAGE_CONFIG_SIZE, PACKAGE_MANIFEST_SIZE for names and metadata
// that are too long together.
Result<Package> PackageModel(FileSystem& files, const std::string& path,
                             const PackageOptions& options = {});

// What PackageModel would package, without reading all of it: files, format, model file, signature,
// metadata. No digests, no layers. The same errors.
Result<Package> LookAtModel(FileSystem& files, const std::string& path);

}  // namespace slipway::model
