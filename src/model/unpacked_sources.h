// UnpackedSources: of what an unpacked folder was made, and whether that is what is stored today.
// An object that was damaged and healed is another file: what was made of the damaged one is not
// used. For unpack.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/layer_files.h"
#include "oci/content_source.h"

namespace slipway::model {

// A file in each unpacked folder; it is no file of the model.
inline constexpr std::string_view kSourcesFile = ".slipway-sources";

// A line for each layer: its digest and the inode, size and time of its file, or `row` where the
// content is no file of its own. Reads no content.
std::string SourcesOf(FileSystem& files, oci::ContentSource& content,
                      const std::vector<LayerFile>& layers);

// Whether the folder was made of these sources, and the files of raw layers have the sizes that the
// manifest states. False as well for a folder that does not say of what it was made.
bool IsMadeOf(FileSystem& files, const std::string& folder, std::string_view sources,
              const std::vector<LayerFile>& layers);

}  // namespace slipway::model
