#include "net/query.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway::net {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Query, IsTakenApart) {
  EXPECT_EQ(ParseQuery(""), Pairs());
  EXPECT_EQ(ParseQuery("&&"), Pairs());
  EXPECT_EQ(ParseQuery("a=1&b&=c&d="), (Pairs{{"a", "1"}, {"b", ""}, {"", "c"}, {"d", ""}}));
  EXPECT_EQ(ParseQuery("a%3Db=x+y%20z=w"), (Pairs{{"a=b", "x y z=w"}}));
}

constexpr QueryParameter kTaken[] = {
    {.name = "label", .text = "A selector."},
    {.name = "limit", .kind = QueryParameter::Kind::kNumber, .text = "Items of a page."},
    {.name = "watch", .kind = QueryParameter::Kind::kFlag, .text = "Events instead."},
};

TEST(Query, WhatIsTakenPasses) {
  for (std::string_view query :
       {"", "label=", "label=a%3Db&limit=0&watch", "watch=1", "watch=true", "watch=0",
        "watch=false", "limit=18446744073709551615", "w%61tch=1"}) {
    EXPECT_THAT(CheckQuery(query, kTaken), IsOk()) << query;
  }
}

TEST(Query, WhatIsNotIsNamed) {
  struct Case {
    std::string_view query;
    std::string_view reason;
    std::string_view field;
  };
  for (const auto& [query, reason, field] :
       {Case{"lable=x", "QUERY_UNKNOWN", "lable"}, Case{"Label=x", "QUERY_UNKNOWN", "Label"},
        Case{"=x", "QUERY_UNKNOWN", ""}, Case{"limit=1&limit=1", "QUERY_REPEATED", "limit"},
        Case{"watch&w%61tch=0", "QUERY_REPEATED", "watch"},
        Case{"limit=", "QUERY_INVALID", "limit"}, Case{"limit=-1", "QUERY_INVALID", "limit"},
        Case{"limit=1e3", "QUERY_INVALID", "limit"},
        Case{"limit=18446744073709551616", "QUERY_INVALID", "limit"},
        Case{"watch=yes", "QUERY_INVALID", "watch"}}) {
    const Result<void> checked = CheckQuery(query, kTaken);
    EXPECT_THAT(checked, IsError(Code::kInvalidArgument, std::string(reason))) << query;
    EXPECT_EQ(checked.error().details(), (Error::Details{{"field", std::string(field)}})) << query;
  }
}

TEST(Query, AMistakeIsToldWithTheWayOut) {
  EXPECT_EQ(CheckQuery("lable=x", kTaken).error().message(),
            "query parameter \"lable\": no such parameter here; the parameters are label, limit, "
            "watch: did you mean label?");
  EXPECT_EQ(CheckQuery("colour=x", {}).error().message(),
            "query parameter \"colour\": no such parameter here; there are none");
}

}  // namespace
}  // namespace slipway::net
