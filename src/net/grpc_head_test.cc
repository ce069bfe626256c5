#include "net/grpc_head.h"

#include <gtest/gtest.h>

#include "net/grpc_service.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

using std::chrono::nanoseconds;

nanoseconds TimeoutOf(std::string_view text) {
  const auto parsed = ParseGrpcTimeout(text);
  EXPECT_TRUE(parsed.has_value() && parsed->has_value()) << text;
  return parsed.has_value() ? parsed->value_or(nanoseconds(-1)) : nanoseconds(-1);
}

TEST(GrpcTimeout, TakesEachUnit) {
  EXPECT_EQ(TimeoutOf("1H"), std::chrono::hours(1));
  EXPECT_EQ(TimeoutOf("2M"), std::chrono::minutes(2));
  EXPECT_EQ(TimeoutOf("3S"), std::chrono::seconds(3));
  EXPECT_EQ(TimeoutOf("4m"), std::chrono::milliseconds(4));
  EXPECT_EQ(TimeoutOf("5u"), std::chrono::microseconds(5));
  EXPECT_EQ(TimeoutOf("99999999n"), nanoseconds(99'999'999));
  EXPECT_EQ(TimeoutOf("0n"), nanoseconds(0));
  // Longer than anybody waits, but no overflow.
  EXPECT_GT(TimeoutOf("99999999H"), std::chrono::hours(800'000));
  EXPECT_FALSE(ParseGrpcTimeout(std::nullopt)->has_value());
}

TEST(GrpcTimeout, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "1", "S", "-1S", "+1S", "1s", "1 S", "100000000S", "1SS", "0x1S", "1.5S"}) {
    const auto parsed = ParseGrpcTimeout(text);
    ASSERT_TRUE(parsed.has_error()) << text;
    EXPECT_EQ(parsed.error().reason(), "TIMEOUT_MALFORMED");
  }
}

TEST(GrpcMessage, IsPercentEncoded) {
  EXPECT_EQ(EncodeGrpcMessage("all well: 'x' ~"), "all well: 'x' ~");
  EXPECT_EQ(EncodeGrpcMessage("100%\n\xc3\xbc\x7f"), "100%25%0A%C3%BC%7F");
  EXPECT_LE(EncodeGrpcMessage(std::string(1 << 20, '\n')).size(), kMaxGrpcMessageBytes + 3);
}

TEST(GrpcContentType, IsGrpcWithProtobuf) {
  for (const char* good : {"application/grpc", "application/grpc+proto", "application/grpc;a=b",
                           "application/grpc+proto;charset=utf-8"}) {
    EXPECT_TRUE(IsGrpcContentType(good)) << good;
  }
  for (const char* bad : {"", "application/json", "application/grpc+json", "application/grpc-web",
                          "application/grpcx", "application/grpc+protox"}) {
    EXPECT_FALSE(IsGrpcContentType(bad)) << bad;
  }
}

TEST(ListsToken, FindsWholeTokens) {
  EXPECT_TRUE(ListsToken("identity, deflate,gzip", "deflate"));
  EXPECT_TRUE(ListsToken("gzip", "gzip"));
  EXPECT_FALSE(ListsToken("identity,xgzip", "gzip"));
  EXPECT_FALSE(ListsToken("", "gzip"));
}

TEST(UnknownMethod, SaysWhatIsUnknown) {
  GrpcService service;
  service.Add({.path = "/a.B/C", .unary = [](GrpcCall&) {}, .stream = nullptr});
  EXPECT_EQ(UnknownMethod("/a.B/D", service).message(), "unknown method D for service a.B");
  EXPECT_EQ(UnknownMethod("/a.C/D", service).message(), "unknown service a.C");
  EXPECT_EQ(UnknownMethod("/a", service).message(), "malformed method name: '/a'");
  EXPECT_EQ(UnknownMethod("", service).code(), Code::kUnimplemented);
}

}  // namespace
}  // namespace slipway::net
