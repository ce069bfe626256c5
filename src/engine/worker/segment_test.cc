#include "engine/worker/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include <gtest/gtest.h>

#include "engine/worker/limits.h"

namespace slipway::engine::worker {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

Tensor Strings(const std::vector<std::string>& texts) {
  Tensor tensor;
  EXPECT_TRUE(tensor.Reset(DataType::kBytes, Shape({static_cast<int64_t>(texts.size())})));
  for (const std::string& text : texts) tensor.AppendString(text);
  tensor.SealStrings();
  return tensor;
}

Segment MustMake(uint64_t bytes) {
  Result<Segment> segment = Segment::Make(bytes);
  EXPECT_TRUE(segment.has_value());
  return *std::move(segment);
}

std::string_view ReasonOf(const Result<void>& result) {
  return result.has_value() ? "none" : result.error().reason();
}

TEST(WorkerSegment, TensorsComeOutAsTheyWentIn) {
  std::vector<Tensor> in(2);
  ASSERT_TRUE(in[0].Reset(DataType::kInt16, Shape({3})));
  const std::vector<int16_t> numbers = {1, -2, 3};
  std::memcpy(in[0].data(), numbers.data(), in[0].size_bytes());
  in[1] = Strings({"", "a longer one", std::string("\0\xff", 2)});
  const std::vector<uint32_t> indices = {0, 1};
  const Layout layout = LayOut(in, indices);
  const Segment segment = MustMake(layout.size_bytes);
  CopyIn(in, layout, segment);
  const Result<Segment> other = Segment::Map(Descriptor(dup(segment.descriptor())));
  ASSERT_TRUE(other.has_value());
  Tensor out;
  ASSERT_TRUE(CopyOut(layout.places[0], *other, out));
  EXPECT_EQ(std::memcmp(out.data(), numbers.data(), out.size_bytes()), 0);
  ASSERT_TRUE(CopyOut(layout.places[1], *other, out));
  ASSERT_EQ(out.strings().size(), 3);
  EXPECT_EQ(out.strings()[1], "a longer one");
  EXPECT_EQ(out.strings()[2], std::string_view("\0\xff", 2));
  ASSERT_TRUE(Show(layout.places[1], *other, out));
  EXPECT_EQ(out.strings()[1], "a longer one");
}

TEST(WorkerSegment, PlacesThatDoNotFitAreRefused) {
  const Segment segment = MustMake(1);
  const uint64_t size = segment.size_bytes();
  Tensor out;
  const auto refuses = [&](TensorPlace place) {
    return ReasonOf(CopyOut(place, segment, out)) == "WORKER_FRAME" &&
           ReasonOf(Show(place, segment, out)) == "WORKER_FRAME";
  };
  EXPECT_TRUE(refuses({.shape = Shape({1}), .offset = size, .size_bytes = 4}));
  EXPECT_TRUE(refuses({.shape = Shape({1}), .offset = UINT64_MAX - 63, .size_bytes = 4}));
  EXPECT_TRUE(refuses({.shape = Shape({1}), .offset = 1, .size_bytes = 4}));
  EXPECT_TRUE(refuses({.shape = Shape({2}), .offset = 0, .size_bytes = 4}));
  EXPECT_TRUE(refuses({.shape = Shape({-1}), .offset = 0, .size_bytes = 4}));
  EXPECT_TRUE(refuses({.shape = Shape({INT64_MAX, INT64_MAX}), .offset = 0, .size_bytes = 4}));
}

TEST(WorkerSegment, StringsThatDoNotFitAreRefused) {
  const Segment segment = MustMake(1);
  const auto refuses = [&](uint32_t length, int64_t count, uint64_t size) {
    std::memcpy(segment.data(), &length, sizeof(length));
    Tensor out;
    const TensorPlace place{
        .type = DataType::kBytes, .shape = Shape({count}), .offset = 0, .size_bytes = size};
    return ReasonOf(CopyOut(place, segment, out)) == "WORKER_FRAME" &&
           ReasonOf(Show(place, segment, out)) == "WORKER_FRAME";
  };
  EXPECT_TRUE(refuses(5, 1, 8)) << "longer than the tensor";
  EXPECT_TRUE(refuses(UINT32_MAX, 1, 8));
  EXPECT_TRUE(refuses(3, 1, 8)) << "a byte is left";
  EXPECT_TRUE(refuses(0, 3, 8)) << "no room for so many";
  EXPECT_FALSE(refuses(4, 1, 8));
}

TEST(WorkerSegment, NobodyChangesItsSize) {
  const Segment segment = MustMake(1);
  EXPECT_NE(ftruncate(segment.descriptor(), 0), 0);
  EXPECT_NE(ftruncate(segment.descriptor(), 1 << 20), 0);
}

TEST(WorkerSegment, MemoryThatCanShrinkIsNotTaken) {
  Descriptor file(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(file.get(), 4096), 0);
  const Result<Segment> segment = Segment::Map(std::move(file));
  ASSERT_TRUE(segment.has_error());
  EXPECT_EQ(segment.error().reason(), "WORKER_FRAME");
}

}  // namespace
}  // namespace slipway::engine::worker
