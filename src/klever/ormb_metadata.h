// The metadata of a stored model in ormb's words, whatever form it was pushed in.
#pragma once

#include <string>

#include "klever/core.h"

namespace slipway::klever {

// Bytes of the manifest's config; empty where it has none, or one that is too large to be one.
// Blocking.
Result<std::string> ReadConfig(oci::ContentSource& content, const oci::Manifest& manifest);

// What the package says and, where it says nothing of format, inputs and outputs, what the server
// read out of the model's file. NOT_FOUND / MODEL_UNKNOWN if it is no model.
Task<Result<Json>> OrmbMetadataOf(Core& core, const StoredManifest& stored,
                                  const std::string& config);

}  // namespace slipway::klever
