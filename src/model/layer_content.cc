#include "model/layer_content.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "model/collect.h"

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

// RFC 1952 and 1951: a header without name and time, blocks that are stored, checksum and size.
constexpr std::string_view kGzipHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
constexpr uint64_t kBlockBytes = 65'535;
constexpr uint64_t kBlockHeaderBytes = 5;
constexpr uint64_t kTrailerBytes = 8;

std::string Little(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}

uint64_t BlocksOf(uint64_t size_bytes) {
  return std::max<uint64_t>(1, (size_bytes + kBlockBytes - 1) / kBlockBytes);
}

uint64_t GzipBytesOf(uint64_t size_bytes) {
  return kGzipHeader.size() + kBlockHeaderBytes * BlocksOf(size_bytes) + size_bytes + kTrailerBytes;
}

std::string BlockHeader(uint64_t index, uint64_t size_bytes) {
  const uint64_t length = std::min(kBlockBytes, size_bytes - index * kBlockBytes);
  const bool is_last = index + 1 == BlocksOf(size_bytes);
  return Little(is_last ? 1 : 0, 1) + Little(length, 2) + Little(length ^ 0xffff, 2);
}

std::string Trailer(uint32_t crc, uint64_t size_bytes) {
  return Little(crc, 4) + Little(size_bytes & 0xffffffff, 4);
}

uint64_t PartsBytes(const Package& package, const PackageLayer& layer) {
  uint64_t total = 0;
  for (const LayerPart& part : layer.parts) {
    total +=
        part.file == LayerPart::kNoFile ? part.bytes.size() : package.files[part.file].size_bytes;
  }
  return total;
}

// What a layer hashes to, while its parts go by.
class LayerHasher {
 public:
  LayerHasher(bool is_gzip, uint64_t size_bytes, const LayerBytes& take)
      : is_gzip_(is_gzip), size_bytes_(size_bytes), take_(take) {}

  Result<void> Begin() {
    if (!is_gzip_) return {};
    TRY_VOID(Put(kGzipHeader));
    if (size_bytes_ == 0) return Put(BlockHeader(0, 0));
    return {};
  }

  Result<void> Update(std::string_view bytes) {
    if (!is_gzip_) return Put(bytes);
    crc_ = static_cast<uint32_t>(
        crc32_z(crc_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
    while (!bytes.empty()) {
      const uint64_t within = done_ % kBlockBytes;
      if (within == 0) TRY_VOID(Put(BlockHeader(done_ / kBlockBytes, size_bytes_)));
      const std::string_view piece = bytes.substr(0, kBlockBytes - within);
      TRY_VOID(Put(piece));
      done_ += piece.size();
      bytes.remove_prefix(piece.size());
    }
    return {};
  }

  Result<void> Finish(PackageLayer& layer) {
    layer.size_bytes = size_bytes_;
    if (is_gzip_) {
      TRY_VOID(Put(Trailer(crc_, size_bytes_)));
      layer.crc = crc_;
      layer.size_bytes = GzipBytesOf(size_bytes_);
    }
    layer.digest = hasher_.Finish();
    return {};
  }

 private:
  Result<void> Put(std::string_view bytes) {
    hasher_.Update(bytes);
    return take_ ? take_(bytes) : Result<void>();
  }

  const bool is_gzip_;
  const uint64_t size_bytes_;  // of the parts
  const LayerBytes& take_;
  Hasher hasher_;
  uint64_t done_ = 0;
  uint32_t crc_ = 0;
};

// Hands the file's bytes to `take`.
template <class Take>
Result<void> ReadFile(FileSystem& files, const PackageFile& file, const Progress& progress,
                      const Take& take) {
  TRY(open, OpenCollected(files, file));
  std::string piece(kPieceBytes, '\0');
  uint64_t offset = 0;
  while (true) {
    TRY(size, open->ReadAt(offset, piece.data(), piece.size()));
    if (size == 0) break;
    TRY_VOID(take(std::string_view(piece.data(), size)));
    offset += size;
    if (progress) progress(file.path, offset, std::max(file.size_bytes, offset));
  }
  return CheckUnchanged(file, *open);
}

// Copies what `text` has at `offset`.
size_t CopyAt(std::string_view text, uint64_t offset, char* out, size_t size) {
  const size_t count = std::min<size_t>(size, text.size() - offset);
  std::memcpy(out, text.data() + offset, count);
  return count;
}

}  // namespace

LayerContent::LayerContent(FileSystem& files, const Package& package, const PackageLayer& layer)
    : files_(files), package_(package), layer_(layer) {
  uint64_t end = 0;
  for (const LayerPart& part : layer.parts) {
    end +=
        part.file == LayerPart::kNoFile ? part.bytes.size() : package.files[part.file].size_bytes;
    ends_.push_back(end);
  }
}

Result<size_t> LayerContent::Read(uint64_t offset, char* out, size_t size) {
  size_t done = 0;
  while (done < size) {
    auto count = layer_.is_gzip ? ReadGzip(offset + done, out + done, size - done)
                                : ReadParts(offset + done, out + done, size - done);
    if (!count.has_value()) return count.error();
    if (*count == 0) break;
    done += *count;
  }
  return done;
}

Result<void> LayerContent::CheckUnchanged() {
  if (!open_) return {};
  return model::CheckUnchanged(package_.files[open_index_], *open_);
}

Result<File*> LayerContent::OpenFile(size_t index) {
  if (index != open_index_) {
    TRY_VOID(CheckUnchanged());
    open_index_ = LayerPart::kNoFile;
    TRY(open, OpenCollected(files_, package_.files[index]));
    open_ = std::move(open);
    open_index_ = index;
  }
  return open_.get();
}

Result<size_t> LayerContent::ReadParts(uint64_t offset, char* out, size_t size) {
  const auto found = std::ranges::upper_bound(ends_, offset);
  if (found == ends_.end() || size == 0) return size_t{0};
  const auto index = static_cast<size_t>(found - ends_.begin());
  const uint64_t begin = index == 0 ? 0 : ends_[index - 1];
  const LayerPart& part = layer_.parts[index];
  if (part.file == LayerPart::kNoFile) return CopyAt(part.bytes, offset - begin, out, size);
  TRY(file, OpenFile(part.file));
  TRY(count, file->ReadAt(offset - begin, out,
                          static_cast<size_t>(std::min<uint64_t>(size, *found - offset))));
  if (count == 0) TRY_VOID(CheckUnchanged());
  return count;
}

Result<size_t> LayerContent::ReadGzip(uint64_t offset, char* out, size_t size) {
  const uint64_t inner = ends_.empty() ? 0 : ends_.back();
  const uint64_t trailer_at = GzipBytesOf(inner) - kTrailerBytes;
  if (size == 0 || offset >= trailer_at + kTrailerBytes) return size_t{0};
  if (offset < kGzipHeader.size()) return CopyAt(kGzipHeader, offset, out, size);
  if (offset >= trailer_at) {
    return CopyAt(Trailer(layer_.crc, inner), offset - trailer_at, out, size);
  }
  const uint64_t at = offset - kGzipHeader.size();
  const uint64_t index = at / (kBlockHeaderBytes + kBlockBytes);
  const uint64_t within = at % (kBlockHeaderBytes + kBlockBytes);
  if (within < kBlockHeaderBytes) return CopyAt(BlockHeader(index, inner), within, out, size);
  const uint64_t in_block = within - kBlockHeaderBytes;
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(size, kBlockBytes - in_block));
  return ReadParts(index * kBlockBytes + in_block, out, wanted);
}

uint64_t PlannedBytes(const Package& package, const PackageLayer& layer) {
  const uint64_t inner = PartsBytes(package, layer);
  return layer.is_gzip ? GzipBytesOf(inner) : inner;
}

Result<void> HashLayer(FileSystem& files, Package& package, PackageLayer& layer,
                       const Progress& progress, const LayerBytes& take) {
  const bool is_one_file =
      layer.parts.size() == 1 && layer.parts[0].file != LayerPart::kNoFile && !layer.is_gzip;
  LayerHasher hasher(layer.is_gzip, PartsBytes(package, layer), take);
  TRY_VOID(hasher.Begin());
  for (const LayerPart& part : layer.parts) {
    if (part.file == LayerPart::kNoFile) {
      TRY_VOID(hasher.Update(part.bytes));
      continue;
    }
    PackageFile& file = package.files[part.file];
    Hasher own;
    TRY_VOID(ReadFile(files, file, progress, [&](std::string_view bytes) -> Result<void> {
      if (!is_one_file) own.Update(bytes);
      return hasher.Update(bytes);
    }));
    if (!is_one_file) file.digest = own.Finish();
  }
  TRY_VOID(hasher.Finish(layer));
  if (is_one_file) package.files[layer.parts[0].file].digest = layer.digest;
  return {};
}

}  // namespace slipway::model
