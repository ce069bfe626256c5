#include "model/metadata/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "model/kitops/kitfile.h"
#include "model/limits.h"
#include "model/metadata/model_pack_config.h"
#include "model/metadata/read_metadata.h"
#include "model/ormb/layout.h"
#include "model/ormb/ormb_file.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kFull[] = R"(apiVersion: slipway/v1
kind: ModelMetadata
name: fraud
title: Fraud detector
description: Scores card payments.
version: 1.2.0
authors: [Ada, Grace]
vendor: Example
licenses: [Apache-2.0]
createdAt: 2026-11-02T10:00:00Z
framework: scikit-learn 1.5
format: onnx
paramSize: 12K
metrics:
  training:
    - {name: loss, value: 0.125}
  validation:
    - {name: accuracy, value: 0.93, dataset: cards}
    - {name: passed, value: true}
    - {name: grade, value: A}
hyperParameters:
  - {name: learning_rate, value: 0.001}
training:
  git: {repository: "https://git.example.com/fraud", revision: 8c2f}
datasets:
  - name: cards
    digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    urls: [https://data.example.com/cards]
parents:
  - {reference: "base/trees:v3", relation: fine-tuned}
tags: [payments]
labels: {team: risk}
signature:
  inputs: [{name: x, dtype: float32, shape: [-1, 30]}]
  outputs: [{name: score, dtype: float32, shape: [-1]}]
  layers: {TreeEnsemble: 1}
extensions:
  ours: {anything: [1, 2]}
)";

TEST(MetadataTest, WholeDocumentComesBack) {
  const auto metadata = ParseMetadata("model.yaml", kFull);
  ASSERT_THAT(metadata, IsOk());
  EXPECT_EQ(metadata->metrics.at("validation")[0].value, 0.93);
  EXPECT_EQ(metadata->metrics.at("validation")[1].value, true);
  EXPECT_EQ(metadata->metrics.at("validation")[2].value, "A");
  EXPECT_THAT(metadata->signature->inputs[0].shape, ElementsAre(-1, 30));
  const std::string dumped = DumpMetadata(*metadata);
  const auto again = ParseMetadata("model.yaml", dumped);
  ASSERT_THAT(again, IsOk()) << dumped;
  EXPECT_EQ(Encode(*again), Encode(*metadata));
  const auto json = ParseMetadata("model.json", DumpJson(Encode(*metadata)));
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(Encode(*json), Encode(*metadata));
}

TEST(MetadataTest, ErrorsNameTheValue) {
  const std::pair<std::string, std::string> cases[] = {
      {"metrics: {training: [{name: a, value: [1]}]}",
       "model.yaml: metrics.training[0].value: expected a number, a text, or true or false"},
      {"metrics: {training: [{name: a}]}", "model.yaml: metrics.training[0].value: is required"},
      {"metrics: {training: [{value: 1}]}", "model.yaml: metrics.training[0].name: is required"},
      {"metrics: [1]", "model.yaml: metrics: expected an object"},
      {"hyperParameters: [{name: a, value: {b: 1}}]", "hyperParameters[0].value: expected"},
      {"titel: x\nname: y", "titel: no such field; did you mean title?; what has no field goes"},
      {"parents: [{relation: x}]", "parents[0]: needs a reference or a digest"},
      {"parents: [{digest: sha256:12}]", "parents[0].digest"},
      {"signature: {inputs: [{shape: [1, -2]}]}",
       "signature.inputs[0].shape[1]: a length, or -1 for any, got -2"},
      {"createdAt: yesterday", "createdAt"},
      {"readme: ../README.md", "readme"},
      {"apiVersion: slipway/v2", "apiVersion: slipway/v1 is what this program reads"},
      {"kind: Model\nname: x", "kind: ModelMetadata, got \"Model\""},
      {"name: [", "line"},
  };
  for (const auto& [text, message] : cases) {
    const auto metadata = ParseMetadata("model.yaml", text);
    ASSERT_THAT(metadata, IsError(Code::kInvalidArgument, "METADATA_INVALID")) << text;
    EXPECT_THAT(metadata.error().message(), HasSubstr(message));
    EXPECT_EQ(metadata.error().cause(), nullptr) << "it is in the message, and is not told twice";
  }
  EXPECT_EQ(
      ParseMetadata("model.yaml", "metrics: {a: [{name: b, value: {}}]}").error().detail("field"),
      "metrics.a[0].value");
}

TEST(MetadataTest, FilesOfOthersAreNotOurs) {
  EXPECT_TRUE(IsMetadata("model.yaml", "title: x"));
  EXPECT_TRUE(IsMetadata("model.yaml", "apiVersion: slipway/v1"));
  EXPECT_TRUE(IsMetadata("model.yaml", "title: [broken"));
  EXPECT_TRUE(IsMetadata("model.json", "{\"apiVersion\":\"slipway/v1\"}"));
  // What frameworks call by these names.
  EXPECT_FALSE(IsMetadata("model.yaml", "nc: 80\nbackbone: [[-1, 1, Conv, [64]]]"));
  EXPECT_FALSE(IsMetadata("model.yaml", "anchors: &a [1]\nhead: *a"));
  EXPECT_FALSE(IsMetadata("model.yaml", "apiVersion: serving.kserve.io/v1beta1\nname: x"));
  EXPECT_FALSE(IsMetadata("model.json", "{\"format\":\"layers-model\",\"modelTopology\":{}}"));
  EXPECT_FALSE(IsMetadata("other.yaml", "apiVersion: slipway/v1"));
}

TEST(MetadataTest, TheBeginningTellsWhatALargeFileIs) {
  EXPECT_TRUE(LooksLikeMetadata("model.yaml", "# ours\napiVersion: slipway/v1\nlong: te"));
  EXPECT_TRUE(LooksLikeMetadata("model.yaml", "apiVersion: slipway/v1"));
  EXPECT_TRUE(LooksLikeMetadata("model.yaml", "title: x\ndescription: |\n  long"));
  EXPECT_TRUE(LooksLikeMetadata("model.json", "{\"apiVersion\": \"slipway/v1\", \"na"));
  EXPECT_FALSE(LooksLikeMetadata("model.yaml", "nc: 80\nbackbone: [[-1, 1, Conv, [64]]]"));
  EXPECT_FALSE(LooksLikeMetadata("model.yaml", "kind: x\napiVersion: kserve.io/v1\nname: x"));
  EXPECT_FALSE(LooksLikeMetadata("model.json", "{\"format\":\"layers-model\",\"modelTo"));
  EXPECT_FALSE(LooksLikeMetadata("other.yaml", "apiVersion: slipway/v1"));
}

TEST(ModelPackConfigTest, HasWhatItHasAPlaceFor) {
  const auto metadata = ParseMetadata("model.yaml", kFull).value();
  const Digest layer = Digest::Of("x");
  const auto config = ParseJson(WriteModelPackConfig(metadata, "onnx", {layer})).value();
  std::vector<std::string> members;
  for (const auto& item : config.items()) members.push_back(item.key());
  EXPECT_THAT(members, ElementsAre("descriptor", "config", "modelfs"));
  EXPECT_EQ(config["descriptor"]["title"], "Fraud detector");
  EXPECT_EQ(config["descriptor"]["datasetsURL"], Json::array({"https://data.example.com/cards"}));
  EXPECT_EQ(config["config"]["paramSize"], "12K");
  EXPECT_EQ(config["modelfs"]["diffIds"], Json::array({layer.text()}));
  const Metadata back = FromModelPackConfig(config);
  EXPECT_EQ(back.authors, metadata.authors);
  EXPECT_EQ(back.licenses, metadata.licenses);
  EXPECT_EQ(back.created_at, metadata.created_at);
  EXPECT_EQ(back.format, "onnx");
  // The package of a model without metadata is what it was before there were any.
  EXPECT_EQ(
      WriteModelPackConfig({}, "onnx", {}),
      R"({"descriptor":{},"config":{"format":"onnx"},"modelfs":{"type":"layers","diffIds":[]}})");
}

constexpr char kOrmb[] = R"({"author":"Ada","created":"0001-01-01T00:00:00Z",)"
                         R"("description":"d","tags":["t"],"labels":{"a":"b"},"format":"TensorRT",)"
                         R"("gpuType":"T4","framework":"TF","metrics":{"training":[{"name":"acc",)"
                         R"("value":"0.93"}]},"hyperParameters":[{"name":"lr","value":"0.1"}],)"
                         R"("signature":{"inputs":[{"name":"x","size":[-1,3],"dType":"float32",)"
                         R"("opType":"continuous","values":["1"]}],"layers":{"Conv":3}},)"
                         R"("training":{"git":{"repository":"r","revision":"v"}},)"
                         R"("dataset":{"git":{"repository":"d"}},)"
                         R"("directoryStructure":["model/a.plan"]})";

TEST(OrmbFileTest, ConfigComesBackAsItWas) {
  const auto ormb = ParseOrmbConfig(kOrmb);
  ASSERT_THAT(ormb, IsOk());
  const Metadata metadata = FromOrmb(*ormb);
  EXPECT_THAT(metadata.authors, ElementsAre("Ada"));
  EXPECT_EQ(metadata.created_at, "");
  EXPECT_EQ(metadata.gpu_type, "T4");
  EXPECT_EQ(metadata.metrics.at("training")[0].value, "0.93");
  EXPECT_EQ(metadata.signature->inputs[0].op_type, "continuous");
  EXPECT_EQ(metadata.signature->layers.at("Conv"), 3);
  EXPECT_EQ(metadata.training->git->revision, "v");
  EXPECT_EQ(metadata.datasets[0].git->repository, "d");
  EXPECT_EQ(DumpJson(ToOrmb(metadata)), kOrmb);
  EXPECT_EQ(WriteOrmbConfig(metadata, {"model/a.plan"}), kOrmb);
}

TEST(OrmbFileTest, ErrorsNameTheValueOnce) {
  const std::pair<std::string, std::string> cases[] = {
      {"format: [a]", "ormbfile.yaml: format: expected a string, got a list"},
      {"metrics: {training: [{name: a, value: [1]}]}",
       "ormbfile.yaml: metrics.training[0].value: expected a string, got a list"},
      // ormb's program could not read the config.
      {"created: yesterday", "ormbfile.yaml: created: "},
      {"created: ''", "ormbfile.yaml: created: "},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = ParseOrmbFile(text);
    ASSERT_THAT(parsed, IsError(Code::kInvalidArgument, "METADATA_INVALID")) << text;
    EXPECT_THAT(parsed.error().message(), HasSubstr(message));
    EXPECT_EQ(parsed.error().cause(), nullptr);
  }
  EXPECT_THAT(ParseOrmbFile("created: 2024-02-29T01:02:03Z"), IsOk());
}

// As for ormb, whose fields are texts: no digit is lost.
TEST(OrmbFileTest, NumbersAreTheTextsThatStandThere) {
  const auto ormb = ParseOrmbFile(
      "author: 007\ntags: [1.10, yes, 1e-4]\nlabels: {version: 1.20, on: true}\n"
      "hyperParameters: [{name: seed, value: 123456789012345678901234567890}]\n"
      "metrics: {training: [{name: acc, value: 0.930}, {name: '1', value: '0.10'}]}\n"
      "signature: {inputs: [{name: x, size: [-1, 010], values: [1.0, a]}], layers: {Conv: 3}}\n"
      "other: 1.50\n");
  ASSERT_THAT(ormb, IsOk());
  const Metadata metadata = FromOrmb(*ormb);
  EXPECT_THAT(metadata.authors, ElementsAre("007"));
  EXPECT_THAT(metadata.tags, ElementsAre("1.10", "yes", "1e-4"));
  EXPECT_EQ(metadata.labels.at("version"), "1.20");
  EXPECT_EQ(metadata.labels.at("on"), "true");
  EXPECT_EQ(metadata.hyper_parameters[0].value, "123456789012345678901234567890");
  EXPECT_EQ(metadata.metrics.at("training")[0].value, "0.930");
  EXPECT_EQ(metadata.metrics.at("training")[1].value, "0.10");
  EXPECT_THAT(metadata.signature->inputs[0].shape, ElementsAre(-1, 10));
  EXPECT_THAT(metadata.signature->inputs[0].values, ElementsAre("1.0", "a"));
  EXPECT_EQ(metadata.signature->layers.at("Conv"), 3);
}

TEST(OrmbFileTest, UnknownMembersAreKept) {
  const auto ormb = ParseOrmbFile(
      "format: ONNX\ndtype: x\nmetrics: {training: [{name: a, value: 0.5}]}\n"
      "signature: {inputs: [{name: x, dtype: float32}]}\n");
  ASSERT_THAT(ormb, IsOk());
  const Metadata metadata = FromOrmb(*ormb);
  EXPECT_EQ(metadata.metrics.at("training")[0].value, "0.5");
  const Json back = ToOrmb(metadata);
  EXPECT_EQ(back["dtype"], "x");
  EXPECT_EQ(back["signature"]["inputs"][0]["dtype"], "float32");
  EXPECT_EQ(back["created"], kOrmbNoTime);
  EXPECT_FALSE(back.contains("slipway"));
  EXPECT_THAT(ParseOrmbFile("metrics: [1]").error().message(),
              HasSubstr("ormbfile.yaml: metrics: expected an object"));
}

TEST(OrmbFileTest, WhatOrmbHasNoPlaceForTravels) {
  const auto metadata = ParseMetadata("model.yaml", kFull).value();
  const Json ormb = ToOrmb(metadata);
  EXPECT_EQ(ormb["author"], "Ada, Grace");
  EXPECT_EQ(ormb["metrics"]["validation"][0]["value"], "0.93");
  ASSERT_TRUE(ormb.contains("slipway"));
  const auto parsed = ParseOrmbConfig(DumpJson(ormb));
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(Encode(FromOrmb(*parsed)), Encode(metadata));
}

// What an author writes into his own document is no reason to fail.
TEST(OrmbFileTest, ExtensionsOfAnotherTypeThanTheirPlaceAreLeftOut) {
  for (const char* hostile : {R"({"created":{"a":1},"metrics":7,"new":[1]})", "[1]", "5", "null"}) {
    Metadata metadata;
    metadata.extensions["ormb"] = *ParseJson(hostile, {});
    EXPECT_EQ(ToOrmb(metadata)["created"], kOrmbNoTime) << hostile;
    EXPECT_FALSE(WriteOrmbFile(metadata).empty());
    const auto config =
        ParseOrmbConfig(std::string(R"({"slipway":{"extensions":{"ormb":)") + hostile + "}}}");
    if (config.has_value()) EXPECT_FALSE(WriteOrmbFile(FromOrmb(*config)).empty()) << hostile;
  }
}

TEST(KitfileTest, LicensesOfThousandsOfPartsAreCut) {
  Json parts = Json::array();
  for (int i = 0; i < 50'000; ++i) parts.push_back({{"license", "L-" + std::to_string(i)}});
  const Json model = {{"parts", parts}};
  EXPECT_EQ(FromKitfile(Json{{"model", model}}).licenses.size(), 64u);
}

TEST(OrmbLayoutTest, EachFormat) {
  const struct {
    std::string format;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  } cases[] = {
      {"SavedModel", {"saved_model.pb", "variables"}, {"model.pb"}},
      {"ONNX", {"a.onnx", "b.txt"}, {"a.onnx", "b.onnx"}},
      {"H5", {"a.h5"}, {"a.hdf5"}},
      {"PMML", {"a.pmml"}, {"a.pmml", "b.txt"}},
      {"CaffeModel", {"a.caffemodel", "a.prototxt"}, {"a.caffemodel"}},
      {"NetDef", {"init_net.pb", "predict_net.pb"}, {"init_net.pb"}},
      {"MXNetParams", {"a-symbol.json", "a.params"}, {"a.json", "a.params"}},
      {"TorchScript", {"a.pt"}, {"a.pth"}},
      {"GraphDef", {"a.graphdef"}, {"a.pb"}},
      {"TensorRT", {"a.engine"}, {"a.engine", "a.plan"}},
      {"SKLearn", {"a.joblib"}, {"a.pkl"}},
      {"XGBoost", {"a.xgboost"}, {"a.ubj"}},
      {"MLflow", {"MLmodel", "model.pkl"}, {"mlmodel"}},
      {"Pickle", {"a.pickle"}, {"a.pkl"}},
      {"Others", {}, {}},
  };
  EXPECT_EQ(std::size(cases), OrmbFormats().size());
  for (const auto& c : cases) {
    EXPECT_THAT(CheckOrmbLayout(c.format, c.good), IsOk());
    if (c.format == "Others") continue;
    const auto checked = CheckOrmbLayout(c.format, c.bad);
    ASSERT_THAT(checked, IsError(Code::kInvalidArgument, "ORMB_LAYOUT")) << c.format;
    EXPECT_THAT(checked.error().message(), HasSubstr("\"" + c.bad[0] + "\""));
    // Pickle and MLflow are never inferred.
    const bool inferred = c.format != "Pickle" && c.format != "MLflow";
    EXPECT_EQ(InferOrmbFormat(c.good), inferred ? c.format : "Others");
  }
  EXPECT_THAT(CheckOrmbLayout("ONNX", {"a.onnx", "b.onnx"}).error().message(),
              HasSubstr("needs exactly one *.onnx, found \"a.onnx\", \"b.onnx\""));
  EXPECT_THAT(CheckOrmbLayout("onnx", {}).error().message(), HasSubstr("did you mean ONNX?"));
  EXPECT_THAT(CheckOrmbLayout("MLlib", {}), IsError(Code::kInvalidArgument, "ORMB_FORMAT"));
  EXPECT_EQ(OrmbFormatOf("mxnet"), "MXNetParams");
  EXPECT_EQ(OrmbFormatOf("joblib"), "SKLearn");
  EXPECT_EQ(OrmbFormatOf("gguf"), "");
}

oci::Manifest KitManifest(const std::vector<std::string>& types) {
  oci::Manifest manifest;
  manifest.config = oci::Descriptor{.media_type = "application/vnd.kitops.modelkit.config.v1+json",
                                    .digest = Digest::Of("")};
  for (const std::string& type : types) {
    manifest.layers.push_back({.media_type = type, .digest = Digest::Of(type)});
  }
  return manifest;
}

TEST(KitfileTest, FoldersOfLayers) {
  const auto manifest = KitManifest({"application/vnd.kitops.modelkit.model.v1.tar",
                                     "application/vnd.kitops.modelkit.modelpart.v1.tar",
                                     "application/vnd.jozu.dataset.content.v1.tar+gzip",
                                     "application/vnd.kitops.modelkit.docs.v1.tar"});
  const auto old = ParseJson(R"({"model":{"path":"./models/m.onnx","parts":[{"path":"p/q/"}]},)"
                             R"("datasets":[{"path":"data/train.csv"}],"docs":[{"path":"."}]})");
  EXPECT_THAT(KitLayerFolders(manifest, *old).value(), ElementsAre("models/", "p/", "data/", ""));
  const auto recent = ParseJson(R"({"model":{"path":"models/m.onnx","digest":"sha256:1"}})");
  EXPECT_THAT(KitLayerFolders(manifest, *recent).value(), ElementsAre("", "", "", ""));
  const auto evil = ParseJson(R"({"model":{"path":"../../etc/m"}})");
  EXPECT_THAT(KitLayerFolders(manifest, *evil), IsError(Code::kInvalidArgument, "PATH_INVALID"));
}

TEST(ReadMetadataTest, KitfileAndOldNames) {
  EXPECT_EQ(oci::FormOf("application/vnd.jozu.model.config.v1+json"), oci::ModelForm::kKitOps);
  EXPECT_EQ(oci::FormOf("application/vnd.cnai.model.manifest.v1+json"), oci::ModelForm::kModelPack);
  EXPECT_EQ(oci::FormOf("application/vnd.oci.image.config.v1+json"), oci::ModelForm::kNone);
  const std::string kitfile =
      R"({"manifestVersion":"1.0.0","package":{"name":"k","authors":["A"],"license":"MIT"},)"
      R"("model":{"name":"m","path":"jozu.ml/base/llm:v1","framework":"torch",)"
      R"("license":"Apache-2.0","parameters":{"t":0.5,"deep":{}}},)"
      R"("datasets":[{"name":"d","path":"d"}]})";
  const auto none = [](const oci::Descriptor&) -> Result<std::optional<std::string>> {
    return std::optional<std::string>();
  };
  const auto found = ReadMetadata(KitManifest({}), kitfile, none);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->source, "Kitfile");
  EXPECT_EQ(found->metadata.name, "k");
  EXPECT_THAT(found->metadata.licenses, ElementsAre("MIT", "Apache-2.0"));
  EXPECT_EQ(found->metadata.parents[0].reference, "jozu.ml/base/llm:v1");
  EXPECT_EQ(found->metadata.hyper_parameters.size(), 1u);
  const resource::ModelMetadata summary = Summarise(*found);
  EXPECT_EQ(summary.framework, "torch");
  EXPECT_THAT(summary.datasets, ElementsAre("d"));
  // What is no Kitfile is told, and is no error.
  EXPECT_THAT(ReadMetadata(KitManifest({}), "[]", none).value().problem, HasSubstr("no JSON"));
}

TEST(ReadMetadataTest, SummaryHasTheDigestsOfDataSets) {
  FoundMetadata found;
  found.metadata.datasets = {{.name = "cards", .digest = "sha256:1"}, {.name = "plain"}};
  found.metadata.metrics["validation"].push_back(
      {.name = "auc", .value = 1, .dataset = "held-out", .dataset_digest = "sha256:2"});
  const resource::ModelMetadata summary = Summarise(found);
  EXPECT_THAT(summary.datasets, ElementsAre("cards", "plain"));
  const std::map<std::string, std::string> digests = {{"cards", "sha256:1"},
                                                      {"held-out", "sha256:2"}};
  EXPECT_EQ(summary.dataset_digests, digests);
  EXPECT_FALSE(summary.cut);
  EXPECT_TRUE(summary.cut_members.empty());
}

TEST(ReadMetadataTest, SummaryIsBounded) {
  FoundMetadata found;
  for (int i = 0; i < 1000; ++i) {
    found.metadata.tags.push_back(std::string(1000, 't'));
    found.metadata.labels["label" + std::to_string(i)] = std::string(1000, 'l');
    found.metadata.metrics["g"].push_back({.name = std::string(300, 'n'), .value = i});
  }
  found.metadata.title = std::string(kMaxSummaryTextBytes - 1, 'a') + "\xc3\xa9";
  const resource::ModelMetadata summary = Summarise(found);
  EXPECT_TRUE(summary.cut);
  EXPECT_THAT(summary.cut_members, ElementsAre("title", "metrics", "tags", "labels"));
  EXPECT_EQ(summary.title, std::string(kMaxSummaryTextBytes - 1, 'a'));
  EXPECT_LT(DumpJson(Encode(summary)).size(), 2 * kMaxSummaryBytes);
}

}  // namespace
}  // namespace slipway::model
