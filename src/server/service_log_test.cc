#include "server/service_log.h"

#include <gtest/gtest.h>

namespace slipway::server {
namespace {

constexpr std::string_view kLog =
    "t info loaded revision service=default/a revision=1\n"
    "t info loaded revision service=default/ab revision=1\n"
    "t info started\n"
    "t warn slow request service=other/a\n"
    "{\"t\":1,\"message\":\"x\",\"service\":\"default/a\"}\n"
    "t info unloaded service=default/a\n"
    "t info half a line service=default/a";

TEST(ServiceLogFilter, KeepsWholeLinesOfTheServiceAlone) {
  const std::string want =
      "t info loaded revision service=default/a revision=1\n"
      "{\"t\":1,\"message\":\"x\",\"service\":\"default/a\"}\n"
      "t info unloaded service=default/a\n";
  for (size_t size : {size_t{1}, size_t{10}, kLog.size()}) {
    ServiceLogFilter filter("default", "a");
    std::string got;
    for (size_t i = 0; i < kLog.size(); i += size) got += filter.Feed(kLog.substr(i, size));
    EXPECT_EQ(got, want) << size;
    EXPECT_EQ(filter.Feed("\n"), "t info half a line service=default/a\n");
  }
}

TEST(ServiceLogFilter, ForgetsAnEndlessLine) {
  ServiceLogFilter filter("default", "a");
  EXPECT_EQ(filter.Feed(std::string(100'000, 'x')), "");
  EXPECT_EQ(filter.Feed(" service=default/a\n"), " service=default/a\n");
}

}  // namespace
}  // namespace slipway::server
