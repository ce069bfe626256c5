// What a worker says: frames that are taken are taken again when they are written, and no place of
// a tensor leads out of its segment.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "engine/worker/frame.h"
#include "engine/worker/segment.h"
#include "tensor/tensor.h"

namespace worker = slipway::engine::worker;

namespace {

const worker::Segment& SharedSegment() {
  static const worker::Segment segment = *worker::Segment::Make(1);
  return segment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto frame = worker::DecodeFrame(bytes);
  if (!frame) return 0;
  const auto again = worker::EncodeFrame(*frame);
  CHECK(again.has_value());
  CHECK(worker::DecodeFrame(*again)->index() == frame->index());
  const auto* done = std::get_if<worker::DoneFrame>(&*frame);
  if (done == nullptr) return 0;
  // The content of the segment is the worker's, too.
  const worker::Segment& segment = SharedSegment();
  std::memcpy(segment.data(), data, std::min<uint64_t>(size, segment.size_bytes()));
  for (const worker::TensorPlace& place : done->outputs) {
    if (place.size_bytes > segment.size_bytes()) continue;
    slipway::tensor::Tensor copied;
    slipway::tensor::Tensor shown;
    const bool taken = CopyOut(place, segment, copied).has_value();
    CHECK(Show(place, segment, shown).has_value() == taken);
  }
  return 0;
}
