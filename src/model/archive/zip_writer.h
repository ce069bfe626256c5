// Zip as this program writes it, in one pass: each entry has its sizes before its content and its
// checksum behind it, zip64 where a number does not fit, no times. Format: PKWARE's APPNOTE 6.3.10.
//
// Content is not compressed, but cut into deflate's stored blocks: readers that go from front to
// back (Java's ZipInputStream) take a checksum behind the content only where the content itself
// says where it ends. Blocks: RFC 1951, 3.2.4.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway::model {

struct ZipEntry {
  std::string path;  // UTF-8
  uint64_t size_bytes = 0;
  uint32_t crc = 0;
  uint64_t header_at = 0;  // where its header stands in the archive
};

// The records before and behind the content of a file. The first says nothing of the checksum; both
// have the same size for any.
std::string ZipFileHeader(const ZipEntry& entry);
std::string ZipFileEnd(const ZipEntry& entry);

// Content between them: each block of so many bytes, the last one of fewer, behind its header.
inline constexpr uint64_t kZipBlockBytes = 65'535;
inline constexpr uint64_t kZipBlockHeaderBytes = 5;
// Of the block that comes next when `left` bytes of the file do; an empty file is one block too.
std::string ZipBlockHeader(uint64_t left);
// What content of that size takes in the archive, headers of blocks included.
uint64_t ZipContentBytes(uint64_t size_bytes);
// All blocks of a content.
std::string ZipContent(std::string_view content);

// What stands after the content of the last one: the directory, which is at `directory_at`.
std::string ZipEnd(std::span<const ZipEntry> entries, uint64_t directory_at);

// The CRC-32 of zip, continued from that of the bytes before (0 at the beginning).
uint32_t ZipCrc(uint32_t crc, std::string_view bytes);

}  // namespace slipway::model
