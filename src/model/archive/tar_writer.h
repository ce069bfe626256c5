// Tar as this program writes it: ustar, with a pax header where a name or a size does not fit, and
// the same bytes on any machine: owner and group 0, no times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::model {

// The blocks before the content of a file, 0644.
std::string TarFileHeader(std::string_view path, uint64_t size_bytes);
// A folder, 0755; the path without a slash at its end.
std::string TarFolder(std::string_view path);
// Zeros after content of this size.
std::string TarPadding(uint64_t size_bytes);
// The end of the archive.
std::string TarEnd();

}  // namespace slipway::model
