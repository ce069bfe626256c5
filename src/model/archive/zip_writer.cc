#include "model/archive/zip_writer.h"

#include <zlib.h>

#include <algorithm>

namespace slipway::model {
namespace {

constexpr uint32_t kMore = 0xffffffff;
constexpr uint16_t kUtf8Names = 1 << 11;
constexpr uint16_t kChecksumBehind = 1 << 3;
constexpr uint16_t kDeflate = 8;
constexpr uint16_t kDate = 1 << 5 | 1;             // 1 January 1980, the first there is
constexpr uint32_t kRegularFile = 0100644U << 16;  // as Unix has it
constexpr uint16_t kMadeByUnix = 3 << 8 | 45;

void PutLittle(std::string& out, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}
void Two(std::string& out, uint64_t value) {
  PutLittle(out, value, 2);
}
void Four(std::string& out, uint64_t value) {
  PutLittle(out, value, 4);
}
void Eight(std::string& out, uint64_t value) {
  PutLittle(out, value, 8);
}

uint32_t OrMore(uint64_t value) {
  return value >= kMore ? kMore : static_cast<uint32_t>(value);
}

// Sizes fit into their places both, or neither is there: a header must not split them.
bool IsLarge(const ZipEntry& entry) {
  return ZipContentBytes(entry.size_bytes) >= kMore;
}

// The zip64 field with the numbers that do not fit into their places.
std::string Extra(const ZipEntry& entry, bool with_place) {
  std::string numbers;
  if (IsLarge(entry)) {
    Eight(numbers, entry.size_bytes);
    Eight(numbers, ZipContentBytes(entry.size_bytes));
  }
  if (with_place && entry.header_at >= kMore) Eight(numbers, entry.header_at);
  if (numbers.empty()) return {};
  std::string extra;
  Two(extra, 1);
  Two(extra, numbers.size());
  return extra + numbers;
}

// What header and directory say alike, from "version needed" to the sizes.
void PutCommon(std::string& out, const ZipEntry& entry, uint32_t crc, bool is_64) {
  Two(out, is_64 ? 45 : 20);
  Two(out, kUtf8Names | kChecksumBehind);
  Two(out, kDeflate);
  Two(out, 0);  // time
  Two(out, kDate);
  Four(out, crc);
  Four(out, IsLarge(entry) ? kMore : ZipContentBytes(entry.size_bytes));
  Four(out, IsLarge(entry) ? kMore : entry.size_bytes);
  Two(out, entry.path.size());
}

std::string DirectoryRecord(const ZipEntry& entry) {
  const std::string extra = Extra(entry, true);
  std::string out;
  Four(out, 0x02014b50);
  Two(out, kMadeByUnix);
  PutCommon(out, entry, entry.crc, !extra.empty());
  Two(out, extra.size());
  Two(out, 0);  // comment
  Two(out, 0);  // disk
  Two(out, 0);
  Four(out, kRegularFile);
  Four(out, OrMore(entry.header_at));
  return out + entry.path + extra;
}

std::string End64(uint64_t count, uint64_t directory_bytes, uint64_t directory_at) {
  std::string out;
  Four(out, 0x06064b50);
  Eight(out, 44);
  Two(out, kMadeByUnix);
  Two(out, 45);
  Four(out, 0);
  Four(out, 0);
  Eight(out, count);
  Eight(out, count);
  Eight(out, directory_bytes);
  Eight(out, directory_at);
  Four(out, 0x07064b50);  // the locator
  Four(out, 0);
  Eight(out, directory_at + directory_bytes);
  Four(out, 1);
  return out;
}

}  // namespace

std::string ZipFileHeader(const ZipEntry& entry) {
  const std::string extra = Extra(entry, false);
  std::string out;
  Four(out, 0x04034b50);
  PutCommon(out, entry, 0, !extra.empty());
  Two(out, extra.size());
  return out + entry.path + extra;
}

std::string ZipFileEnd(const ZipEntry& entry) {
  const size_t width = IsLarge(entry) ? 8 : 4;
  std::string out;
  Four(out, 0x08074b50);
  Four(out, entry.crc);
  PutLittle(out, ZipContentBytes(entry.size_bytes), width);
  PutLittle(out, entry.size_bytes, width);
  return out;
}

std::string ZipBlockHeader(uint64_t left) {
  const bool is_last = left <= kZipBlockBytes;
  const uint64_t size = std::min(left, kZipBlockBytes);
  std::string out(1, is_last ? '\1' : '\0');
  Two(out, size);
  Two(out, ~size & 0xffff);
  return out;
}

uint64_t ZipContentBytes(uint64_t size_bytes) {
  const uint64_t blocks = (std::max<uint64_t>(size_bytes, 1) - 1) / kZipBlockBytes + 1;
  return size_bytes + blocks * kZipBlockHeaderBytes;
}

std::string ZipContent(std::string_view content) {
  std::string out;
  do {
    out += ZipBlockHeader(content.size());
    out += content.substr(0, kZipBlockBytes);
    content.remove_prefix(std::min<size_t>(content.size(), kZipBlockBytes));
  } while (!content.empty());
  return out;
}

std::string ZipEnd(std::span<const ZipEntry> entries, uint64_t directory_at) {
  std::string out;
  for (const ZipEntry& entry : entries) out += DirectoryRecord(entry);
  const uint64_t directory_bytes = out.size();
  const bool is_64 = entries.size() >= 0xffff || directory_at >= kMore || directory_bytes >= kMore;
  if (is_64) out += End64(entries.size(), directory_bytes, directory_at);
  const uint64_t count = std::min<uint64_t>(entries.size(), 0xffff);
  Four(out, 0x06054b50);
  Two(out, 0);
  Two(out, 0);
  Two(out, count);
  Two(out, count);
  Four(out, OrMore(directory_bytes));
  Four(out, OrMore(directory_at));
  Two(out, 0);
  return out;
}

uint32_t ZipCrc(uint32_t crc, std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace slipway::model
