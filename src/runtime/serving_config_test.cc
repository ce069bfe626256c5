#include "runtime/serving_config.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/temporary_folder.h"

namespace slipway::runtime {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

ServingRevision MakeRevision(int64_t number) {
  return {.number = number,
          .uid = std::string(31, '0') + std::to_string(number),
          .format = "onnx",
          .path = "/data/unpacked/" + std::string(64, 'a'),
          .model_file = "model/magika.onnx",
          .digest = kDigest,
          .threads = 2,
          .instances = 3,
          .batching = BatchingSettings{.max_batch_size = 8, .preferred_sizes = {4}}};
}

ServingConfig MakeConfig() {
  ServingConfig config;
  config.generation = 7;
  config.services.push_back({.project = "default",
                             .name = "magika",
                             .access = "token",
                             .keys = {{.sha256 = std::string(64, 'b'),
                                       .expires_at_ms = 1'800'000'000'000,
                                       .name = "camera",
                                       .limits = routing::CallLimits{.concurrent = 3}}},
                             .revisions = {MakeRevision(1), MakeRevision(2)},
                             .traffic = routing::TrafficSpec{.split = {{1, 9'000}, {2, 1'000}}}});
  config.services.push_back({.project = "p", .name = "empty", .access = "anonymous"});
  return config;
}

class ServingConfigTest : public ::testing::Test {
 protected:
  std::string Path() { return folder_ / "serving.json"; }
  void WriteText(const std::string& text) { std::ofstream(Path()) << text; }
  // Writes the config with one change made to its JSON, and reads that.
  template <class Change>
  Result<ServingConfig> ReadChanged(Change change) {
    Json json = Encode(MakeConfig());
    change(json);
    WriteText(DumpJson(json));
    return ReadServingConfig(PosixFileSystem(), Path());
  }
  TemporaryFolder folder_;
};

TEST_F(ServingConfigTest, RoundTrip) {
  ASSERT_TRUE(WriteServingConfig(PosixFileSystem(), Path(), MakeConfig()).has_value());
  auto read = ReadServingConfig(PosixFileSystem(), Path());
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(Encode(*read), Encode(MakeConfig()));
  EXPECT_EQ(read->services[0].revisions[1].batching, MakeRevision(2).batching);
  EXPECT_EQ(read->services[0].traffic->split[1].weight, 1'000);
  EXPECT_EQ(read->services[0].keys[0].expires_at_ms, 1'800'000'000'000);
}

TEST_F(ServingConfigTest, ReadsTheDocumentedForm) {
  WriteText(R"({"format":1,"generation":3,"services":[{"project":"default","name":"magika",
      "access":"anonymous","revisions":[{"number":1,"uid":"u1","format":"onnx","path":"/m",
      "modelFile":"model.onnx","digest":")" +
            kDigest + R"("}]}]})");
  auto read = ReadServingConfig(PosixFileSystem(), Path());
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->services[0].revisions[0].instances, 0);
  EXPECT_EQ(read->services[0].revisions[0].batching, std::nullopt);
  EXPECT_FALSE(read->services[0].traffic.has_value());
}

TEST_F(ServingConfigTest, NewerFormatIsRefusedBeforeItsFieldsAreRead) {
  WriteText(R"({"format":2,"endpoints":{}})");
  auto read = ReadServingConfig(PosixFileSystem(), Path());
  ASSERT_TRUE(read.has_error());
  EXPECT_EQ(read.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(read.error().reason(), "FORMAT_NEWER");
}

TEST_F(ServingConfigTest, MissingFileIsNotFound) {
  auto read = ReadServingConfig(PosixFileSystem(), Path());
  ASSERT_TRUE(read.has_error());
  EXPECT_EQ(read.error().code(), Code::kNotFound);
}

TEST_F(ServingConfigTest, DamageIsNamed) {
  struct Case {
    std::function<void(Json&)> change;
    std::string place;
  };
  const Case cases[] = {
      {[](Json& json) { json["format"] = 0; }, "format"},
      {[](Json& json) { json.erase("format"); }, "format"},
      {[](Json& json) { json["generations"] = 1; }, "generations"},
      {[](Json& json) { json["services"][0]["access"] = "all"; }, "services[0].access"},
      {[](Json& json) { json["services"][0]["name"] = "../x"; }, "services[0].name"},
      {[](Json& json) { json["services"][1] = json["services"][0]; }, "services[1].name"},
      {[](Json& json) { json["services"][0]["revisions"][1]["number"] = 1; },
       "services[0].revisions[1].number"},
      {[](Json& json) {
         json["services"][0]["revisions"][1]["uid"] = json["services"][0]["revisions"][0]["uid"];
       },
       "services[0].revisions"},
      {[](Json& json) { json["services"][0]["revisions"][0]["modelFile"] = "../../etc/passwd"; },
       "services[0].revisions[0].modelFile"},
      {[](Json& json) { json["services"][0]["revisions"][0]["digest"] = "sha256:12"; },
       "services[0].revisions[0].digest"},
      {[](Json& json) { json["services"][0]["revisions"][0]["threads"] = -1; },
       "services[0].revisions[0].threads"},
      {[](Json& json) { json["services"][0]["traffic"]["split"][0]["weight"] = 1; },
       "services[0].traffic.split: the weights add up to 10000, got 1001"},
      {[](Json& json) { json["services"][0]["traffic"]["split"][0]["weight"] = 14'000; },
       "services[0].traffic.split[0].weight: 0 to 10000, got 14000"},
      {[](Json& json) { json["services"][0]["traffic"]["sticky"] = Json::object(); },
       "services[0].traffic.sticky"},
  };
  for (const Case& damage : cases) {
    auto read = ReadChanged(damage.change);
    ASSERT_TRUE(read.has_error()) << damage.place;
    EXPECT_EQ(read.error().code(), Code::kDataLoss) << damage.place;
    EXPECT_EQ(read.error().reason(), "SERVING_CONFIG_INVALID") << damage.place;
    EXPECT_NE(read.error().message().find(damage.place), std::string::npos)
        << read.error().message();
  }
}

// A revision whose requests a program of its own answers, with two models.
Json ProgramJson() {
  return Json{{"number", 3},
              {"uid", "u3"},
              {"format", "v2"},
              {"path", "/data/unpacked/code"},
              {"digest", kDigest},
              {"program",
               {{"kind", "v2"},
                {"path", "/data/unpacked/code"},
                {"command", {"{program}/serve", "--port={port}"}}}},
              {"mounts", Json::array({{{"mountAs", "detector"}, {"path", "/data/unpacked/a"}},
                                      {{"mountAs", "labels"}, {"path", "/data/unpacked/b"}}})}};
}

TEST_F(ServingConfigTest, AProgramAndItsModels) {
  auto read = ReadChanged(
      [](Json& json) { json["services"][1]["revisions"] = Json::array({ProgramJson()}); });
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  const ServingRevision& revision = read->services[1].revisions[0];
  EXPECT_EQ(revision.program, (ServingProgram{.kind = "v2",
                                              .path = "/data/unpacked/code",
                                              .command = {"{program}/serve", "--port={port}"},
                                              .ready_path = "",
                                              .start_timeout_ms = 120'000}));
  EXPECT_EQ(revision.mounts, (std::vector<ServingMount>{{"detector", "/data/unpacked/a"},
                                                        {"labels", "/data/unpacked/b"}}));
  EXPECT_EQ(Encode(*read)["services"][1]["revisions"][0]["mounts"], ProgramJson()["mounts"]);
}

TEST_F(ServingConfigTest, DamageOfAProgramIsNamed) {
  struct Case {
    std::function<void(Json&)> change;
    std::string place;
  };
  const Case cases[] = {
      {[](Json& one) { one["program"]["kind"] = "shell"; }, ".program.kind: python, v2 or http"},
      {[](Json& one) { one["program"]["path"] = "code"; }, ".program.path: an absolute path"},
      {[](Json& one) { one["program"].erase("command"); }, ".program.command: it begins with"},
      {[](Json& one) { one["program"]["command"][0] = ""; }, ".program.command: it begins with"},
      {[](Json& one) { one["program"]["command"][1] = std::string(4097, 'x'); },
       ".program.command: an argument has at most 4096 bytes"},
      {[](Json& one) { one["program"]["command"] = std::vector<std::string>(65, "x"); },
       ".program.command"},
      {[](Json& one) { one["program"]["kind"] = "python"; }, "of the kind python has none"},
      {[](Json& one) { one["program"]["readyPath"] = "ready"; }, ".program.readyPath"},
      {[](Json& one) { one["program"]["startTimeoutMs"] = 900'001; }, ".program.startTimeoutMs"},
      {[](Json& one) { one["mounts"][1]["mountAs"] = "detector"; },
       ".mounts[1].mountAs: detector is there twice"},
      {[](Json& one) { one["mounts"][1]["mountAs"] = "../x"; }, ".mounts[1].mountAs"},
      {[](Json& one) { one["mounts"][0]["path"] = "a"; }, ".mounts[0].path: an absolute path"},
      {[](Json& one) { one["mounts"] = std::vector<Json>(17, one["mounts"][0]); }, ".mounts"},
      {[](Json& one) { one.erase("program"); }, ".mounts: there is no program"},
      {[](Json& one) {
         one.erase("program");
         one.erase("mounts");
       },
       ".modelFile: there is no file to load"},
  };
  for (const Case& damage : cases) {
    auto read = ReadChanged([&damage](Json& json) {
      Json revision = ProgramJson();
      damage.change(revision);
      json["services"][1]["revisions"] = Json::array({std::move(revision)});
    });
    ASSERT_TRUE(read.has_error()) << damage.place;
    EXPECT_EQ(read.error().reason(), "SERVING_CONFIG_INVALID") << damage.place;
    const std::string at = "services[1].revisions[0]";
    EXPECT_NE(read.error().message().find(at), std::string::npos) << read.error().message();
    EXPECT_NE(read.error().message().find(damage.place), std::string::npos)
        << read.error().message();
  }
}

TEST_F(ServingConfigTest, TruncatedFileIsDataLoss) {
  std::string text = DumpJson(Encode(MakeConfig()));
  for (size_t length : {size_t{0}, size_t{1}, text.size() / 2, text.size() - 1}) {
    WriteText(text.substr(0, length));
    auto read = ReadServingConfig(PosixFileSystem(), Path());
    ASSERT_TRUE(read.has_error()) << length;
    EXPECT_EQ(read.error().reason(), "SERVING_CONFIG_INVALID") << length;
  }
}

TEST_F(ServingConfigTest, WhatCannotBeReadIsNotWritten) {
  ServingConfig config = MakeConfig();
  config.services[0].traffic->split[0].weight = 99;
  EXPECT_TRUE(WriteServingConfig(PosixFileSystem(), Path(), config).has_error());
  EXPECT_FALSE(*PosixFileSystem().Exists(Path()));
}

}  // namespace
}  // namespace slipway::runtime
