#include "model/testing/archives.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "model/archive/tar_writer.h"

namespace slipway::model {
namespace {

std::string WithChecksum(std::string block) {
  std::fill_n(block.begin() + 148, 8, ' ');
  uint32_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  const std::string digits = fmt::format("{:06o}", sum);
  std::copy(digits.begin(), digits.end(), block.begin() + 148);
  block[154] = '\0';
  return block;
}

std::string Little(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}

std::string Deflate(std::string_view content, int window_bits) {
  z_stream stream = {};
  CHECK(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(content.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

std::string RawTarEntry(std::string_view name, char type, std::string_view content) {
  return PatchedTarEntry(name, 156, {&type, 1}, content);
}

std::string PatchedTarEntry(std::string_view name, size_t offset, std::string_view bytes,
                            std::string_view content) {
  std::string header = TarFileHeader("name", content.size());
  std::fill_n(header.begin(), 100, '\0');
  std::copy_n(name.begin(), std::min<size_t>(name.size(), 100), header.begin());
  std::copy(bytes.begin(), bytes.end(), header.begin() + static_cast<std::ptrdiff_t>(offset));
  return WithChecksum(std::move(header)) + std::string(content) + TarPadding(content.size());
}

std::string PaxHeader(const std::vector<std::string>& records, char type) {
  std::string content;
  for (const std::string& record : records) {
    size_t length = record.size() + 3;
    while (std::to_string(length).size() + record.size() + 2 != length) ++length;
    content += fmt::format("{} {}\n", length, record);
  }
  return RawTarEntry("pax", type, content);
}

std::string TarOf(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [path, content] : files) {
    tar += TarFileHeader(path, content.size()) + content + TarPadding(content.size());
  }
  return tar + TarEnd();
}

std::string Gzip(std::string_view content) {
  return Deflate(content, 16 + MAX_WBITS);
}

std::string Zstd(std::string_view content) {
  std::string out(ZSTD_compressBound(content.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3);
  CHECK(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

std::string ZipOf(const std::vector<ZipMember>& members) {
  std::string zip;
  std::string directory;
  for (const ZipMember& member : members) {
    const std::string packed =
        member.deflated ? Deflate(member.content, -MAX_WBITS) : member.content;
    const std::string& local = member.local_name.empty() ? member.name : member.local_name;
    const auto crc =
        static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(member.content.data()),
                                    static_cast<uInt>(member.content.size())));
    const std::string common = Little(member.flags, 2) + Little(member.deflated ? 8 : 0, 2) +
                               Little(0, 4) + Little(crc, 4) + Little(packed.size(), 4) +
                               Little(member.content.size(), 4);
    directory += "PK\x01\x02" + Little(3 << 8 | 20, 2) + Little(20, 2) + common +
                 Little(member.name.size(), 2) + Little(0, 8) +
                 Little(uint64_t{member.unix_mode} << 16, 4) + Little(zip.size(), 4) + member.name;
    zip += "PK\x03\x04" + Little(20, 2) + common + Little(local.size(), 2) + Little(0, 2) + local +
           packed;
  }
  const std::string end = "PK\x05\x06" + Little(0, 4) + Little(members.size(), 2) +
                          Little(members.size(), 2) + Little(directory.size(), 4) +
                          Little(zip.size(), 4) + Little(0, 2);
  return zip + directory + end;
}

}  // namespace slipway::model
