#include "resource/kinds/predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"
#include "resource/kinds/service.h"

namespace slipway::resource {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Decodes and checks, as a service that is sent is.
Result<ModelSettings> Read(const std::string& text) {
  TRY(json, ParseJson(text));
  TRY(settings, Decode<ModelSettings>(json, "spec.predictor"));
  TRY_VOID(CheckPredictor(settings, "spec.predictor"));
  return settings;
}

struct Wrong {
  std::string text;
  std::string reason;
  std::string field;
  std::string words = {};
};

void ExpectWrong(const Wrong& wrong) {
  const auto read = Read(wrong.text);
  ASSERT_TRUE(read.has_error()) << wrong.text;
  EXPECT_EQ(read.error().code(), Code::kInvalidArgument) << wrong.text;
  EXPECT_EQ(read.error().reason(), wrong.reason) << wrong.text;
  EXPECT_EQ(read.error().detail("field"), wrong.field) << wrong.text;
  EXPECT_THAT(read.error().message(), HasSubstr(wrong.field + ": " + wrong.words));
}

TEST(Predictor, WhatMayBeAsked) {
  for (const char* const text : {
           R"({"model": "m:v1"})",
           R"({"model": "m:v1", "program": {"python": "code:v1"}})",
           R"({"models": [{"ref": "m:v1", "mountAs": "model"}], "program": {"python": "c:v1"}})",
           R"({"models": [{"ref": "m:v1", "mountAs": "a"}, {"ref": "m:v1", "mountAs": "b"}],
               "program": {"command": ["{program}/serve", "", "--port={port}"], "ref": "c:v1",
                           "startTimeout": "15m"}})",
           R"({"model": "m:v1", "program": {"command": ["serve"], "ref": "c:v1",
               "protocol": "http", "readyPath": "/healthy"}})",
           R"({"model": "m:v1", "program": {"image": "images.example/serve:1"}})",
       }) {
    const auto read = Read(text);
    EXPECT_THAT(read, IsOk()) << text;
  }
}

TEST(Predictor, ModelsAndProgramsGoTogether) {
  ExpectWrong({R"({})", "FIELD_REQUIRED", "spec.predictor.model"});
  ExpectWrong({R"({"models": [{"ref": "m:v1", "mountAs": "a"}]})", "FIELD_RANGE",
               "spec.predictor.models", "are given to a program, and there is none"});
  ExpectWrong({R"({"program": {"python": "c:v1"}})", "FIELD_REQUIRED", "spec.predictor.models"});
}

TEST(Predictor, ModelsHaveNamesOfTheirOwn) {
  const std::string program = R"("program": {"python": "c:v1"}, )";
  ExpectWrong({"{" + program + R"("models": [{"ref": "m:v1", "mountAs": "a"},
               {"ref": "n:v1", "mountAs": "a"}]})",
               "FIELD_RANGE", "spec.predictor.models[1].mountAs", "a is the name of another"});
  ExpectWrong({"{" + program + R"("model": "m:v1", "models": [{"ref": "n:v1",
               "mountAs": "model"}]})",
               "FIELD_RANGE", "spec.predictor.models[0].mountAs", "model is the name of"});
  ExpectWrong({"{" + program + R"("models": [{"ref": "m:v1", "mountAs": "../x"}]})", "FIELD_FORMAT",
               "spec.predictor.models[0].mountAs"});
  ExpectWrong({"{" + program + R"("models": [{"mountAs": "a"}]})", "FIELD_REQUIRED",
               "spec.predictor.models[0].ref"});
  ExpectWrong({"{" + program + R"("models": [{"ref": "m:v1"}]})", "FIELD_REQUIRED",
               "spec.predictor.models[0].mountAs"});
  Json many = Json::array();
  for (size_t i = 0; i <= kMaxMountedModels; ++i) {
    many.push_back({{"ref", "m:v1"}, {"mountAs", "m" + std::to_string(i)}});
  }
  ExpectWrong({"{" + program + R"("models": )" + many.dump() + "}", "FIELD_RANGE",
               "spec.predictor.models"});
  many.erase(0);
  EXPECT_THAT(Read("{" + program + R"("models": )" + many.dump() + "}"), IsOk());
}

TEST(Predictor, ExactlyOneThingRuns) {
  const std::string at = "spec.predictor.program";
  const auto expect = [&at](const std::string& program, const std::string& reason,
                            const std::string& field, const std::string& words = {}) {
    ExpectWrong({R"({"model": "m:v1", "program": {)" + program + "}}", reason, at + field, words});
  };
  expect("", "FIELD_REQUIRED", "", "one of python, command and image");
  expect(R"("python": "c:v1", "command": ["x"], "ref": "c:v1")", "FIELD_RANGE", "",
         "python and command are both there");
  expect(R"("python": "c:v1", "image": "c:v1")", "FIELD_RANGE", "",
         "python and image are both there");
  expect(R"("command": ["x"])", "FIELD_REQUIRED", ".ref");
  expect(R"("ref": "c:v1")", "FIELD_RANGE", ".ref", "is the package of a command");
  expect(R"("python": "c:v1", "ref": "c:v1")", "FIELD_RANGE", ".ref");
  expect(R"("python": "c:v1", "protocol": "v2")", "FIELD_RANGE", ".protocol");
  expect(R"("python": "c:v1", "startTimeout": "2s")", "FIELD_RANGE", ".startTimeout");
  expect(R"("python": "code")", "FIELD_FORMAT", ".python");
  expect(R"("pyhton": "c:v1")", "FIELD_UNKNOWN", ".pyhton");
}

TEST(Predictor, CommandsAreBounded) {
  const auto expect = [](const std::string& fields, const std::string& reason,
                         const std::string& field, const std::string& words = {}) {
    ExpectWrong({R"({"model": "m:v1", "program": {"ref": "c:v1", )" + fields + "}}", reason,
                 "spec.predictor.program" + field, words});
  };
  const std::string command = R"("command": ["x"], )";
  expect(R"("command": [""])", "FIELD_RANGE", ".command[0]");
  expect(R"("command": ["x", "a\u0000b"])", "FIELD_RANGE", ".command[1]", "has a zero byte");
  expect(R"("command": ["x", ")" + std::string(4097, 'x') + R"("])", "FIELD_RANGE", ".command[1]",
         "at most 4096 bytes, got 4097");
  expect(R"("command": )" + Json(std::vector<std::string>(65, "x")).dump(), "FIELD_RANGE",
         ".command");
  expect(command + R"("protocol": "grpc")", "FIELD_RANGE", ".protocol");
  expect(command + R"("readyPath": "/ready")", "FIELD_RANGE", ".readyPath", "is of protocol http");
  expect(command + R"("protocol": "http", "readyPath": "ready")", "FIELD_RANGE", ".readyPath",
         "begins with /");
  expect(command + R"("startTimeout": "500ms")", "FIELD_RANGE", ".startTimeout", "1s to 15m");
  expect(command + R"("startTimeout": "16m")", "FIELD_RANGE", ".startTimeout", "1s to 15m");
  expect(command + R"("startTimeout": "soon")", "DURATION_INVALID", ".startTimeout");
}

TEST(Predictor, WhatIsPassedThroughHasNothingOfV2) {
  const std::string begin = R"({"model": "m:v1", "program": {"ref": "c:v1", "command": ["x"],
                               "protocol": "http"}, )";
  ExpectWrong(
      {begin + R"("batching": {"maxBatchSize": 4}})", "FIELD_RANGE", "spec.predictor.batching"});
  ExpectWrong({begin + R"("warmup": "w.jsonl"})", "FIELD_RANGE", "spec.predictor.warmup"});
}

TEST(Predictor, NamesAllItsPackages) {
  auto settings = Read(R"({"model": "m:v1", "models": [{"ref": "n:v1", "mountAs": "a"}],
                           "program": {"python": "c:v1"}})");
  ASSERT_THAT(settings, IsOk());
  std::vector<std::string> found;
  for (const NamedPackage& package : PackagesOf(*settings)) {
    found.push_back(package.field + " " + package.mount_as + " " + *package.reference);
  }
  EXPECT_THAT(found, ElementsAre("predictor.model model m:v1", "predictor.models[0].ref a n:v1",
                                 "predictor.program.python  c:v1"));
}

TEST(Predictor, ARevisionIsMadeOfEachPackageOnce) {
  const std::string a = "sha256:" + std::string(64, 'a');
  const std::string b = "sha256:" + std::string(64, 'b');
  RevisionSpec revision{.service = "s", .repository = "p/m", .manifest_digest = a};
  EXPECT_THAT(PackagesOf(revision), ElementsAre(RevisionPackage{"", "p/m", a}));
  revision.mounts = {{"x", "p/m", a}, {"y", "p/n", a}, {"z", "p/n", b}};
  revision.program = RevisionPackage{"", "p/c", b};
  EXPECT_THAT(PackagesOf(revision),
              ElementsAre(RevisionPackage{"", "p/m", a}, RevisionPackage{"y", "p/n", a},
                          RevisionPackage{"z", "p/n", b}, RevisionPackage{"", "p/c", b}));
  Resource resource;
  resource.spec = Encode(revision);
  EXPECT_THAT(
      RevisionKind().terms(resource),
      ::testing::UnorderedElementsAre(UseTerm(a), UseTerm(a), UseTerm(a), UseTerm(b), UseTerm(b)));
}

}  // namespace
}  // namespace slipway::resource
