// Archives for tests, also such as no program should write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::model {

// One header block with this type flag, its checksum right, and the content padded.
std::string RawTarEntry(std::string_view name, char type, std::string_view content = {});
// The same with the given bytes put at an offset of the header first.
std::string PatchedTarEntry(std::string_view name, size_t offset, std::string_view bytes,
                            std::string_view content = {});
// A pax header with these records, each without its length.
std::string PaxHeader(const std::vector<std::string>& records, char type = 'x');
// Regular files and the end.
std::string TarOf(const std::vector<std::pair<std::string, std::string>>& files);

std::string Gzip(std::string_view content);
std::string Zstd(std::string_view content);

struct ZipMember {
  std::string name;
  std::string content;
  bool deflated = true;
  uint32_t unix_mode = 0100644;
  uint16_t flags = 0;
  std::string local_name = {};  // empty: `name`
};
std::string ZipOf(const std::vector<ZipMember>& members);

}  // namespace slipway::model
