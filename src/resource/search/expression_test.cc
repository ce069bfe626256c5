#include "resource/search/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"
#include "resource/kinds/model.h"
#include "resource/kinds/model_search.h"
#include "resource/limits.h"

namespace slipway::resource {
namespace {

using ::testing::HasSubstr;

const Json& Version() {
  static const Json document = Json::parse(R"({
    "metadata": {"name": "fraud-0011", "createdAt": "2026-05-10T12:00:00.000Z", "createdBy": "ada",
                 "labels": {"model": "fraud"}},
    "spec": {"repository": "default/fraud", "manifestDigest": "sha256:abc", "format": "onnx",
             "sizeBytes": 20000000},
    "tags": ["v1", "latest"],
    "status": {"phase": "Ready",
      "inputs": [{"name": "x", "datatype": "FP32"}, {"name": "y", "datatype": "INT64"}],
      "metadata": {
        "title": "Fraud \"d\u00e9tector\"", "version": "1.10.0", "framework": "PyTorch 2.4",
        "authors": ["Ada", "Grace"],
        "metrics": {"training": [{"name": "Accuracy", "value": 0.99}],
                    "validation": [{"name": "accuracy", "value": 0.93},
                                   {"name": "top.5", "value": "0.97"},
                                   {"name": "passed", "value": true},
                                   {"name": "note", "value": "good"}]},
        "hyperParameters": [{"name": "lr", "value": 0.001},
                            {"name": "optimizer.name", "value": "adam"},
                            {"name": "epochs", "value": 9007199254740993}],
        "datasets": ["cards", "held-out"], "datasetDigests": {"cards": "sha256:d1"},
        "parents": [{"reference": "base/trees:v3", "digest": "sha256:p1",
                     "relation": "fine-tuned"}],
        "tags": ["tabular"],
        "labels": {"team": "risk", "example.com/tier": "2"}}}})");
  return document;
}

Result<Expression> Parse(std::string_view text) {
  return Expression::Parse(text, ModelVersionSearch());
}

Truth Ask(std::string_view text, const Json& document = Version()) {
  const Result<Expression> expression = Parse(text);
  EXPECT_THAT(expression, IsOk()) << text;
  return expression.has_value() ? expression->Matches(document) : Truth::kUnknown;
}

constexpr const char* kTrue[] = {
    "",
    "  ",
    "format = ONNX",
    "format == onnx",
    "format=onnx",
    "FORMAT = 'onnx'",
    "metrics.accuracy > 0.9 and format = ONNX",
    "metrics.training.accuracy = 0.99",
    "metrics.validation.accuracy = 0.93",
    "metrics.validation.accuracy < .94",
    "has metrics",
    "metadata.metrics.accuracy >= 0.99",
    "metrics.top.5 > 0.96",
    "metrics.\"top.5\" = 0.97",
    "metrics.'validation'.'top.5' < 1",
    "metrics.passed = true",
    "metrics.passed = TRUE",
    "metrics.note = good",
    "hyperParameters.lr = 1e-3",
    "hyperparameters.LR <= 0.001",
    "hyperParameters.optimizer.name ~ ada",
    "hyperParameters.epochs = 9007199254740993",
    "hyperParameters.epochs != 9007199254740992",
    "labels.team = risk",
    "labels.example.com/tier = 2",
    "labels.\"example.com/tier\" = '2'",
    "labels.example.com/tier >= 1.5",
    "has labels.team",
    "not has labels.none",
    "tag = v1",
    "tag in (v2, latest)",
    "tag not in (v2, rc)",
    "tag ~ 'V*'",
    "authors = grace",
    "authors ~ GR",
    "authors ~ 'gr?ce'",
    "title ~ 'd\xc3\xa9t'",
    "title ~ 'fraud \"d?tector\"'",
    "title = \"Fraud \\\"d\xc3\xa9tector\\\"\"",
    "size > 19MB",
    "size < 20MiB",
    "size = 20mb",
    "size = 20000000",
    "size >= 0.02GB",
    "createdAt > 2026-05-09",
    "createdAt = 2026-05-10",
    "createdAt <= 2026-05-10",
    "createdAt < 2026-05-10T12:00:00.001Z",
    "createdAt = 2026-05-10T14:00:00+02:00",
    "version > 1.9.0",
    "version = 1.10.0",
    "version < 1.10.1",
    "version >= '1.2'",
    "parents.reference ~ base/",
    "parents.digest = sha256:p1",
    "parents.relation = fine-tuned",
    "datasets = cards",
    "datasets.digest = sha256:d1",
    "inputs.datatype = int64",
    "metadata.tags = tabular",
    "metadata.framework ~ torch",
    "digest = sha256:ABC",
    "repository = default/fraud and model = fraud and name ~ 'fraud-*'",
    "not not format = onnx",
    "not (format = pmml or tag = v9)",
    "has tag and has format",
    "format = pmml or format = onnx and tag = v1",
    "((((format = onnx))))",
    "not format = pmml and not tag = v9",
    "framework !~ tensorflow",
    "format != pmml",
    "\tformat\n=\r onnx ",
    "title ~ ''",
};

constexpr const char* kFalse[] = {
    "format = pmml",
    "metrics.accuracy > 0.99",
    "metrics.training.accuracy < 0.99",
    "metrics.validation.accuracy > 0.95",
    "metrics.none > 0",
    "not has metrics.accuracy",
    "metrics.note > 1",
    "metrics.note = 1",
    "metrics.passed = 1",
    "metrics.passed > 0",
    "hyperParameters.epochs = 9007199254740992",
    "hyperParameters.lr = '0.01'",
    "labels.none = ''",
    "labels.none != risk",
    "labels.none !~ risk",
    "labels.none not in (a)",
    "tag != v1",
    "tag not in (v1, v3)",
    "tag !~ 'v*'",
    "tag = v",
    "tag ~ 'at*'",
    "size > 20MB",
    "size < 20000000",
    "size != 20MB",
    "size = 20000001",
    "createdAt < 2026-05-10",
    "createdAt > 2026-05-10",
    "createdAt != 2026-05-10",
    "version < 1.9",
    "version = 1.10",
    "version = 1.100",
    "has vendor",
    "vendor != x",
    "format = onnx and tag = v9",
    "format = pmml and tag = v1 or tag = v9",
    "not (format = onnx or tag = v9)",
    "authors ~ 'ada?'",
    "authors ~ 'd*'",
    "datasets.digest = sha256:d2",
    "inputs.datatype = fp64",
    "metadata.tags = v1",
};

TEST(ExpressionTest, HoldsOrDoesNot) {
  for (const char* text : kTrue) EXPECT_EQ(Ask(text), Truth::kTrue) << text;
  for (const char* text : kFalse) EXPECT_EQ(Ask(text), Truth::kFalse) << text;
}

TEST(ExpressionTest, OfNothingNothingHolds) {
  for (const char* text :
       {"metrics.a > 0", "labels.a != b", "has format", "tag = v1", "size > 0"}) {
    EXPECT_EQ(Ask(text, Json::parse(R"({"status":{"phase":"Ready"}})")), Truth::kFalse) << text;
  }
  // Documents of another shape than ours are no danger.
  for (const char* odd : {"{}", "[]", "null", "7", R"({"spec":[{"format":["onnx",{}]}]})",
                          R"({"status":{"metadata":{"metrics":{"a":{"name":1}},"labels":[1],
                              "cut":"no"},"inputs":7,"phase":"Ready"},"tags":{"a":[[]]}})"}) {
    for (const char* text : {"metrics.a > 0", "not has labels.x", "inputs.name = x", "tag = v"}) {
      (void)Ask(text, Json::parse(odd));
    }
  }
  EXPECT_EQ(Ask("format = onnx", Json::parse(R"({"spec":[{"format":["pmml","onnx"]}]})")),
            Truth::kTrue);
}

// What was cut may have had the answer: that is told, and nothing else is affected by it.
TEST(ExpressionTest, TellsWhatItCannotKnow) {
  Json cut = Version();
  Json& metadata = cut["status"]["metadata"];
  metadata["cut"] = true;
  metadata["cutMembers"] = {"metrics", "description"};
  metadata["description"] = std::string(kMaxMetadataTextBytes - 1, 'd');
  for (const char* text :
       {"metrics.recall > 0.5", "metrics.accuracy < 0.5", "not metrics.recall > 0.5",
        "has metrics.recall", "not has metrics.recall", "metrics.accuracy != 1",
        "description ~ '*d'", "description ~ end", "description !~ end", "description < e",
        "metrics.recall > 0.5 and format = onnx", "metrics.recall > 0.5 or format = pmml"}) {
    EXPECT_EQ(Ask(text, cut), Truth::kUnknown) << text;
  }
  for (const char* text :
       {"metrics.accuracy > 0.9", "has metrics.accuracy", "description ~ dd", "framework ~ torch",
        "not framework = keras", "metrics.recall > 0.5 or format = onnx", "has description"}) {
    EXPECT_EQ(Ask(text, cut), Truth::kTrue) << text;
  }
  for (const char* text :
       {"framework = keras", "metrics.recall > 0.5 and format = pmml", "metrics.accuracy != 0.93",
        "not has description", "description !~ dd", "has vendor"}) {
    EXPECT_EQ(Ask(text, cut), Truth::kFalse) << text;
  }
  // Without the list of members any may be cut.
  metadata.erase("cutMembers");
  EXPECT_EQ(Ask("framework = keras", cut), Truth::kUnknown);
  // Nobody has looked into the package yet.
  const Json fresh = Json::parse(R"({"spec":{"format":"onnx"},"status":{}})");
  EXPECT_EQ(Ask("has framework", fresh), Truth::kUnknown);
  EXPECT_EQ(Ask("format = onnx", fresh), Truth::kTrue);
  const Json many =
      Json::parse(R"({"tags":["a"],"incomplete":["tags"],"status":{"phase":"Ready"}})");
  EXPECT_EQ(Ask("tag = b", many), Truth::kUnknown);
  EXPECT_EQ(Ask("tag = a", many), Truth::kTrue);
}

struct Wrong {
  std::string text;
  std::string_view message;
};

TEST(ExpressionTest, ErrorsNameTheColumnAndWhatWasExpected) {
  const std::vector<Wrong> wrong = {
      {"format", "column 7: expected a comparison"},
      {"format onnx", "column 8: expected a comparison (= != < <= > >= ~ !~ in), as has has none"},
      {"format =", "column 9: expected a value, got the end"},
      {"format = (", "column 10: expected a value, got \"(\""},
      {"format = onnx tag = v1", "column 15: expected and, or, or the end, got \"tag\""},
      {"format = onnx)", "column 14: expected and, or, or the end"},
      {"(format = onnx", "column 15: expected and, or, or ), got the end"},
      {"and", "there is no field \"and\""},
      {"= 3", "column 1: expected a field, not or (, got \"=\""},
      {"()", "column 2: expected a field, not or ("},
      {"format in onnx", "column 11: expected ( and the values"},
      {"format in ()", "column 12: expected a value"},
      {"format in (a,)", "column 14: expected a value"},
      {"format in (a b)", "column 14: expected , or )"},
      {"format not = a", "column 12: expected in, got \"=\""},
      {"has", "column 4: expected a field"},
      {"has format = onnx", "column 12: expected and, or, or the end"},
      {"metrics > 1", "column 1: a name must follow metrics, as in metrics.NAME"},
      {"labels. = a", "column 9: expected a name after the dot"},
      {"labels..a = a", "column 1: a name is missing between the dots"},
      {".labels = a", "column 1: a name is missing between the dots"},
      {"size > big", "column 8: expected a size, such as 20MB or 1.5GiB, got \"big\""},
      {"size > 3XB", "expected a size"},
      {"size ~ 3", "column 8: ~ is for texts, and size is none"},
      {"createdAt > yesterday", "column 13: expected a time, such as 2026-11-22"},
      {"createdAt > 2026-13-01", "expected a time"},
      {"format = 'onnx", "column 10: this quote is not closed"},
      {"format = 'on\\nx'", "column 13: after \\ only \\ or a quote may stand"},
      {"format = \xc3\xa9 & 1", "column 12: \"&\" means nothing here"},
      {"format ! onnx", "column 8: \"!\" means nothing here"},
      {std::string("format = a\0b", 12), "means nothing here"},
      {"format = \xff", "this is no UTF-8"},
      {std::string(kMaxWhereBytes + 1, ' '), "at most 1024 bytes, got 1025"},
      {std::string(kMaxWhereDepth + 1, '(') + "format = a", "at most 32 parentheses in each other"},
  };
  for (const Wrong& each : wrong) {
    const auto parsed = Parse(each.text);
    ASSERT_FALSE(parsed.has_value()) << each.text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidArgument) << each.text;
    EXPECT_EQ(parsed.error().detail("field"), "where") << each.text;
    EXPECT_THAT(parsed.error().message(), HasSubstr(each.message)) << each.text;
  }
}

TEST(ExpressionTest, UnknownFieldsAreToldWithThoseThatThereAre) {
  for (const char* text : {"metric.accuracy > 1", "tags = v1", "format.x = 1", "metadata.size > 1",
                           "status.phase = Ready", "parents = a", "metadata = 1", "'format' = a"}) {
    const auto parsed = Parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    if (text[0] == '\'') continue;
    EXPECT_THAT(parsed, IsError(Code::kInvalidArgument, "WHERE_FIELD_UNKNOWN")) << text;
    EXPECT_THAT(parsed.error().message(), HasSubstr("there are name, model, repository, tag"));
  }
  EXPECT_THAT(Parse("metric.x > 1").error().message(), HasSubstr("column 1: there is no field"));
  EXPECT_THAT(Parse("formt = onnx").error().message(), HasSubstr("did you mean format?"));
}

TEST(ExpressionTest, IsBounded) {
  std::string terms = "has tag";
  for (size_t i = 1; i < kMaxWhereTerms; ++i) terms += " or has tag";
  EXPECT_EQ(Ask(terms), Truth::kTrue);
  EXPECT_THAT(Parse(terms + " or has tag").error().message(), HasSubstr("at most 64 comparisons"));
  std::string values = "tag in (a";
  for (size_t i = 1; i < kMaxWhereValues; ++i) values += ",a";
  EXPECT_EQ(Ask(values + ")"), Truth::kFalse);
  EXPECT_THAT(Parse(values + ",a)").error().message(), HasSubstr("at most 256 values"));
  EXPECT_EQ(Ask(std::string(kMaxWhereDepth, '(') + "tag=v1" + std::string(kMaxWhereDepth, ')')),
            Truth::kTrue);
  // Parentheses side by side are no depth.
  std::string row = "(has tag)";
  for (size_t i = 0; i < kMaxWhereDepth; ++i) row += "and(has tag)";
  EXPECT_EQ(Ask(row), Truth::kTrue);
  std::string no;
  for (size_t i = 0; i < 200; ++i) no += "not ";
  EXPECT_EQ(Ask(no + "tag = v1"), Truth::kTrue);
}

TEST(ExpressionTest, TextsHaveANaturalOrder) {
  EXPECT_TRUE(std::is_lt(NaturalOrder("1.9.0", "1.10.0")));
  EXPECT_TRUE(std::is_lt(NaturalOrder("v2", "v10")));
  EXPECT_TRUE(std::is_lt(NaturalOrder("v2", "v2.0")));
  EXPECT_TRUE(std::is_eq(NaturalOrder("v02", "v2")));
  EXPECT_TRUE(std::is_lt(NaturalOrder("", "a")));
  EXPECT_TRUE(std::is_gt(NaturalOrder("99999999999999999999999", "9999999999999999999999")));
  EXPECT_TRUE(std::is_gt(NaturalOrder("\xc3\xa9", "z")));
}

TEST(ExpressionTest, NumbersAreThoseOfJsonAndALittleMore) {
  EXPECT_EQ(ParseSearchNumber("-.5")->value, -0.5);
  EXPECT_EQ(ParseSearchNumber("12")->whole, 12);
  EXPECT_EQ(ParseSearchNumber("+12")->whole, 12);
  EXPECT_EQ(ParseSearchNumber("-1e3")->value, -1000);
  for (const char* text :
       {"", "-", "+", ".", "1x", "inf", "nan", "-inf", "0x10", "1e999", "1 ", "+-1", "1.2.3"}) {
    EXPECT_FALSE(ParseSearchNumber(text)) << text;
  }
}

}  // namespace
}  // namespace slipway::resource
