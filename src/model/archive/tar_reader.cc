// Formats: POSIX.1-2001 pax (ustar with extended headers), and GNU tar's long names.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/archive/entry_reader.h"
#include "model/limits.h"
#include "model/path.h"

namespace slipway::model {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kSkipBytes = 64 << 10;

// A field of the header block.
struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kMagic{257, 6};
constexpr Field kPrefix{345, 155};
constexpr size_t kTypeAt = 156;

using Block = std::array<char, kBlock>;

std::string_view Raw(const Block& block, Field field) {
  return {block.data() + field.offset, field.size};
}

// Up to the first NUL.
std::string_view Text(const Block& block, Field field) {
  const std::string_view raw = Raw(block, field);
  return raw.substr(0, raw.find('\0'));
}

Error Invalid(const std::string& what) {
  return InvalidArgument("ARCHIVE_INVALID", "the archive " + what);
}

Error Refused(std::string_view name, std::string_view what) {
  return InvalidArgument("ENTRY_REFUSED", fmt::format("the entry '{}' {}", ShownPath(name), what));
}

// Octal digits with spaces and NULs around them, or GNU's base 256. Nothing for anything else, and
// for what does not fit into 62 bits.
std::optional<uint64_t> Number(std::string_view raw) {
  if ((static_cast<unsigned char>(raw[0]) & 0x80) != 0) {
    uint64_t value = static_cast<unsigned char>(raw[0]) & 0x7f;
    for (const char c : raw.substr(1)) {
      if (value >> 54 != 0) return std::nullopt;
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  while (raw.starts_with(' ')) raw.remove_prefix(1);
  while (!raw.empty() && (raw.back() == ' ' || raw.back() == '\0')) raw.remove_suffix(1);
  uint64_t value = 0;
  for (const char c : raw) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return value;
}

bool IsZero(const Block& block) {
  return std::ranges::all_of(block, [](char c) { return c == '\0'; });
}

// The sum of the block's bytes with the checksum's own as spaces; some old programs took the bytes
// as signed.
bool HasChecksum(const Block& block) {
  const auto stated = Number(Raw(block, kChecksum));
  int64_t sum = 0;
  int64_t signed_sum = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const bool is_own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += is_own ? ' ' : static_cast<unsigned char>(block[i]);
    signed_sum += is_own ? ' ' : static_cast<signed char>(block[i]);
  }
  return stated &&
         (static_cast<int64_t>(*stated) == sum || static_cast<int64_t>(*stated) == signed_sum);
}

// What comes in headers before the one of the file.
struct Extension {
  std::optional<std::string> pax_path;
  std::optional<uint64_t> pax_size;
  std::optional<std::string> gnu_name;
  bool has_pax = false;
};

class TarReader final : public EntryReader {
 public:
  TarReader(std::unique_ptr<ByteSource> bytes, bool end_is_checked)
      : bytes_(std::move(bytes)), end_is_checked_(end_is_checked) {}

  Result<std::optional<StatedEntry>> Next() override {
    Extension extension;
    while (true) {
      TRY_VOID(SkipRest());
      TRY(there, ReadBlock());
      if (!there) return CheckEnd(extension);
      if (IsZero(block_)) return ReadEnd(extension);
      if (!HasChecksum(block_)) {
        return Invalid(fmt::format("is damaged: the header at byte {} has another checksum",
                                   offset_ - kBlock));
      }
      const char type = block_[kTypeAt];
      const auto size = Number(Raw(block_, kSize));
      if (!size) return Refused(Text(block_, kName), "has a size that is no number");
      if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
        TRY_VOID(ReadExtension(type, *size, extension));
        continue;
      }
      return ReadEntry(type, *size, std::move(extension));
    }
  }

  Result<size_t> Read(char* out, size_t size) override {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(size, left_));
    if (wanted == 0) return size_t{0};
    TRY(count, bytes_->Read(out, wanted));
    if (count == 0) return Invalid(fmt::format("is cut within '{}'", ShownPath(name_)));
    left_ -= count;
    offset_ += count;
    return count;
  }

 private:
  // false at the end of the source.
  Result<bool> ReadBlock() {
    TRY(count, ReadFully(*bytes_, block_.data(), kBlock));
    offset_ += count;
    if (count == 0) return false;
    if (count < kBlock) return Invalid("is cut: its last block is no whole one");
    return true;
  }

  Result<void> SkipRest() {
    while (left_ > 0) {
      if (skipped_.empty()) skipped_.resize(kSkipBytes);
      TRY(count, Read(skipped_.data(), skipped_.size()));
      (void)count;
    }
    Block rest;
    TRY(count, ReadFully(*bytes_, rest.data(), padding_));
    offset_ += count;
    if (count < padding_) return Invalid(fmt::format("is cut after '{}'", ShownPath(name_)));
    padding_ = 0;
    return {};
  }

  void Begin(std::string name, uint64_t size) {
    name_ = std::move(name);
    left_ = size;
    padding_ = static_cast<size_t>((kBlock - size % kBlock) % kBlock);
  }

  Result<std::optional<StatedEntry>> CheckEnd(const Extension& extension) const {
    if (extension.has_pax || extension.gnu_name) {
      return Invalid("is cut: an extended header has no entry");
    }
    if (end_is_checked_) return std::optional<StatedEntry>();
    return Invalid("is cut: the two blocks of zeros at its end are missing");
  }

  // After one block of zeros come only zeros.
  Result<std::optional<StatedEntry>> ReadEnd(const Extension& extension) {
    if (extension.has_pax || extension.gnu_name) {
      return Invalid("is damaged: an extended header has no entry");
    }
    while (true) {
      TRY(there, ReadBlock());
      if (!there) return std::optional<StatedEntry>();
      if (!IsZero(block_)) {
        return Invalid(fmt::format("has something after its end, at byte {}", offset_ - kBlock));
      }
    }
  }

  Result<void> ReadExtension(char type, uint64_t size, Extension& extension) {
    if (size > kMaxTarExtensionBytes) {
      return InvalidArgument("ARCHIVE_TOO_LARGE",
                             fmt::format("an extended header of the archive has {} bytes, at most "
                                         "{} are taken",
                                         size, kMaxTarExtensionBytes));
    }
    Begin("an extended header", size);
    std::string text(static_cast<size_t>(size), '\0');
    for (size_t done = 0; done < text.size();) {
      TRY(count, Read(text.data() + done, text.size() - done));
      done += count;
    }
    // The target of a link, which is refused when it comes.
    if (type == 'K') return {};
    if (type == 'L') return TakeGnuName(std::move(text), extension);
    return TakePax(text, type == 'g', extension);
  }

  static Result<void> TakeGnuName(std::string text, Extension& extension) {
    while (text.ends_with('\0')) text.pop_back();
    if (extension.gnu_name || extension.pax_path) return Refused(text, "has two long names");
    extension.gnu_name = std::move(text);
    return {};
  }

  // Records of "LENGTH KEY=VALUE\n".
  static Result<void> TakePax(std::string_view text, bool is_global, Extension& extension) {
    if (!is_global && extension.has_pax) return Invalid("has two extended headers for one entry");
    extension.has_pax = extension.has_pax || !is_global;
    while (!text.empty()) {
      size_t length = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
      const auto digits = static_cast<size_t>(end - text.data());
      if (error != std::errc() || length > text.size() || length < digits + 3 ||
          text[digits] != ' ' || text[length - 1] != '\n') {
        return Invalid("is damaged: a record of an extended header is malformed");
      }
      const std::string_view record = text.substr(digits + 1, length - digits - 2);
      text.remove_prefix(length);
      const size_t equals = record.find('=');
      if (equals == std::string_view::npos) {
        return Invalid("is damaged: a record of an extended header has no '='");
      }
      TRY_VOID(
          TakeRecord(record.substr(0, equals), record.substr(equals + 1), is_global, extension));
    }
    return {};
  }

  static Result<void> TakeRecord(std::string_view key, std::string_view value, bool is_global,
                                 Extension& extension) {
    if (key.starts_with("GNU.sparse.")) {
      return Refused(extension.pax_path.value_or(std::string(value)), "is a sparse file");
    }
    if (key != "path" && key != "size") return {};
    if (is_global) {
      return Refused(value, fmt::format("is given to all files: '{}' in a global header", key));
    }
    if (key == "path") {
      if (extension.pax_path || extension.gnu_name) return Refused(value, "has two long names");
      extension.pax_path = std::string(value);
      return {};
    }
    uint64_t size = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
    if (error != std::errc() || end != value.data() + value.size() || size >> 62 != 0 ||
        extension.pax_size) {
      return Invalid("is damaged: an extended header has no single number as size");
    }
    extension.pax_size = size;
    return {};
  }

  // The name of the header block itself.
  Result<std::string> ShortName() const {
    std::string name(Text(block_, kName));
    if (Raw(block_, kName).find_last_not_of('\0') + 1 > name.size()) {
      return Refused(name, "has bytes after the end of its name");
    }
    const bool is_ustar = Raw(block_, kMagic) == std::string_view("ustar\0", 6);
    const std::string_view prefix = Text(block_, kPrefix);
    if (is_ustar && !prefix.empty()) name = fmt::format("{}/{}", prefix, name);
    return name;
  }

  Result<std::optional<StatedEntry>> ReadEntry(char type, uint64_t size, Extension extension) {
    TRY(name, ShortName());
    if (extension.gnu_name) name = *std::move(extension.gnu_name);
    if (extension.pax_path) name = *std::move(extension.pax_path);
    TRY_VOID(CheckType(type, name));
    if (extension.pax_size) {
      // Where the field cannot hold the size it is 0 or full; else two programs could see two
      // archives in one.
      constexpr uint64_t kFull = 077777777777;
      if (size != *extension.pax_size && size != 0 && size != kFull) {
        return Refused(name, "has two sizes");
      }
      size = *extension.pax_size;
    }
    const bool is_old_folder = type == '\0' && name.ends_with('/');
    const bool is_folder = type == '5' || is_old_folder;
    if (is_folder && size != 0) return Refused(name, "is a folder with content");
    if (!is_folder && name.ends_with('/')) return Refused(name, "is a file with a folder's name");
    Begin(name, size);
    return std::optional<StatedEntry>(
        {.name = std::move(name), .is_folder = is_folder, .size_bytes = size});
  }

  static Result<void> CheckType(char type, const std::string& name) {
    switch (type) {
      case '0':
      case '\0':
      case '7':  // "contiguous": a regular file
      case '5':
        return {};
      case '1':
        return Refused(name, "is a hard link; only files and folders are taken");
      case '2':
        return Refused(name, "is a symbolic link; only files and folders are taken");
      case '3':
      case '4':
        return Refused(name, "is a device; only files and folders are taken");
      case '6':
        return Refused(name, "is a FIFO; only files and folders are taken");
      case 'S':
        return Refused(name, "is a sparse file; pack it as it is");
      default:
        return Refused(
            name, fmt::format("is of the unknown type {:#04x}", static_cast<unsigned char>(type)));
    }
  }

  const std::unique_ptr<ByteSource> bytes_;
  const bool end_is_checked_;
  Block block_ = {};
  std::vector<char> skipped_;
  uint64_t offset_ = 0;
  std::string name_;    // of the entry whose content is being read
  uint64_t left_ = 0;   // of that content
  size_t padding_ = 0;  // after it
};

}  // namespace

std::unique_ptr<EntryReader> MakeTarReader(std::unique_ptr<ByteSource> bytes, bool end_is_checked) {
  return std::make_unique<TarReader>(std::move(bytes), end_is_checked);
}

}  // namespace slipway::model
