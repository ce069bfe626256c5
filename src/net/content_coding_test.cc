#include "net/content_coding.h"

#include <gtest/gtest.h>

namespace slipway::net {
namespace {

std::string Packed(ContentCoding coding, std::string_view text) {
  Deflater deflater(coding);
  std::string out;
  const size_t half = text.size() / 2;
  deflater.Write(text.substr(0, half), false, out);
  deflater.Write(text.substr(half), true, out);
  return out;
}

// The unpacked bytes, read `step` at a time, or the reason of the error.
std::string Unpacked(ContentCoding coding, std::string_view packed, size_t step) {
  Inflater inflater(coding, packed);
  std::string out;
  std::string piece(step, '\0');
  while (true) {
    const Result<size_t> got = inflater.Read(piece.data(), step);
    if (got.has_error()) return std::string(got.error().reason());
    if (*got == 0) return out;
    out.append(piece, 0, *got);
  }
}

TEST(ContentCoding, WhatIsPackedComesBack) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kDeflate}) {
    const std::string packed = Packed(coding, text);
    EXPECT_LT(packed.size(), text.size());
    for (const size_t step : {size_t{1}, size_t{1000}, text.size(), text.size() + 1}) {
      EXPECT_EQ(Unpacked(coding, packed, step), text) << step;
    }
    EXPECT_EQ(Unpacked(coding, Packed(coding, ""), 10), "");
  }
}

TEST(ContentCoding, DamageIsSaid) {
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kDeflate}) {
    const std::string packed = Packed(coding, "a text that is long enough to be packed");
    for (size_t size = 0; size < packed.size(); ++size) {
      EXPECT_EQ(Unpacked(coding, packed.substr(0, size), 100), "CODING_INVALID") << size;
    }
    EXPECT_EQ(Unpacked(coding, packed + "x", 100), "CODING_INVALID");
    std::string flipped = packed;
    flipped.back() = static_cast<char>(flipped.back() ^ 1);
    EXPECT_EQ(Unpacked(coding, flipped, 100), "CODING_INVALID");
  }
  EXPECT_EQ(Unpacked(ContentCoding::kGzip, Packed(ContentCoding::kDeflate, "abc"), 10),
            "CODING_INVALID");
}

TEST(ContentCoding, TheClientsWeightsDecide) {
  using Members = std::vector<std::string_view>;
  EXPECT_EQ(AcceptedCoding({}), ContentCoding::kIdentity);
  EXPECT_EQ(AcceptedCoding(Members{"br", "zstd", "*"}), ContentCoding::kIdentity);
  EXPECT_EQ(AcceptedCoding(Members{"deflate", "gzip"}), ContentCoding::kGzip);
  EXPECT_EQ(AcceptedCoding(Members{"gzip;q=0.2", "deflate; q=0.8"}), ContentCoding::kDeflate);
  EXPECT_EQ(AcceptedCoding(Members{"gzip;q=0"}), ContentCoding::kIdentity);
  EXPECT_EQ(AcceptedCoding(Members{"X-GZIP"}), ContentCoding::kGzip);
}

}  // namespace
}  // namespace slipway::net
