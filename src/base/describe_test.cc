#include "base/describe.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway {
namespace {

enum class Mode : uint8_t { kSlowStart, kFast };
BOOST_DESCRIBE_ENUM(Mode, kSlowStart, kFast)

enum class Colour : uint8_t { kDeepRed };
BOOST_DESCRIBE_ENUM(Colour, kDeepRed)

struct Split {
  std::string revision;
  int32_t weight = 0;
};
BOOST_DESCRIBE_STRUCT(Split, (), (revision, weight))

struct Base {
  int64_t observed_generation = 0;
  std::string phase = "Pending";
};
BOOST_DESCRIBE_STRUCT(Base, (), (observed_generation, phase))

struct Everything : Base {
  bool on = true;
  int32_t small = 7;
  uint64_t unsigned_number = 0;
  double ratio = 0.5;
  Mode mode = Mode::kFast;
  std::optional<Colour> colour;
  std::vector<Split> split;
  std::map<std::string, std::string> labels;
  std::map<std::string, Split> by_name;
  std::optional<Split> fallback;
  std::vector<std::string> digests;
  Json free_form;
};
BOOST_DESCRIBE_STRUCT(Everything, (Base),
                      (on, small, unsigned_number, ratio, mode, colour, split, labels, by_name,
                       fallback, digests, free_form))

struct Hidden {
  std::map<std::string, std::string> data;
};
BOOST_DESCRIBE_STRUCT(Hidden, (), (data))

struct Tree {
  std::string name;
  std::vector<Tree> children;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (name, children))

}  // namespace

template <>
struct Description<Colour> {
  static constexpr bool kPascalCase = true;
};
template <>
struct Description<Split> {
  static constexpr std::string_view kText = "One share of the traffic.";
  static constexpr FieldText kFields[] = {
      {.name = "revision", .text = "Name of the revision.", .required = true, .format = "name"},
      {.name = "weight", .text = "Share in parts of 10,000.", .min = 0, .max = 10'000},
  };
};
template <>
struct Description<Hidden> {
  static constexpr FieldText kFields[] = {
      {.name = "data", .text = "Kept to ourselves.", .secret = true},
  };
};
template <>
struct Description<Everything> {
  static constexpr FieldText kFields[] = {
      {.name = "phase", .text = "The derived struct may describe a member of its base.", .max = 8},
      {.name = "small", .text = "At least one.", .min = 1},
      {.name = "ratio", .text = "A part.", .min = 0, .max = 1.5},
      {.name = "split", .text = "Shares.", .max = 3},
      {.name = "labels", .text = "Labels.", .format = "label-value", .key_format = "label-key"},
      {.name = "digests", .text = "Digests.", .format = "digest"},
      {.name = "free_form", .text = "Anything.", .read_only = true},
  };
};

namespace {

struct Refusal {
  std::string json;
  std::string reason;
  std::string field;
  std::string message;
};

template <class T>
void ExpectRefusal(const Refusal& refusal) {
  Result<Json> json = ParseJson(refusal.json);
  ASSERT_TRUE(json.has_value()) << refusal.json;
  Result<T> decoded = Decode<T>(*json, "spec");
  ASSERT_FALSE(decoded.has_value()) << refusal.json;
  EXPECT_EQ(decoded.error().code(), Code::kInvalidArgument) << refusal.json;
  EXPECT_EQ(decoded.error().reason(), refusal.reason) << decoded.error().ToString();
  EXPECT_EQ(decoded.error().detail("field"), refusal.field) << decoded.error().ToString();
  EXPECT_EQ(decoded.error().message(), refusal.message);
}

TEST(Describe, DecodesEveryKindOfMember) {
  Json json = *ParseJson(R"({
    "observedGeneration": 3, "phase": "Ready", "on": false, "small": 2.0,
    "unsignedNumber": 18446744073709551615, "ratio": 1, "mode": "slowStart", "colour": "DeepRed",
    "split": [{"revision": "a", "weight": 9000}, {"revision": "b"}],
    "labels": {"team/x": "y"}, "byName": {"k": {"revision": "c"}}, "fallback": {"revision": "d"},
    "digests": [], "freeForm": {"a": [1, null]}})");
  Result<Everything> all = Decode<Everything>(json);
  ASSERT_TRUE(all.has_value()) << all.error().ToString();
  EXPECT_EQ(all->observed_generation, 3);
  EXPECT_EQ(all->phase, "Ready");
  EXPECT_FALSE(all->on);
  EXPECT_EQ(all->small, 2);
  EXPECT_EQ(all->unsigned_number, UINT64_MAX);
  EXPECT_EQ(all->ratio, 1.0);
  EXPECT_EQ(all->mode, Mode::kSlowStart);
  EXPECT_EQ(all->colour, Colour::kDeepRed);
  ASSERT_EQ(all->split.size(), 2u);
  EXPECT_EQ(all->split[0].weight, 9000);
  EXPECT_EQ(all->labels.at("team/x"), "y");
  EXPECT_EQ(all->by_name.at("k").revision, "c");
  EXPECT_EQ(all->fallback->revision, "d");
  EXPECT_EQ(DumpJson(all->free_form), R"({"a":[1,null]})");
}

TEST(Describe, KeepsDefaultsForAbsentAndNull) {
  Result<Everything> all = Decode<Everything>(*ParseJson(R"({"small": null, "labels": null})"));
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->small, 7);
  EXPECT_TRUE(all->on);
  EXPECT_EQ(all->mode, Mode::kFast);
}

TEST(Describe, EncodeLeavesOutWhatIsEmptyAndDecodesBack) {
  Everything all;
  EXPECT_EQ(DumpJson(Encode(all)),
            R"({"observedGeneration":0,"phase":"Pending","on":true,"small":7,"unsignedNumber":0,)"
            R"("ratio":0.5,"mode":"fast"})");
  all.split = {{"a", 1}, {"", 2}};
  all.colour = Colour::kDeepRed;
  all.labels["z"] = "";
  Json json = Encode(all);
  EXPECT_EQ(DumpJson(json["split"]), R"([{"revision":"a","weight":1},{"revision":"","weight":2}])");
  EXPECT_EQ(DumpJson(json["labels"]), R"({"z":""})");
  all.split.pop_back();
  Result<Everything> again = Decode<Everything>(Encode(all));
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(DumpJson(Encode(*again)), DumpJson(Encode(all)));
}

TEST(Describe, RefusesUnknownFields) {
  ExpectRefusal<Split>({R"({"wieght": 1})", "FIELD_UNKNOWN", "spec.wieght",
                        "spec.wieght: no such field; did you mean weight?"});
  ExpectRefusal<Split>({R"({"zebra": 1})", "FIELD_UNKNOWN", "spec.zebra",
                        "spec.zebra: no such field; the fields are revision, weight"});
  ExpectRefusal<Split>({R"({"we\nird": 1})", "FIELD_UNKNOWN", R"(spec["we\x0aird"])",
                        R"(spec["we\x0aird"]: no such field; the fields are revision, weight)"});
  Result<Split> ignored =
      Decode<Split>(*ParseJson(R"({"revision": "a", "zebra": 1})"), "spec", UnknownFields::kIgnore);
  EXPECT_TRUE(ignored.has_value());
}

TEST(Describe, RefusesWrongTypes) {
  ExpectRefusal<Everything>({"[]", "FIELD_TYPE", "spec", "spec: expected an object, got a list"});
  ExpectRefusal<Everything>({R"({"on": "yes"})", "FIELD_TYPE", "spec.on",
                             R"(spec.on: expected true or false, got "yes")"});
  ExpectRefusal<Everything>({R"({"small": 1.5})", "FIELD_TYPE", "spec.small",
                             "spec.small: expected an integer, got 1.5"});
  ExpectRefusal<Everything>({R"({"small": "1"})", "FIELD_TYPE", "spec.small",
                             R"(spec.small: expected an integer, got "1")"});
  ExpectRefusal<Everything>({R"({"ratio": true})", "FIELD_TYPE", "spec.ratio",
                             "spec.ratio: expected a number, got true"});
  ExpectRefusal<Everything>({R"({"split": [{"revision": "a"}, 4]})", "FIELD_TYPE", "spec.split[1]",
                             "spec.split[1]: expected an object, got 4"});
  ExpectRefusal<Everything>({R"({"split": {}})", "FIELD_TYPE", "spec.split",
                             "spec.split: expected a list, got an object"});
  ExpectRefusal<Everything>({R"({"labels": {"a": 1}})", "FIELD_TYPE", "spec.labels.a",
                             "spec.labels.a: expected a string, got 1"});
  ExpectRefusal<Everything>(
      {R"({"mode": 1})", "FIELD_TYPE", "spec.mode", "spec.mode: expected a string, got 1"});
}

TEST(Describe, RefusesWhatIsOutOfRange) {
  ExpectRefusal<Everything>({R"({"split": [{"revision": "a"}, {"weight": 14000}]})", "FIELD_RANGE",
                             "spec.split[1].weight",
                             "spec.split[1].weight: 0 to 10000, got 14000"});
  ExpectRefusal<Everything>(
      {R"({"small": 0})", "FIELD_RANGE", "spec.small", "spec.small: at least 1, got 0"});
  ExpectRefusal<Everything>({R"({"small": 2147483648})", "FIELD_RANGE", "spec.small",
                             "spec.small: -2147483648 to 2147483647, got 2147483648"});
  ExpectRefusal<Everything>({R"({"small": 1e300})", "FIELD_RANGE", "spec.small",
                             "spec.small: -2147483648 to 2147483647, got 1e+300"});
  ExpectRefusal<Everything>({R"({"unsignedNumber": -1})", "FIELD_RANGE", "spec.unsignedNumber",
                             "spec.unsignedNumber: 0 to 18446744073709551615, got -1"});
  ExpectRefusal<Everything>({R"({"unsignedNumber": 18446744073709551616})", "FIELD_RANGE",
                             "spec.unsignedNumber",
                             "spec.unsignedNumber: 0 to 18446744073709551615, got "
                             "1.8446744073709552e+19"});
  ExpectRefusal<Everything>(
      {R"({"ratio": 1.6})", "FIELD_RANGE", "spec.ratio", "spec.ratio: 0 to 1.5, got 1.6"});
  ExpectRefusal<Everything>({R"({"phase": "123456789"})", "FIELD_RANGE", "spec.phase",
                             "spec.phase: at most 8 bytes, got 9"});
  ExpectRefusal<Everything>({R"({"split": [1, 2, 3, 4]})", "FIELD_RANGE", "spec.split",
                             "spec.split: at most 3 items, got 4"});
  ExpectRefusal<Everything>({R"({"mode": "Fast"})", "FIELD_RANGE", "spec.mode",
                             R"(spec.mode: one of slowStart, fast, got "Fast")"});
}

TEST(Describe, RefusesMissingFieldsAndWrongFormats) {
  ExpectRefusal<Everything>({R"({"byName": {"x.y": {}}})", "FIELD_REQUIRED",
                             R"(spec.byName["x.y"].revision)",
                             R"(spec.byName["x.y"].revision: is required: Name of the revision.)"});
  ExpectRefusal<Split>({R"({"revision": null})", "FIELD_REQUIRED", "spec.revision",
                        "spec.revision: is required: Name of the revision."});
  ExpectRefusal<Split>({R"({"revision": ""})", "FIELD_FORMAT", "spec.revision",
                        "spec.revision: 1 to 63 of a-z, 0-9, '.', '_' and '-', a letter or digit "
                        "at both ends, got \"\""});
  ExpectRefusal<Everything>(
      {R"({"labels": {"-": "v"}})", "FIELD_FORMAT", "spec.labels.-",
       "spec.labels.-: a label key is [DNS-NAME/]KEY with a KEY of 1 to 63 letters, digits, '-', "
       "'_' and '.', got \"-\""});
  ExpectRefusal<Everything>(
      {R"({"labels": {"a": "b c"}})", "FIELD_FORMAT", "spec.labels.a",
       "spec.labels.a: a label value has at most 63 letters, digits, '-', '_' and '.', a letter or "
       "digit at both ends, got \"b c\""});
  Result<Everything> digest = Decode<Everything>(*ParseJson(R"({"digests": ["sha256:1"]})"));
  ASSERT_FALSE(digest.has_value());
  EXPECT_EQ(digest.error().reason(), "FIELD_FORMAT");
  EXPECT_EQ(digest.error().detail("field"), "digests[0]");
}

TEST(Describe, SecretsDoNotShowInErrors) {
  for (std::string_view json :
       {R"({"data": {"a": 12345}})", R"({"data": "12345"})", R"({"data": {"a": ["12345"]}})"}) {
    Result<Hidden> hidden = Decode<Hidden>(*ParseJson(json));
    ASSERT_FALSE(hidden.has_value());
    EXPECT_EQ(hidden.error().reason(), "FIELD_TYPE");
    EXPECT_EQ(hidden.error().ToString().find("12345"), std::string::npos);
  }
}

TEST(Describe, RecursiveTypesWork) {
  Result<Tree> tree = Decode<Tree>(*ParseJson(R"({"name": "a", "children": [{"name": "b"}]})"));
  ASSERT_TRUE(tree.has_value());
  EXPECT_EQ(tree->children[0].name, "b");
  Json components = Json::object();
  EXPECT_EQ(DumpJson(SchemaOf(TypeOf<Tree>(), components)),
            R"({"$ref":"#/components/schemas/Tree"})");
  EXPECT_EQ(components["Tree"]["properties"]["children"]["items"]["$ref"],
            "#/components/schemas/Tree");
}

TEST(Describe, SchemaHasTextsLimitsAndDefaults) {
  Json components = Json::object();
  SchemaOf(TypeOf<Everything>(), components);
  Json& fields = components["Everything"]["properties"];
  EXPECT_EQ(DumpJson(fields["small"]),
            R"({"type":"integer","format":"int32","minimum":1,"description":"At least one.",)"
            R"("default":7})");
  EXPECT_EQ(DumpJson(fields["mode"]),
            R"({"type":"string","enum":["slowStart","fast"],"default":"fast"})");
  EXPECT_EQ(DumpJson(fields["labels"]),
            R"({"type":"object","additionalProperties":{"type":"string","format":"label-value"},)"
            R"("propertyNames":{"format":"label-key"},"description":"Labels."})");
  EXPECT_EQ(fields["ratio"]["maximum"], 1.5);
  EXPECT_EQ(fields["split"]["maxItems"], 3);
  EXPECT_EQ(fields["freeForm"]["readOnly"], true);
  EXPECT_EQ(fields["phase"]["maxLength"], 8);
  EXPECT_EQ(DumpJson(components["Split"]["required"]), R"(["revision"])");
  EXPECT_EQ(components["Split"]["description"], "One share of the traffic.");
  EXPECT_EQ(components["Split"]["additionalProperties"], false);
}

TEST(Describe, JsonNames) {
  EXPECT_EQ(JsonNameOfMember("max_batch_size"), "maxBatchSize");
  EXPECT_EQ(JsonNameOfMember("secret_sha256"), "secretSha256");
  EXPECT_EQ(JsonNameOfMember("name"), "name");
  EXPECT_EQ(TypeOf<Everything>().name, "Everything");
  EXPECT_EQ(TypeOf<Mode>().name, "Mode");
}

}  // namespace
}  // namespace slipway
