#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway {
namespace {

void ExpectYaml(std::string_view text, std::string_view json) {
  Result<Json> value = ParseYaml(text);
  ASSERT_TRUE(value.has_value()) << text << ": " << value.error().ToString();
  EXPECT_EQ(DumpJson(*value), json) << text;
}

void ExpectError(std::string_view text, std::string_view reason, std::string_view line,
                 std::string_view column, const JsonLimits& limits = {}) {
  Result<Json> value = ParseYaml(text, limits);
  ASSERT_FALSE(value.has_value()) << text << " gave " << DumpJson(*value);
  EXPECT_EQ(value.error().reason(), reason) << text << ": " << value.error().ToString();
  EXPECT_EQ(value.error().detail("line"), line) << text << ": " << value.error().ToString();
  EXPECT_EQ(value.error().detail("column"), column) << text << ": " << value.error().ToString();
}

TEST(Yaml, CoreSchemaScalars) {
  ExpectYaml("a: yes", R"({"a":"yes"})");
  ExpectYaml("a: on\nb: off\nc: NO", R"({"a":"on","b":"off","c":"NO"})");
  ExpectYaml("[true, True, TRUE, false, tRue]", R"([true,true,true,false,"tRue"])");
  ExpectYaml("[null, ~, Null, '', \"null\"]", R"([null,null,null,"","null"])");
  ExpectYaml("[0o17, 0x1F, 017, +5, -5, 1_000]", R"([15,31,17,5,-5,"1_000"])");
  ExpectYaml("[1.5, .5, 5., 1e3, -1.5E-2, 1.2.3]", R"([1.5,0.5,5.0,1000.0,-0.015,"1.2.3"])");
  ExpectYaml("a: 18446744073709551615", R"({"a":18446744073709551615})");
  ExpectYaml("a: 18446744073709551616", R"({"a":1.8446744073709552e+19})");
  ExpectYaml("a: 12:30:45", R"({"a":"12:30:45"})");
  ExpectYaml("a: 2026-11-22", R"({"a":"2026-11-22"})");
  ExpectYaml("a: '1'\nb: \"true\"", R"({"a":"1","b":"true"})");
  ExpectYaml("a: !!str 1\nb: !!int 2\nc: ! 3", R"({"a":"1","b":2,"c":"3"})");
}

TEST(Yaml, StructureAndText) {
  ExpectYaml("a:\n  - b: 1\n    c: [x, {y: z}]\n  -\n",
             R"({"a":[{"b":1,"c":["x",{"y":"z"}]},null]})");
  ExpectYaml("a: |\n  one\n  two\n", R"({"a":"one\ntwo\n"})");
  ExpectYaml("1: a\ntrue: b\n<<: c", R"({"1":"a","true":"b","<<":"c"})");
  ExpectYaml("", "null");
  ExpectYaml("# only a comment\n", "null");
  ExpectYaml("---\na: 1\n", R"({"a":1})");
  ExpectYaml(R"({"a": [1, "b"]})", R"({"a":[1,"b"]})");
}

TEST(Yaml, ErrorsNameLineAndColumn) {
  ExpectError("a: 1\nb: [1\n", "YAML_SYNTAX", "3", "1");
  ExpectError("a: &x 1\nb: *x\n", "YAML_ALIAS", "2", "4");
  ExpectError("a: 1\nb: 2\na: 3\n", "JSON_DUPLICATE_KEY", "3", "1");
  ExpectError("a: !!binary aGk=\n", "YAML_TAG", "1", "4");
  ExpectError("a: !custom {b: 1}\n", "YAML_TAG", "1", "4");
  ExpectError("a: .inf\n", "YAML_VALUE", "1", "4");
  ExpectError("a: -.Inf\n", "YAML_VALUE", "1", "4");
  ExpectError("a: .nan\n", "YAML_VALUE", "1", "4");
  ExpectError("a: 1e999\n", "YAML_VALUE", "1", "4");
  ExpectError("? [1, 2]\n: 3\n", "YAML_VALUE", "1", "3");
  ExpectError("~: 3\n", "YAML_VALUE", "1", "1");
  ExpectError("a: \"\xff\"\n", "YAML_SYNTAX", "1", "5");
  ExpectError(std::string_view("a: 1\n\0", 6), "YAML_SYNTAX", "2", "1");
  ExpectError("\ta: 1", "YAML_SYNTAX", "1", "3");
}

TEST(Yaml, LimitsAreKept) {
  ExpectError("[[[1]]]", "JSON_TOO_DEEP", "1", "3", {.max_depth = 2});
  ExpectError("[1, 2, 3]", "JSON_TOO_LARGE", "1", "8", {.max_values = 3});
  ExpectError("{a: 1, b: 2}", "JSON_TOO_LARGE", "1", "8", {.max_keys_per_object = 1});
  EXPECT_EQ(ParseYaml("a: 1", {.max_bytes = 3}).error().reason(), "JSON_TOO_LARGE");
  std::string nested = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(ParseYaml(nested).error().reason(), "JSON_TOO_DEEP");
  EXPECT_FALSE(ParseYaml(std::string(100'000, '{')).has_value());
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_EQ(ParseYaml(dashes).error().reason(), "JSON_TOO_DEEP");
}

TEST(Yaml, OneDocumentUnlessAskedForMore) {
  EXPECT_EQ(ParseYaml("a: 1\n---\nb: 2\n").error().reason(), "YAML_SYNTAX");
  Result<std::vector<Json>> all = ParseYamlDocuments("a: 1\n---\nb: 2\n---\n- 3\n", 8);
  ASSERT_TRUE(all.has_value()) << all.error().ToString();
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ(DumpJson((*all)[1]), R"({"b":2})");
  EXPECT_EQ(ParseYamlDocuments("a: 1\n---\nb: 2\n---\n3\n", 2).error().message(),
            "YAML: more than 2 documents");
}

TEST(Yaml, DumpIsReadBackAsTheSameValue) {
  for (std::string_view text :
       {R"({"a":1,"b":[{"c":"x","d":[]},[1,[2,3]],{}],"e":{"f":{"g":null}},"h":[]})",
        R"(["yes","no","true","1","1.5","~","","-"," x","x ","a: b","a:","#x","x #y","@a","NULL"])",
        R"({"line\nbreak":"tab\t","ü":"ä","y":"on","a.b/c":"slipway/v1","t":"10:30"})",
        R"("scalar")", "17", "[]", "{}", R"([[[1]]])", R"({"a":[{"b":{"c":1}}]})"}) {
    Json value = *ParseJson(text);
    std::string yaml = DumpYaml(value);
    Result<Json> again = ParseYaml(yaml);
    ASSERT_TRUE(again.has_value()) << yaml << again.error().ToString();
    EXPECT_EQ(DumpJson(*again), DumpJson(value)) << yaml;
  }
  EXPECT_EQ(DumpYaml(*ParseJson(R"({"kind":"Service","spec":{"split":[{"weight":1,"x":"y"}]}})")),
            "kind: Service\nspec:\n  split:\n  - weight: 1\n    x: \"y\"\n");
}

}  // namespace
}  // namespace slipway
