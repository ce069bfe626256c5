#include "klever/upload/content_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/testing/result_matchers.h"
#include "klever/limits.h"

namespace slipway::klever {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ContentRange, ReadsWhatClientsWrite) {
  const auto range = ParseContentRange("bytes 100-199/1000");
  ASSERT_THAT(range, IsOk());
  EXPECT_EQ(range->span, (Span{100, 200}));
  EXPECT_EQ(range->total_bytes, 1000U);
  EXPECT_EQ(ParseContentRange(" bytes  0-0/1 ")->span, (Span{0, 1}));
}

TEST(ContentRange, RefusesAllElse) {
  for (const std::string_view text :
       {"", "bytes", "bytes 0-9", "bytes 0-9/*", "bytes */10", "bytes 5-4/10", "bytes 0-10/10",
        "bytes -1-3/10", "bytes 0x0-1/10", "items 0-9/10", "bytes=0-9/10", "bytes 0-9/10/11",
        "bytes 0-99999999999999999999/10", "bytes 0-18446744073709551615/18446744073709551615"}) {
    const auto range = ParseContentRange(text);
    ASSERT_FALSE(range) << text;
    EXPECT_EQ(range.error().reason(), "CONTENT_RANGE_INVALID") << text;
    EXPECT_EQ(range.error().detail("field"), "Content-Range");
  }
  const std::string total = std::to_string(kMaxUploadBytes + 1);
  EXPECT_EQ(ParseContentRange("bytes 0-1/" + total).error().reason(), "UPLOAD_TOO_LARGE");
}

TEST(SpanSet, JoinsWhatTouches) {
  SpanSet set;
  set.Add({20, 30});
  set.Add({0, 10});
  set.Add({5, 5});
  EXPECT_THAT(set.spans(), ElementsAre(Span{0, 10}, Span{20, 30}));
  EXPECT_THAT(set.Missing(35), ElementsAre(Span{10, 20}, Span{30, 35}));
  EXPECT_THAT(set.Within({8, 22}), ElementsAre(Span{8, 10}, Span{20, 22}));
  EXPECT_FALSE(set.Overlaps({10, 20}));
  set.Add({10, 20});
  EXPECT_THAT(set.spans(), ElementsAre(Span{0, 30}));
  EXPECT_THAT(set.Missing(30), IsEmpty());
  EXPECT_EQ(set.size_bytes(), 30U);
}

// The same as a set of single bytes, whatever is added in whatever order.
TEST(SpanSet, IsASetOfBytes) {
  constexpr size_t kBytes = 60;
  const auto random = MakeSeededRandom(3);
  for (int round = 0; round < 200; ++round) {
    SpanSet set;
    std::vector<bool> bytes(kBytes);
    for (int i = 0; i < 12; ++i) {
      const uint64_t begin = random->Next() % kBytes;
      const uint64_t end = std::min<uint64_t>(kBytes, begin + random->Next() % 10);
      set.Add({begin, end});
      for (uint64_t at = begin; at < end; ++at) bytes[at] = true;
    }
    std::vector<bool> present(kBytes);
    for (const Span& span : set.spans()) {
      for (uint64_t at = span.begin; at < span.end; ++at) present[at] = true;
    }
    std::vector<bool> missing(kBytes);
    for (const Span& span : set.Missing(kBytes)) {
      for (uint64_t at = span.begin; at < span.end; ++at) missing[at] = true;
    }
    EXPECT_EQ(present, bytes);
    missing.flip();
    EXPECT_EQ(missing, bytes);
    for (size_t i = 1; i < set.spans().size(); ++i) {
      EXPECT_LT(set.spans()[i - 1].end, set.spans()[i].begin);
    }
  }
}

}  // namespace
}  // namespace slipway::klever
