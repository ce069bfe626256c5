#include "model/archive/byte_source.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "model/limits.h"

namespace slipway::model {
namespace {

constexpr size_t kPackedPieceBytes = 256 << 10;

Error Damaged(std::string_view what) {
  return InvalidArgument("ARCHIVE_INVALID", fmt::format("the archive {}", what));
}

class FileSource final : public ByteSource {
 public:
  explicit FileSource(File& file) : file_(file) {}

  Result<size_t> Read(char* out, size_t size) override {
    TRY(count, file_.ReadAt(offset_, out, size));
    offset_ += count;
    return count;
  }

 private:
  File& file_;
  uint64_t offset_ = 0;
};

// What gzip and zstd have in common: the packed bytes at hand, and how much came of how much.
class Unpacker : public ByteSource {
 public:
  Unpacker(File& file, UnpackBudget& budget)
      : packed_(file), budget_(budget), piece_(kPackedPieceBytes) {}

 protected:
  // Makes sure that there is a packed byte at hand; false at the end of the file.
  Result<bool> Refill() {
    if (next_ < end_) return true;
    TRY(count, packed_.Read(piece_.data(), piece_.size()));
    next_ = 0;
    end_ = count;
    budget_.packed_bytes += count;
    return count > 0;
  }
  Result<size_t> Unpacked(size_t count) {
    budget_.unpacked_bytes += count;
    if (budget_.unpacked_bytes <=
        std::max(kFreeArchiveBytes, kMaxArchiveRatio * budget_.packed_bytes)) {
      return count;
    }
    return InvalidArgument(
        "ARCHIVE_TOO_LARGE",
        fmt::format("the archive unpacks to more than {} times its size", kMaxArchiveRatio));
  }
  const char* data() const { return piece_.data() + next_; }
  size_t available() const { return end_ - next_; }
  void Take(size_t count) { next_ += count; }

 private:
  FileSource packed_;
  UnpackBudget& budget_;
  std::vector<char> piece_;
  size_t next_ = 0;
  size_t end_ = 0;
};

class GzipSource final : public Unpacker {
 public:
  GzipSource(File& file, UnpackBudget& budget) : Unpacker(file, budget) {
    constexpr int kGzipOnly = 16;
    CHECK(inflateInit2(&stream_, kGzipOnly + MAX_WBITS) == Z_OK);
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<size_t> Read(char* out, size_t size) override {
    while (true) {
      TRY(more, Refill());
      if (!more) {
        if (in_member_ || is_first_) return Damaged("is cut: its gzip stream has no end");
        return size_t{0};
      }
      if (!in_member_) TRY_VOID(Begin());
      TRY(count, Inflate(out, size));
      if (count > 0) return Unpacked(count);
    }
  }

 private:
  Result<void> Begin() {
    if (static_cast<unsigned char>(*data()) != 0x1f) {
      return Damaged(is_first_ ? "is no gzip stream" : "has something after its gzip stream");
    }
    if (!is_first_) inflateReset(&stream_);
    is_first_ = false;
    in_member_ = true;
    return {};
  }

  Result<size_t> Inflate(char* out, size_t size) {
    // zlib's type is not const; it does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data()));
    const size_t given = available();
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    const size_t wanted = std::min<size_t>(size, 1 << 30);
    stream_.avail_out = static_cast<uInt>(wanted);
    const int answer = inflate(&stream_, Z_NO_FLUSH);
    Take(given - stream_.avail_in);
    if (answer == Z_STREAM_END) {
      in_member_ = false;
    } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
      return Damaged(fmt::format("is damaged: gzip says '{}'",
                                 stream_.msg != nullptr ? stream_.msg : "no gzip stream"));
    }
    return wanted - stream_.avail_out;
  }

  z_stream stream_ = {};
  bool is_first_ = true;
  bool in_member_ = false;
};

class ZstdSource final : public Unpacker {
 public:
  ZstdSource(File& file, UnpackBudget& budget)
      : Unpacker(file, budget), stream_(ZSTD_createDStream()) {
    CHECK(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  Result<size_t> Read(char* out, size_t size) override {
    while (true) {
      TRY(more, Refill());
      if (!more && is_first_) return Damaged("is cut: there is no zstd frame");
      if (!more && !in_frame_) return size_t{0};
      is_first_ = false;
      ZSTD_outBuffer to{out, size, 0};
      ZSTD_inBuffer from{data(), available(), 0};
      const size_t answer = ZSTD_decompressStream(stream_, &to, &from);
      if (ZSTD_isError(answer) != 0) {
        return Damaged(fmt::format("is damaged: zstd says '{}'", ZSTD_getErrorName(answer)));
      }
      Take(from.pos);
      in_frame_ = answer != 0;
      if (to.pos > 0) return Unpacked(to.pos);
      if (!more && in_frame_) return Damaged("is cut: its zstd frame has no end");
    }
  }

 private:
  ZSTD_DStream* stream_;
  bool is_first_ = true;
  bool in_frame_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> ReadBytes(File& file, Compression compression, UnpackBudget& budget) {
  switch (compression) {
    case Compression::kNone:
      break;
    case Compression::kGzip:
      return std::make_unique<GzipSource>(file, budget);
    case Compression::kZstd:
      return std::make_unique<ZstdSource>(file, budget);
  }
  return std::make_unique<FileSource>(file);
}

Result<size_t> ReadFully(ByteSource& source, char* out, size_t size) {
  size_t done = 0;
  while (done < size) {
    TRY(count, source.Read(out + done, size - done));
    if (count == 0) break;
    done += count;
  }
  return done;
}

}  // namespace slipway::model
