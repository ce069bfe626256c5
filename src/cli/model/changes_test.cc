#include "cli/model/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "PATH: BEFORE -> AFTER" each, of JSON texts.
std::vector<std::string> Changes(const char* before, const char* after) {
  std::vector<std::string> lines;
  for (const ValueChange& change : ChangesBetween(Json::parse(before), Json::parse(after))) {
    lines.push_back(change.path + ": " + change.before.dump() + " -> " + change.after.dump());
  }
  return lines;
}

TEST(Changes, EqualDocumentsHaveNone) {
  for (const char* same : {"null", "{}", "[]", "1", R"({"a":{"b":[1,{"c":null}]}})"}) {
    EXPECT_THAT(Changes(same, same), IsEmpty()) << same;
  }
  EXPECT_THAT(Changes(R"({"a":1,"b":2})", R"({"b":2,"a":1})"), IsEmpty());
}

TEST(Changes, ObjectsAreComparedMemberByMember) {
  EXPECT_THAT(Changes(R"({"a":1,"b":{"c":2,"d":3},"e":4})", R"({"b":{"c":2,"d":"x"},"e":4,"f":5})"),
              ElementsAre("a: 1 -> null", "b.d: 3 -> \"x\"", "f: null -> 5"));
  // What is new or gone is told value by value, too.
  EXPECT_THAT(Changes("null", R"({"a":{"b":1,"c":2}})"),
              ElementsAre("a.b: null -> 1", "a.c: null -> 2"));
  EXPECT_THAT(Changes(R"({"a":{"b":1}})", "{}"), ElementsAre("a.b: 1 -> null"));
  EXPECT_THAT(Changes(R"({"a":{"b":1}})", R"({"a":[1]})"), ElementsAre("a: {\"b\":1} -> [1]"));
}

TEST(Changes, ListsOfNamedItemsAreComparedByName) {
  EXPECT_THAT(Changes(R"({"m":[{"name":"loss","value":1},{"name":"f1","value":2}]})",
                      R"({"m":[{"name":"f1","value":3},{"name":"loss","value":1}]})"),
              ElementsAre("m.f1: 2 -> 3"));
  EXPECT_THAT(Changes(R"([{"name":"a","value":1,"dataset":"x"}])",
                      R"([{"name":"a","value":1,"dataset":"y"}])"),
              ElementsAre("a.dataset: \"x\" -> \"y\""));
  EXPECT_THAT(Changes("[]", R"([{"name":"a","value":1}])"),
              ElementsAre(": [] -> [{\"name\":\"a\",\"value\":1}]"));
  EXPECT_THAT(Changes(R"({"m":[{"name":"a","value":1}]})", "{}"), ElementsAre("m.a: 1 -> null"));
}

TEST(Changes, OtherListsAreComparedAsAWhole) {
  EXPECT_THAT(Changes(R"({"t":["a","b"]})", R"({"t":["b","a"]})"),
              ElementsAre(R"(t: ["a","b"] -> ["b","a"])"));
  // Names that do not tell all items apart, or are none.
  for (const char* list : {R"([{"name":"a","value":1},{"name":"a","value":2}])",
                           R"([{"name":"a","value":1},{"value":2}])", R"([{"name":1}])"}) {
    EXPECT_EQ(Changes(list, R"([{"name":"a","value":1}])").size(), 1U) << list;
    EXPECT_TRUE(Changes(list, R"([{"name":"a","value":1}])")[0].starts_with(": [")) << list;
  }
}

TEST(Changes, AsJsonWhatIsNotThereIsLeftOut) {
  const Json json = ToJson({{.path = "a", .before = {}, .after = 1},
                            {.path = "b", .before = 2, .after = {}},
                            {.path = "c", .before = false, .after = ""}});
  EXPECT_EQ(json, Json::parse(R"([{"path":"a","after":1},{"path":"b","before":2},
                                  {"path":"c","before":false,"after":""}])"));
  EXPECT_EQ(ToJson({}), Json::array());
}

}  // namespace
}  // namespace slipway::cli
