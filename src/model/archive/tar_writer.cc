#include "model/archive/tar_writer.h"

#include <algorithm>

#include <fmt/format.h>

namespace slipway::model {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNameBytes = 100;
constexpr uint64_t kFieldBytes = 077777777777;  // the largest size of the field itself

void Put(std::string& block, size_t offset, std::string_view text) {
  std::ranges::copy(text, block.begin() + static_cast<std::ptrdiff_t>(offset));
}

std::string Header(std::string_view name, uint64_t size_bytes, int mode, char type) {
  std::string block(kBlock, '\0');
  Put(block, 0, name.substr(0, kNameBytes));
  Put(block, 100, fmt::format("{:07o}", mode));
  Put(block, 108, "0000000");
  Put(block, 116, "0000000");
  Put(block, 124, fmt::format("{:011o}", size_bytes > kFieldBytes ? 0 : size_bytes));
  Put(block, 136, "00000000000");
  Put(block, 148, "        ");
  block[156] = type;
  Put(block, 257, "ustar");
  Put(block, 263, "00");
  uint32_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  Put(block, 148, fmt::format("{:06o}", sum));
  block[154] = '\0';
  return block;
}

bool IsPlain(std::string_view name) {
  return name.size() <= kNameBytes &&
         std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// "LENGTH KEY=VALUE\n", where the length counts itself.
std::string Record(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) {
    length = std::to_string(length).size() + rest;
  }
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string Entry(std::string_view name, uint64_t size_bytes, int mode, char type) {
  std::string records;
  if (!IsPlain(name)) records += Record("path", name);
  if (size_bytes > kFieldBytes) records += Record("size", std::to_string(size_bytes));
  std::string header = Header(name, size_bytes, mode, type);
  if (records.empty()) return header;
  return Header("pax", records.size(), 0644, 'x') + records + TarPadding(records.size()) + header;
}

}  // namespace

std::string TarFileHeader(std::string_view path, uint64_t size_bytes) {
  return Entry(path, size_bytes, 0644, '0');
}

std::string TarFolder(std::string_view path) {
  return Entry(std::string(path) + "/", 0, 0755, '5');
}

std::string TarPadding(uint64_t size_bytes) {
  return std::string((kBlock - size_bytes % kBlock) % kBlock, '\0');
}

std::string TarEnd() {
  return std::string(2 * kBlock, '\0');
}

}  // namespace slipway::model
