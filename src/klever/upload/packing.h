// From the zip of an upload to a package that the registry takes.
#pragma once

#include <optional>
#include <string>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/json.h"
#include "base/result.h"
#include "model/package.h"
#include "store/object/object_store.h"

namespace slipway::klever {

struct PackingOrder {
  std::string zip_path;
  std::optional<Digest> checksum;  // that the zip was stated to have
  Json model;                      // ParseUploadModel's
  std::string subject;
  std::string work_folder;  // empty; its owner removes it when the package is of no more use
};

// Blocking. The zip's one top folder, or its top where there are several things, becomes the
// model's folder `model/`, with metadata beside it; a zip that this server gave out (model/ and
// ormbfile.yaml in one folder) becomes what it was. Packed as ormb packs. INVALID_ARGUMENT:
// CHECKSUM_MISMATCH, NOT_A_ZIP and the errors of archives for bytes that are of no use;
// METADATA_INVALID, ORMB_FORMAT, ORMB_LAYOUT, MODEL_INVALID and those of collecting files.
Result<model::Package> PackUpload(FileSystem& files, const PackingOrder& order,
                                  const store::DiskReserve& reserve);

}  // namespace slipway::klever
