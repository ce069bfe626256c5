#include "routing/rules.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/json_body.h"
#include "routing/limits.h"

namespace slipway::routing {
namespace {

class FakeRequest final : public RequestFacts {
 public:
  std::map<std::string, std::string, std::less<>> headers;
  std::map<std::string, std::string, std::less<>> query;
  std::string path = "/v2/models/m/infer";

  void SetBody(std::string text) {
    text_ = std::move(text);
    text_.reserve(text_.size() + kJsonPadding);
    body_.Open(text_);
  }

  std::optional<std::string_view> Header(std::string_view name) override {
    return In(headers, name);
  }
  std::optional<std::string_view> Path() override { return path; }
  std::optional<std::string_view> Query(std::string_view name) override { return In(query, name); }
  std::optional<std::string_view> Body(const BodyField& field) override {
    ++body_questions;
    return body_.Find(field);
  }
  int body_questions = 0;

 private:
  static std::optional<std::string_view> In(
      const std::map<std::string, std::string, std::less<>>& map, std::string_view name) {
    const auto found = map.find(name);
    if (found == map.end()) return std::nullopt;
    return found->second;
  }
  std::string text_;
  JsonBody body_;
};

bool Holds(const std::string& condition, FakeRequest& request) {
  auto json = ParseJson(R"({"name":"r","split":[{"revision":1}],"when":[)" + condition + "]}");
  EXPECT_TRUE(json.has_value()) << condition;
  auto rule = Decode<RuleSpec>(*json, "rule");
  EXPECT_TRUE(rule.has_value()) << rule.error().ToString();
  TrafficSpec traffic;
  traffic.rules.push_back(*rule);
  const Result<void> checked = CheckTraffic(traffic, "spec.traffic");
  EXPECT_TRUE(checked.has_value()) << checked.error().ToString();
  auto rules = Rules::Compile(traffic.rules);
  EXPECT_TRUE(rules.has_value()) << rules.error().ToString();
  return rules->Match(request) == 0u;
}

struct OperatorCase {
  const char* test;
  std::string value;
  bool holds;
};

TEST(Rules, EveryOperatorAndItsNegation) {
  const OperatorCase cases[] = {
      {R"("exact":"beta")", "beta", true},
      {R"("exact":"beta")", "Beta", false},
      {R"("exact":"beta")", "beta ", false},
      {R"("exact":"")", "", true},
      {R"("prefix":"be")", "beta", true},
      {R"("prefix":"beta")", "bet", false},
      {R"("prefix":"")", "x", true},
      {R"("contains":"et")", "beta", true},
      {R"("contains":"eta ")", "beta", false},
      {R"("regex":"b.*a")", "beta", true},
      {R"("regex":"b.*t")", "beta", false},  // all of it, not a part
      {R"("regex":"(?i)BETA")", "beta", true},
      {R"("regex":"a|b")", "ab", false},
      {R"("in":["x","beta","a"])", "beta", true},
      {R"("in":["x","beta","a"])", "bet", false},
  };
  for (const OperatorCase& one : cases) {
    for (const std::string source : {R"("header":"X-Group",)", R"("query":"g",)", R"("path":true,)",
                                     R"("body":"parameters.g",)", R"("body":"/parameters/g",)"}) {
      FakeRequest request;
      request.headers["x-group"] = one.value;
      request.query["g"] = one.value;
      request.path = one.value;
      request.SetBody(R"({"inputs":[],"parameters":{"g":")" + one.value + R"("}})");
      EXPECT_EQ(Holds("{" + source + one.test + "}", request), one.holds)
          << source << one.test << " of " << one.value;
      EXPECT_EQ(Holds("{" + source + one.test + R"(,"not":true})", request), !one.holds)
          << source << one.test << " of " << one.value;
    }
  }
}

TEST(Rules, WhatIsNotThereMatchesNothing) {
  for (const std::string source : {R"("header":"a",)", R"("query":"a",)", R"("body":"/a",)"}) {
    for (const std::string test : {R"("exact":"")", R"("prefix":"")", R"("contains":"")",
                                   R"("regex":".*")", R"("in":[""])"}) {
      FakeRequest request;
      request.SetBody("{}");
      EXPECT_FALSE(Holds("{" + source + test + "}", request));
      EXPECT_TRUE(Holds("{" + source + test + R"(,"not":true})", request));
    }
  }
}

// Two questions to a body that is broken: the first finds that out, in the middle or at the end.
TEST(Rules, ABrokenBodyHasNothing) {
  for (const std::string body :
       {R"({"id":"a","user":"b"} x)", R"({"a":)", R"({"id":"a")", R"({"id":"a",,"user":"b"})",
        R"({"parameters":{"a":tru}})", R"(["a")", "{", "nul", R"({"id":"\ud800)"}) {
    FakeRequest request;
    request.SetBody(body);
    for (const char* field : {"/absent", "/user/x", "/parameters/a", "/id/0", "/0/x"}) {
      EXPECT_EQ(request.Body(*BodyField::Parse(field)), std::nullopt) << body << " " << field;
    }
  }
}

TEST(Rules, NamesInTheBodyAreWhatTheyMean) {
  FakeRequest request;
  request.SetBody(R"({"param\u0065ters":{"pa\u00eds":"NL","\"":"q"},"list":[[1],{"a":2}],)"
                  R"("twice":"first","twice":"second"})");
  const std::pair<const char*, const char*> held[] = {{"parameters.país", "NL"},
                                                      {"/parameters/\"", "q"},
                                                      {"/list/0/0", "1"},
                                                      {"/list/1/a", "2"},
                                                      {"/twice", "first"}};
  for (const auto& [field, value] : held) {
    EXPECT_EQ(request.Body(*BodyField::Parse(field)), value) << field;
  }
  for (const char* field : {"/list/01/a", "/list/-", "/list/2", "/list/0/0/0", "/twice/0"}) {
    EXPECT_EQ(request.Body(*BodyField::Parse(field)), std::nullopt) << field;
  }
}

// One value must not hold a core: what a comparison takes at worst is bounded.
TEST(Rules, RegexesAreBounded) {
  FakeRequest request;
  request.headers["x-group"] = std::string(kMaxRegexValueBytes, 'a');
  EXPECT_TRUE(Holds(R"({"header":"x-group","regex":"a*"})", request));
  request.headers["x-group"] += 'a';
  EXPECT_FALSE(Holds(R"({"header":"x-group","regex":"a*"})", request));
  RuleSpec rule{.name = "r", .when = {ConditionSpec{.header = "x", .regex = ".*a.{400}z"}}};
  const auto compiled = Rules::Compile({&rule, 1});
  ASSERT_TRUE(compiled.has_error());
  EXPECT_NE(compiled.error().message().find("steps"), std::string::npos);
}

TEST(Rules, ValuesOfTheBodyAreTheirTexts) {
  const std::string body = R"({"id":"r-7","n":null,"inputs":[{"name":"x","data":[1.50,-2e3]}],)"
                           R"("parameters":{"big":12345678901234567890,"yes":true,"a/b":"\u00e9",)"
                           R"("o":{"deep":[false]}}})";
  const std::pair<const char*, const char*> held[] = {
      {"/id", "r-7"},
      {"/inputs/0/data/0", "1.50"},
      {"/inputs/0/data/1", "-2e3"},
      {"parameters.big", "12345678901234567890"},
      {"parameters.yes", "true"},
      {"parameters.a/b", "\u00e9"},
      {"/parameters/a~1b", "\u00e9"},
      {"/parameters/o/deep/0", "false"},
  };
  for (const auto& [field, value] : held) {
    FakeRequest request;
    request.SetBody(body);
    EXPECT_TRUE(
        Holds(std::string(R"({"body":")") + field + R"(","exact":")" + value + R"("})", request))
        << field;
  }
  for (const char* field :
       {"/n", "/parameters", "/inputs/0", "/inputs/1/name", "/inputs/x", "/x/y"}) {
    FakeRequest request;
    request.SetBody(body);
    EXPECT_FALSE(Holds(std::string(R"({"body":")") + field + R"(","regex":"(?s).*"})", request))
        << field;
  }
}

TEST(Rules, ABodyThatIsNoJsonHasNothing) {
  for (const std::string text :
       {"", "7", "nonsense", "{\"a\":", "[", "\"a\"", "{\"a\":\"\\ud800\"}"}) {
    FakeRequest request;
    request.SetBody(text);
    EXPECT_FALSE(Holds(R"({"body":"/a","regex":"(?s).*"})", request)) << text;
  }
}

TEST(Rules, AValueThatIsTooLongIsNotThere) {
  FakeRequest request;
  request.SetBody(R"({"a":")" + std::string(kMaxValueBytes, 'x') + R"(","b":")" +
                  std::string(kMaxValueBytes + 1, 'x') + R"("})");
  EXPECT_TRUE(Holds(R"({"body":"/a","prefix":"x"})", request));
  EXPECT_FALSE(Holds(R"({"body":"/b","prefix":"x"})", request));
}

std::vector<RuleSpec> ThreeRules() {
  std::vector<RuleSpec> rules(3);
  rules[0].when = {{.header = "A", .exact = "1"}, {.body = "/b", .exact = "2"}};
  rules[1].when = {{.header = "a", .exact = "1"}};
  rules[2].when = {{.path = true, .prefix = "/"}};
  return rules;
}

TEST(Rules, TheFirstThatMatchesWinsAndTheBodyIsReadOnlyIfItMatters) {
  const auto rules = Rules::Compile(ThreeRules());
  ASSERT_TRUE(rules.has_value());
  FakeRequest request;
  EXPECT_EQ(rules->Match(request), 2u);
  EXPECT_EQ(request.body_questions, 0);
  request.headers["a"] = "1";
  request.SetBody("{}");
  EXPECT_EQ(rules->Match(request), 1u);
  request.SetBody(R"({"b":2})");
  EXPECT_EQ(rules->Match(request), 0u);
}

TEST(Rules, ATraceHasEveryConditionUpToTheMatch) {
  const auto rules = Rules::Compile(ThreeRules());
  FakeRequest request;
  request.headers["a"] = "1";
  request.SetBody(R"({"b":"3"})");
  std::vector<ConditionTrace> trace;
  EXPECT_EQ(rules->Match(request, &trace), 1u);
  ASSERT_EQ(trace.size(), 3u);
  EXPECT_TRUE(trace[0].held);
  EXPECT_FALSE(trace[1].held);
  EXPECT_EQ(trace[1].value, "3");
  EXPECT_EQ(trace[2].rule, 1u);
  EXPECT_TRUE(trace[2].held);
}

TEST(Rules, Cookies) {
  EXPECT_EQ(CookieIn("a=1; user=u-7", "user"), "u-7");
  EXPECT_EQ(CookieIn("user=\"u 7\";x", "user"), "u 7");
  EXPECT_EQ(CookieIn("user=; a=2", "user"), "");
  EXPECT_EQ(CookieIn("xuser=1", "user"), std::nullopt);
  EXPECT_EQ(CookieIn("", "user"), std::nullopt);
}

TEST(Rules, TheKeyIsWhereTheSpecSays) {
  FakeRequest request;
  request.headers["x-user"] = "h";
  request.headers["cookie"] = "u=c";
  request.query["u"] = "q";
  request.SetBody(R"({"parameters":{"u":7}})");
  EXPECT_EQ(KeySource({.header = "X-User"}).Of(request), "h");
  EXPECT_EQ(KeySource({.query = "u"}).Of(request), "q");
  EXPECT_EQ(KeySource({.cookie = "u"}).Of(request), "c");
  EXPECT_EQ(KeySource({.body = "parameters.u"}).Of(request), "7");
  request.headers["x-user"] = "";
  EXPECT_EQ(KeySource({.header = "X-User"}).Of(request), std::nullopt);
}

// What the described type says together with CheckTraffic, as one error.
Result<TrafficSpec> ReadTraffic(const std::string& text) {
  TRY(json, ParseJson(text));
  TRY(traffic, Decode<TrafficSpec>(json, "spec.traffic"));
  TRY_VOID(CheckTraffic(traffic, "spec.traffic"));
  return traffic;
}

struct FaultCase {
  std::string text;
  const char* message;
};

TEST(TrafficSpec, FaultsNameTheirPlace) {
  const auto rule = [](const std::string& when) {
    return R"({"rules":[{"name":"r","when":[)" + when + R"(],"split":[{"revision":1}]}]})";
  };
  const FaultCase cases[] = {
      {R"({"split":[{"revision":1,"weight":0},{"revision":2,"weight":14000}]})",
       "spec.traffic.split[1].weight: 0 to 10000, got 14000"},
      {R"({"split":[{"revision":1,"weight":9000},{"revision":2,"weight":900}]})",
       "spec.traffic.split: the weights add up to 10000, got 9900"},
      {R"({"split":[{"revision":1,"weight":5000},{"revision":1,"weight":5000}]})",
       "spec.traffic.split[1].revision: revision 1 is in this split twice"},
      {R"({"split":[{"revision":0}]})", "spec.traffic.split[0].revision: at least 1, got 0"},
      {R"({"rules":[{"name":"r","when":[],"split":[{"revision":1}]}]})",
       "spec.traffic.rules[0].when: "},
      {rule(R"({"exact":"x"})"),
       "spec.traffic.rules[0].when[0]: exactly one of header, path: true, query and body"},
      {rule(R"({"header":"a","query":"b","exact":"x"})"), "got 2"},
      {rule(R"({"header":"a"})"),
       "spec.traffic.rules[0].when[0]: exactly one of exact, prefix, regex, contains and in"},
      {rule(R"({"header":"a","exact":"x","prefix":"x"})"), "got 2"},
      {rule(R"({"header":"a b","exact":"x"})"), "spec.traffic.rules[0].when[0].header: letters"},
      {rule(R"({"query":"","exact":"x"})"), "spec.traffic.rules[0].when[0].query: "},
      {rule(R"({"body":"inputs","exact":"x"})"),
       "spec.traffic.rules[0].when[0].body: parameters.NAME or a JSON pointer"},
      {rule(R"({"body":"/a~2","exact":"x"})"), "spec.traffic.rules[0].when[0].body: in a JSON"},
      {rule(R"({"header":"a","regex":"(x"})"),
       "spec.traffic.rules[0].when[0].regex: not a regular expression of RE2 within its 256 KiB: "
       "missing ): (x"},
      {rule(R"({"header":"a","regex":"((a{100}){100}){100}"})"),
       "spec.traffic.rules[0].when[0].regex: not a regular expression"},
      {rule(R"({"header":"a","regex":"(a)\\1"})"), "spec.traffic.rules[0].when[0].regex: not a"},
      {rule(R"({"header":"a","in":["b",")" + std::string(1025, 'x') + R"("]})"),
       "spec.traffic.rules[0].when[0].in[1]: at most 1024 bytes, got 1025"},
      {rule(R"({"header":"a","exact":")" + std::string(1025, 'x') + R"("})"),
       "spec.traffic.rules[0].when[0].exact: at most 1024 bytes"},
      {rule(R"({"header":"a","equals":"b"})"), "spec.traffic.rules[0].when[0].equals: "},
      {R"({"sticky":{}})", "spec.traffic.sticky: exactly one of header, query, cookie and body"},
      {R"({"sticky":{"header":"a","cookie":"b"}})", "got 2"},
      {R"({"shadow":{"weight":5}})", "spec.traffic.shadow.revision: "},
      {R"({"shadow":{"revision":1,"compare":{"absolute":-1}}})",
       "spec.traffic.shadow.compare.absolute: at least 0"},
  };
  for (const FaultCase& one : cases) {
    const auto read = ReadTraffic(one.text);
    ASSERT_TRUE(read.has_error()) << one.text;
    EXPECT_EQ(read.error().code(), Code::kInvalidArgument);
    EXPECT_THAT(read.error().message(), ::testing::HasSubstr(one.message)) << one.text;
    EXPECT_FALSE(read.error().detail("field").empty()) << one.text;
  }
}

TEST(TrafficSpec, NumbersAreBounded) {
  const auto many = [](size_t count, const std::function<std::string(size_t)>& make) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + make(i);
    return text;
  };
  const auto with_rules = [&](size_t count, const std::function<std::string(size_t)>& when) {
    return R"({"rules":[)" +
           many(count,
                [&](size_t i) {
                  return R"({"name":"r)" + std::to_string(i) +
                         R"(","split":[{"revision":1}],"when":[)" + when(i) + "]}";
                }) +
           "]}";
  };
  const auto plain = [](size_t) { return R"({"header":"a","exact":"b"})"; };
  const auto regex = [](size_t) { return R"({"header":"a","regex":"b"})"; };
  const auto body = [](size_t i) {
    return R"({"body":"/f)" + std::to_string(i) + R"(","exact":"b"})";
  };
  EXPECT_TRUE(ReadTraffic(with_rules(kMaxRules, plain)).has_value());
  EXPECT_TRUE(ReadTraffic(with_rules(kMaxRules + 1, plain)).has_error());
  EXPECT_TRUE(ReadTraffic(with_rules(kMaxRegexes, regex)).has_value());
  EXPECT_TRUE(ReadTraffic(with_rules(kMaxRegexes + 1, regex)).has_error());
  EXPECT_TRUE(ReadTraffic(with_rules(kMaxBodyFields, body)).has_value());
  EXPECT_TRUE(ReadTraffic(with_rules(kMaxBodyFields + 1, body)).has_error());
  EXPECT_TRUE(ReadTraffic(with_rules(2, [](size_t) { return std::string(); })).has_error());
  const auto same =
      ReadTraffic(R"({"rules":[)" +
                  many(2,
                       [](size_t) {
                         return std::string(R"({"name":"r","split":[{"revision":1}],)"
                                            R"("when":[{"path":true,"prefix":"/"}]})");
                       }) +
                  "]}");
  EXPECT_THAT(same.error().message(), ::testing::HasSubstr("spec.traffic.rules[1].name: "));
}

TEST(TrafficSpec, NamesItsRevisions) {
  const auto traffic = ReadTraffic(
      R"({"rules":[{"name":"r","when":[{"path":true,"prefix":"/"}],"split":[{"revision":4}],)"
      R"("shadow":{"revision":5}}],"split":[{"revision":2},{"revision":3,"weight":0}],)"
      R"("shadow":{"revision":6}})");
  ASSERT_TRUE(traffic.has_value()) << traffic.error().ToString();
  EXPECT_EQ(NamedRevisions(*traffic), (std::set<int64_t>{2, 3, 4, 5, 6}));
  EXPECT_EQ(PlaceOf(*traffic, 3), "split[1].revision");
  EXPECT_EQ(PlaceOf(*traffic, 5), "rules[0].shadow.revision");
  EXPECT_EQ(PlaceOf(*traffic, 7), "");
}

}  // namespace
}  // namespace slipway::routing
