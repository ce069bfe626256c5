#include "engine/worker/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "engine/worker/limits.h"

namespace slipway::engine::worker {
namespace {

using tensor::DataType;
using tensor::Tensor;

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr uint64_t kLengthBytes = sizeof(uint32_t);

uint64_t Aligned(uint64_t offset) {
  return (offset + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment;
}

uint64_t SizeOf(const Tensor& tensor) {
  if (tensor.type() != DataType::kBytes) return tensor.size_bytes();
  uint64_t size = 0;
  for (const std::string_view text : tensor.strings()) size += kLengthBytes + text.size();
  return size;
}

Error Broken(const TensorPlace& place, std::string_view what) {
  return DataLoss("WORKER_FRAME", "the worker broke the protocol: tensor " +
                                      std::to_string(place.index) + std::string(what));
}

// The number of its elements, once it is certain that the place lies in the segment.
Result<uint64_t> CheckPlace(const TensorPlace& place, const Segment& segment) {
  if (place.offset > segment.size_bytes() ||
      place.size_bytes > segment.size_bytes() - place.offset ||
      place.offset % kSegmentAlignment != 0) {
    return Broken(place, " lies outside of its segment");
  }
  const Result<uint64_t> count = place.shape.ElementCount();
  if (count.has_error()) return Broken(place, " has a shape that no tensor has");
  if (place.type == DataType::kBytes) {
    if (*count > place.size_bytes / kLengthBytes) return Broken(place, " has too few bytes");
  } else if (place.size_bytes != *count * ElementSize(place.type)) {
    return Broken(place, " has a size that does not fit its shape");
  }
  return *count;
}

// Calls `visit` with each of the strings.
template <class F>
Result<void> WalkStrings(const TensorPlace& place, std::string_view bytes, uint64_t count,
                         F&& visit) {
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t size = 0;
    if (bytes.size() < kLengthBytes) return Broken(place, " has too few bytes");
    std::memcpy(&size, bytes.data(), kLengthBytes);
    bytes.remove_prefix(kLengthBytes);
    if (size > bytes.size()) return Broken(place, " has a string that is longer than it");
    visit(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) return Broken(place, " has bytes behind its last string");
  return {};
}

}  // namespace

Segment& Segment::operator=(Segment&& other) noexcept {
  if (this == &other) return *this;
  Unmap();
  descriptor_ = std::move(other.descriptor_);
  data_ = std::exchange(other.data_, nullptr);
  size_bytes_ = std::exchange(other.size_bytes_, 0);
  return *this;
}

Result<Segment> Segment::Make(uint64_t bytes) {
  // What a worker asks for may be any number.
  const uint64_t size = std::bit_ceil(std::clamp(bytes, kSmallestSegmentBytes, kMaxSegmentBytes));
  const auto failed = [size](int problem) {
    return ResourceExhausted("WORKER_MEMORY", "no memory for " + std::to_string(size >> 10) +
                                                  " KiB that a worker is to share: send less at "
                                                  "once")
        .CausedBy(SystemError(problem, "memfd"));
  };
  if (bytes > kMaxSegmentBytes) return failed(EFBIG);
  Segment segment;
  segment.descriptor_ = Descriptor(memfd_create("slipway-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!segment.descriptor_) return failed(errno);
  if (ftruncate(segment.descriptor(), static_cast<off_t>(size)) != 0) return failed(errno);
  if (fcntl(segment.descriptor(), F_ADD_SEALS, kSeals) != 0) return failed(errno);
  segment.size_bytes_ = size;
  TRY_VOID(segment.MapAll());
  return segment;
}

Result<Segment> Segment::Map(Descriptor descriptor) {
  struct stat info{};
  const int seals = fcntl(descriptor.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals || fstat(descriptor.get(), &info) != 0) {
    return DataLoss("WORKER_FRAME", "the program broke the protocol: no segment was sent");
  }
  Segment segment;
  segment.descriptor_ = std::move(descriptor);
  segment.size_bytes_ = static_cast<uint64_t>(info.st_size);
  TRY_VOID(segment.MapAll());
  return segment;
}

Result<void> Segment::MapAll() {
  void* const data =
      mmap(nullptr, size_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
  if (data == MAP_FAILED) return SystemError(errno, "mmap");
  data_ = static_cast<std::byte*>(data);
  return {};
}

void Segment::Unmap() {
  if (data_ != nullptr) munmap(data_, size_bytes_);
  data_ = nullptr;
}

Layout LayOut(std::span<const Tensor> tensors, std::span<const uint32_t> indices) {
  Layout layout;
  for (size_t i = 0; i < tensors.size(); ++i) {
    TensorPlace& place = layout.places.emplace_back();
    place.index = indices[i];
    place.type = tensors[i].type();
    place.shape = tensors[i].shape();
    place.offset = Aligned(layout.size_bytes);
    place.size_bytes = SizeOf(tensors[i]);
    layout.size_bytes = place.offset + place.size_bytes;
  }
  return layout;
}

void CopyIn(std::span<const Tensor> tensors, const Layout& layout, const Segment& segment) {
  CHECK(layout.size_bytes <= segment.size_bytes());
  for (size_t i = 0; i < tensors.size(); ++i) {
    std::byte* out = segment.data() + layout.places[i].offset;
    if (tensors[i].type() != DataType::kBytes) {
      if (tensors[i].size_bytes() > 0) std::memcpy(out, tensors[i].data(), tensors[i].size_bytes());
      continue;
    }
    for (const std::string_view text : tensors[i].strings()) {
      const auto size = static_cast<uint32_t>(text.size());
      std::memcpy(out, &size, kLengthBytes);
      if (size > 0) std::memcpy(out + kLengthBytes, text.data(), size);
      out += kLengthBytes + size;
    }
  }
}

Result<void> CopyOut(const TensorPlace& place, const Segment& segment, Tensor& tensor) {
  TRY(count, CheckPlace(place, segment));
  TRY_VOID(tensor.Reset(place.type, place.shape));
  const std::byte* const data = segment.data() + place.offset;
  if (place.type != DataType::kBytes) {
    if (place.size_bytes > 0) std::memcpy(tensor.data(), data, place.size_bytes);
    return {};
  }
  // A copy first: what is checked must be what is used.
  const std::string bytes(reinterpret_cast<const char*>(data), place.size_bytes);
  TRY_VOID(WalkStrings(place, bytes, count,
                       [&tensor](std::string_view text) { tensor.AppendString(text); }));
  tensor.SealStrings();
  return {};
}

Result<void> Show(const TensorPlace& place, const Segment& segment, Tensor& tensor) {
  TRY(count, CheckPlace(place, segment));
  std::byte* const data = segment.data() + place.offset;
  if (place.type != DataType::kBytes) return tensor.Borrow(place.type, place.shape, data, {});
  std::vector<std::string_view> strings;
  strings.reserve(count);
  TRY_VOID(WalkStrings(place, {reinterpret_cast<const char*>(data), place.size_bytes}, count,
                       [&strings](std::string_view text) { strings.push_back(text); }));
  return tensor.BorrowStrings(place.shape, std::move(strings), {});
}

}  // namespace slipway::engine::worker
