#include "net/chunked.h"

#include <string>

#include <gtest/gtest.h>

#include "net/limits.h"

namespace slipway::net {
namespace {

struct Decoded {
  std::string data;
  size_t consumed = 0;
  bool finished = false;
  std::string reason = "OK";
};

// Feeds the input in pieces of `piece` bytes, each as long as something is consumed.
Decoded Decode(std::string_view input, size_t piece) {
  ChunkedDecoder decoder;
  Decoded out;
  size_t end = 0;
  while (out.consumed < input.size() && !decoder.finished()) {
    end = std::min(input.size(), std::max(end, out.consumed + piece));
    const auto step = decoder.Decode(input.substr(out.consumed, end - out.consumed), 1000);
    if (!step.has_value()) {
      out.reason = step.error().reason();
      return out;
    }
    EXPECT_GT(step->consumed, 0U);
    out.data += step->data;
    out.consumed += step->consumed;
  }
  out.finished = decoder.finished();
  return out;
}

TEST(ChunkedDecoderTest, AnyCut) {
  const std::string input =
      "4;name=value\r\nWiki\r\n00a\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n";
  for (size_t piece = 1; piece <= input.size(); ++piece) {
    const Decoded decoded = Decode(input + "next request", piece);
    EXPECT_EQ(decoded.data, "Wiki0123456789");
    EXPECT_TRUE(decoded.finished);
    EXPECT_EQ(decoded.consumed, input.size());
  }
}

TEST(ChunkedDecoderTest, Malformed) {
  for (const char* input :
       {"\r\n", "x\r\n", ";a\r\n", "4\nWiki", "4\r\nWikix", "4\r\nWiki\n", "4 \r\nWiki\r\n",
        "-1\r\n", "0x4\r\n", "10000000000000000\r\n", "4;a\x01\r\n", "0\r\n folded\r\n",
        "0\r\nA: b\n", "0\r\nA\x7f: b\r\n\r\n", "0\r\n\rx", "4\r\rWiki", "0\r\n\n"}) {
    for (const size_t piece : {size_t{1}, size_t{100}}) {
      EXPECT_EQ(Decode(input, piece).reason, "BODY_MALFORMED") << input;
    }
  }
}

TEST(ChunkedDecoderTest, LimitsOfFraming) {
  EXPECT_EQ(Decode("4;" + std::string(kMaxChunkLineBytes, 'x') + "\r\n", 1000).reason,
            "BODY_MALFORMED");
  EXPECT_EQ(Decode("0\r\nA: " + std::string(kMaxTrailerBytes, 'x') + "\r\n\r\n", 1000).reason,
            "BODY_MALFORMED");
}

TEST(ChunkedDecoderTest, DataTakenElsewhere) {
  ChunkedDecoder decoder;
  EXPECT_EQ(decoder.Decode("6\r\n", 100)->consumed, 3U);
  EXPECT_EQ(decoder.data_ahead(), 6U);
  decoder.TookData(4);
  EXPECT_EQ(decoder.Decode("xy\r\n0\r\n\r\n", 100)->data, "xy");
  EXPECT_EQ(decoder.data_ahead(), 0U);
  EXPECT_EQ(decoder.Decode("\r\n0\r\n\r\n", 100)->consumed, 7U);
  EXPECT_TRUE(decoder.finished());
}

}  // namespace
}  // namespace slipway::net
