// The form's field `model` of an upload, as metadata in ormb's words. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace slipway::klever {

// {modelName, projectName, versionName, description, format, framework, inputs, outputs} as
// Klever's clients write it; the three names are the path's and are not looked at. Members that
// ormb's metadata have (author, labels, metrics, ...) are taken, too, and what nobody knows is
// kept. INVALID_ARGUMENT / METADATA_INVALID with the path of what is wrong.
Result<Json> ParseUploadModel(std::string_view text);

// ormb's metadata of the version: what `model` states, over those in the ormbfile.yaml that was in
// the zip (null: there was none). Without an author it is the uploader: `subject` is "token/ci".
Json UploadMetadata(const Json& model, Json ormb_file, std::string_view subject);

}  // namespace slipway::klever
