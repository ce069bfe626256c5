// Format: PKWARE's APPNOTE 6.3.10, stored and deflated entries, with zip64. The directory at the
// end counts, and each entry's own header must agree with it: otherwise two programs would see two
// archives in one file.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/archive/entry_reader.h"
#include "model/limits.h"
#include "model/path.h"

namespace slipway::model {
namespace {

constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint32_t kDirectorySignature = 0x02014b50;
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr size_t kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kLocator64Bytes = 20;
constexpr size_t kDirectoryBytes = 46;
constexpr size_t kLocalBytes = 30;
constexpr size_t kMaxCommentBytes = 65'535;
constexpr uint64_t kMaxDirectoryBytes = uint64_t{2} * kMaxArchiveNamesBytes;
constexpr uint32_t kMore = 0xffffffff;
constexpr uint16_t kZip64Extra = 1;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;

Error Invalid(const std::string& what) {
  return InvalidArgument("ARCHIVE_INVALID", "the archive " + what);
}

Error Refused(std::string_view name, std::string_view what) {
  return InvalidArgument("ENTRY_REFUSED", fmt::format("the entry '{}' {}", ShownPath(name), what));
}

// Little-endian numbers of a record whose length the caller checked.
uint64_t Little(std::string_view bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  }
  return value;
}
uint16_t Two(std::string_view bytes, size_t offset) {
  return static_cast<uint16_t>(Little(bytes, offset, 2));
}
uint32_t Four(std::string_view bytes, size_t offset) {
  return static_cast<uint32_t>(Little(bytes, offset, 4));
}

Result<std::string> ReadExactly(File& file, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  TRY(count, file.ReadAt(offset, bytes.data(), size));
  if (count < size) return Invalid("is cut");
  return bytes;
}

struct Member {
  std::string name;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t packed_bytes = 0;
  uint64_t size_bytes = 0;
  uint64_t header_at = 0;
};

// Where the directory is.
struct Directory {
  uint64_t at = 0;
  uint64_t size_bytes = 0;
  uint64_t count = 0;
};

Result<void> CheckMode(const std::string& name, uint16_t made_by, uint32_t attributes) {
  constexpr uint16_t kUnix = 3;
  constexpr uint32_t kTypeMask = 0170000;
  if (made_by >> 8 != kUnix) return {};
  switch ((attributes >> 16) & kTypeMask) {
    case 0:
    case 0100000:
    case 0040000:
      return {};
    case 0120000:
      return Refused(name, "is a symbolic link; only files and folders are taken");
    case 0010000:
      return Refused(name, "is a FIFO; only files and folders are taken");
    case 0140000:
      return Refused(name, "is a socket; only files and folders are taken");
    default:
      return Refused(name, "is a device; only files and folders are taken");
  }
}

// Values that do not fit into the record stand in its zip64 field, in this order.
Result<void> TakeZip64(Member& member, std::string_view extra) {
  std::vector<uint64_t*> wanted;
  for (uint64_t* value : {&member.size_bytes, &member.packed_bytes, &member.header_at}) {
    if (*value == kMore) wanted.push_back(value);
  }
  while (!wanted.empty() && extra.size() >= 4) {
    const uint16_t id = Two(extra, 0);
    const size_t size = Two(extra, 2);
    if (size > extra.size() - 4) break;
    const std::string_view field = extra.substr(4, size);
    extra.remove_prefix(4 + size);
    if (id != kZip64Extra) continue;
    if (field.size() < 8 * wanted.size()) break;
    for (size_t i = 0; i < wanted.size(); ++i) *wanted[i] = Little(field, 8 * i, 8);
    return {};
  }
  // Exactly 4 GiB - 1 is a size, too, but nobody writes it without zip64.
  if (wanted.empty()) return {};
  return Refused(member.name, "has no whole zip64 field");
}

Result<void> CheckMember(const Member& member) {
  constexpr uint16_t kEncrypted = 1 | 1 << 6 | 1 << 13;
  if ((member.flags & kEncrypted) != 0) return Refused(member.name, "is encrypted");
  if (member.method != kStored && member.method != kDeflated) {
    return Refused(
        member.name,
        fmt::format("is packed with method {}; stored and deflated ones are taken", member.method));
  }
  if (member.method == kStored && member.packed_bytes != member.size_bytes) {
    return Refused(member.name, "is stored, but has two sizes");
  }
  if (member.name.ends_with('/') && member.size_bytes != 0) {
    return Refused(member.name, "is a folder with content");
  }
  return {};
}

// One record of the directory, taken off the front of `bytes`.
Result<Member> TakeMember(std::string_view& bytes) {
  if (bytes.size() < kDirectoryBytes || Four(bytes, 0) != kDirectorySignature) {
    return Invalid("is damaged: its directory has a record that is none");
  }
  const size_t name_bytes = Two(bytes, 28);
  const size_t extra_bytes = Two(bytes, 30);
  const size_t whole = kDirectoryBytes + name_bytes + extra_bytes + Two(bytes, 32);
  if (bytes.size() < whole) return Invalid("is damaged: its directory is cut");
  Member member{.name = std::string(bytes.substr(kDirectoryBytes, name_bytes)),
                .flags = Two(bytes, 8),
                .method = Two(bytes, 10),
                .crc = Four(bytes, 16),
                .packed_bytes = Four(bytes, 20),
                .size_bytes = Four(bytes, 24),
                .header_at = Four(bytes, 42)};
  TRY_VOID(CheckMode(member.name, Two(bytes, 4), Four(bytes, 38)));
  TRY_VOID(TakeZip64(member, bytes.substr(kDirectoryBytes + name_bytes, extra_bytes)));
  TRY_VOID(CheckMember(member));
  bytes.remove_prefix(whole);
  return member;
}

// The record at the end of the file, whose comment ends with the file.
Result<uint64_t> FindEnd(File& file, uint64_t file_bytes) {
  const auto tail_bytes =
      static_cast<size_t>(std::min<uint64_t>(file_bytes, kEndBytes + kMaxCommentBytes));
  TRY(tail, ReadExactly(file, file_bytes - tail_bytes, tail_bytes));
  for (size_t at = tail.size() - std::min(tail.size(), kEndBytes) + 1; at-- > 0;) {
    if (tail.size() - at < kEndBytes || Four(tail, at) != kEndSignature) continue;
    if (at + kEndBytes + Two(tail, at + 20) == tail.size()) {
      return file_bytes - tail_bytes + at;
    }
  }
  return Invalid("is no whole zip file: the record at its end is missing, or something follows it");
}

Result<Directory> ReadEnd64(File& file, uint64_t end_at) {
  if (end_at < kLocator64Bytes + kEnd64Bytes) return Invalid("is damaged: no room for zip64");
  TRY(locator, ReadExactly(file, end_at - kLocator64Bytes, kLocator64Bytes));
  const uint64_t at = Little(locator, 8, 8);
  if (Four(locator, 0) != kLocator64Signature || at > end_at - kLocator64Bytes - kEnd64Bytes) {
    return Invalid("is damaged: its zip64 record is missing");
  }
  TRY(record, ReadExactly(file, at, kEnd64Bytes));
  if (Four(record, 0) != kEnd64Signature) return Invalid("is damaged: its zip64 record is none");
  return Directory{.at = Little(record, 48, 8),
                   .size_bytes = Little(record, 40, 8),
                   .count = Little(record, 32, 8)};
}

Result<Directory> FindDirectory(File& file, uint64_t file_bytes) {
  TRY(end_at, FindEnd(file, file_bytes));
  TRY(end, ReadExactly(file, end_at, kEndBytes));
  if (Two(end, 4) != 0 || Two(end, 6) != 0 || Two(end, 8) != Two(end, 10)) {
    return Invalid("is a part of several; only whole ones are taken");
  }
  Directory directory{.at = Four(end, 16), .size_bytes = Four(end, 12), .count = Two(end, 10)};
  if (directory.at == kMore || directory.size_bytes == kMore || directory.count == 0xffff) {
    TRY(larger, ReadEnd64(file, end_at));
    directory = larger;
  }
  if (directory.at > end_at || directory.size_bytes > end_at - directory.at) {
    return Invalid("is damaged: its directory is out of the file");
  }
  if (directory.count > kMaxArchiveEntries || directory.size_bytes > kMaxDirectoryBytes) {
    return InvalidArgument(
        "ARCHIVE_TOO_LARGE",
        fmt::format(
            "the archive has {} entries, at most {} are taken, with a directory of {} bytes",
            directory.count, kMaxArchiveEntries, kMaxDirectoryBytes));
  }
  return directory;
}

Result<std::vector<Member>> ReadMembers(File& file, const Directory& directory) {
  TRY(bytes, ReadExactly(file, directory.at, static_cast<size_t>(directory.size_bytes)));
  std::vector<Member> members;
  std::string_view rest = bytes;
  uint64_t unpacked = 0;
  for (uint64_t i = 0; i < directory.count; ++i) {
    TRY(member, TakeMember(rest));
    if (member.size_bytes > kMaxArchiveBytes - unpacked) {
      return InvalidArgument(
          "ARCHIVE_TOO_LARGE",
          fmt::format("the entry '{}' has {} bytes; an archive may unpack to {}",
                      ShownPath(member.name), member.size_bytes, kMaxArchiveBytes));
    }
    unpacked += member.size_bytes;
    members.push_back(std::move(member));
  }
  if (!rest.empty()) return Invalid("is damaged: its directory is longer than its entries");
  if (unpacked > std::max(kFreeArchiveBytes, kMaxArchiveRatio * directory.at)) {
    return InvalidArgument(
        "ARCHIVE_TOO_LARGE",
        fmt::format("the archive unpacks to more than {} times its size", kMaxArchiveRatio));
  }
  return members;
}

// No two entries share bytes: that is how a small file unpacks to a huge one.
Result<void> CheckApart(std::vector<Member>& members, uint64_t directory_at) {
  std::ranges::sort(members, {}, &Member::header_at);
  for (size_t i = 0; i < members.size(); ++i) {
    const uint64_t limit = i + 1 < members.size() ? members[i + 1].header_at : directory_at;
    const uint64_t least = kLocalBytes + members[i].name.size();
    if (members[i].header_at > limit || least > limit - members[i].header_at ||
        members[i].packed_bytes > limit - members[i].header_at - least) {
      return Refused(members[i].name, "shares bytes with another, or is out of the file");
    }
  }
  return {};
}

class ZipReader final : public EntryReader {
 public:
  ZipReader(File& file, std::vector<Member> members, uint64_t directory_at)
      : file_(file), members_(std::move(members)), directory_at_(directory_at) {}
  ~ZipReader() override {
    if (is_inflating_) inflateEnd(&stream_);
  }
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  Result<std::optional<StatedEntry>> Next() override {
    if (is_inflating_) inflateEnd(&stream_);
    is_inflating_ = false;
    if (next_ == members_.size()) return std::optional<StatedEntry>();
    const Member& member = members_[next_++];
    TRY_VOID(Begin(member));
    return std::optional<StatedEntry>({.name = member.name,
                                       .is_folder = member.name.ends_with('/'),
                                       .size_bytes = member.size_bytes});
  }

  Result<size_t> Read(char* out, size_t size) override {
    const Member& member = members_[next_ - 1];
    if (done_ == member.size_bytes) {
      if (!is_checked_) TRY_VOID(Finish(member, out, size));
      return size_t{0};
    }
    size = static_cast<size_t>(std::min<uint64_t>(size, member.size_bytes - done_));
    auto count = member.method == kStored ? ReadPacked(out, size) : Inflate(member, out, size);
    if (!count.has_value()) return count.error();
    if (*count == 0) return Refused(member.name, "is shorter than the directory says");
    done_ += *count;
    crc_ = static_cast<uint32_t>(
        crc32_z(crc_, reinterpret_cast<const Bytef*>(out), static_cast<z_size_t>(*count)));
    return count;
  }

 private:
  // The entry's own header says the same as the directory.
  Result<void> Begin(const Member& member) {
    TRY(header, ReadExactly(file_, member.header_at, kLocalBytes));
    if (Four(header, 0) != kLocalSignature || Two(header, 8) != member.method ||
        Two(header, 26) != member.name.size()) {
      return Refused(member.name, "has a header that the directory contradicts");
    }
    TRY(name, ReadExactly(file_, member.header_at + kLocalBytes, member.name.size()));
    if (name != member.name) {
      return Refused(member.name, fmt::format("is called '{}' in its header", ShownPath(name)));
    }
    at_ = member.header_at + kLocalBytes + name.size() + Two(header, 28);
    const uint64_t limit = next_ < members_.size() ? members_[next_].header_at : directory_at_;
    if (at_ > limit || member.packed_bytes > limit - at_) {
      return Refused(member.name, "shares bytes with another, or is out of the file");
    }
    left_ = member.packed_bytes;
    done_ = 0;
    crc_ = 0;
    is_checked_ = false;
    if (member.method == kDeflated) {
      stream_ = {};
      CHECK(inflateInit2(&stream_, -MAX_WBITS) == Z_OK);
      is_inflating_ = true;
    }
    return {};
  }

  Result<size_t> ReadPacked(char* out, size_t size) {
    size = static_cast<size_t>(std::min<uint64_t>(size, left_));
    TRY(count, file_.ReadAt(at_, out, size));
    at_ += count;
    left_ -= count;
    return count;
  }

  Result<size_t> Inflate(const Member& member, char* out, size_t size) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(size, 1 << 30));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (stream_.avail_in == 0 && left_ > 0) {
        if (packed_.empty()) packed_.resize(kPackedPieceBytes);
        TRY(count, ReadPacked(packed_.data(), packed_.size()));
        if (count == 0) return Refused(member.name, "is cut");
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(count);
      }
      const int answer = inflate(&stream_, Z_NO_FLUSH);
      if (answer == Z_STREAM_END) break;
      if (answer == Z_BUF_ERROR && stream_.avail_in == 0 && left_ == 0) break;
      if (answer != Z_OK && answer != Z_BUF_ERROR) return Refused(member.name, "is damaged");
    }
    return size_t{wanted - stream_.avail_out};
  }

  // All bytes are there: the packed ones end here, too, and the checksum is right. The caller's
  // buffer is used to look for more.
  Result<void> Finish(const Member& member, char* out, size_t size) {
    if (member.method == kDeflated && size > 0) {
      TRY(more, Inflate(member, out, size));
      if (more > 0) return Refused(member.name, "is longer than the directory says");
    }
    if (left_ > 0 || (member.method == kDeflated && stream_.avail_in > 0)) {
      return Refused(member.name, "has something after its end");
    }
    if (crc_ != member.crc) return Refused(member.name, "is damaged: its checksum is another");
    is_checked_ = true;
    return {};
  }

  static constexpr size_t kPackedPieceBytes = 256 << 10;

  File& file_;
  const std::vector<Member> members_;  // in the order of their places
  const uint64_t directory_at_;
  size_t next_ = 0;
  uint64_t at_ = 0;    // of the next packed byte
  uint64_t left_ = 0;  // packed bytes
  uint64_t done_ = 0;  // unpacked bytes
  uint32_t crc_ = 0;
  bool is_checked_ = false;
  bool is_inflating_ = false;
  z_stream stream_ = {};
  std::vector<char> packed_;
};

}  // namespace

Result<std::unique_ptr<EntryReader>> OpenZip(File& file) {
  TRY(info, file.Info());
  if (info.size_bytes < kEndBytes) return Invalid("is no whole zip file: it is too short");
  TRY(directory, FindDirectory(file, info.size_bytes));
  TRY(members, ReadMembers(file, directory));
  TRY_VOID(CheckApart(members, directory.at));
  return std::unique_ptr<EntryReader>(
      std::make_unique<ZipReader>(file, std::move(members), directory.at));
}

}  // namespace slipway::model
