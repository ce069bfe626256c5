#include "oci/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "oci/limits.h"
#include "oci/media_types.h"

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

constexpr char kConfig[] =
    R"({"mediaType":"application/vnd.oci.empty.v1+json",)"
    R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",)"
    R"("size":2,"data":"e30="})";

std::string With(const std::string& members) {
  return "{\"schemaVersion\":2,\"config\":" + std::string(kConfig) +
         (members.empty() ? "" : "," + members) + "}";
}

void ExpectInvalid(const std::string& text, const std::string& field,
                   const std::string& declared_type = "") {
  const auto manifest = ParseManifest(text, declared_type);
  ASSERT_FALSE(manifest.has_value()) << text;
  EXPECT_EQ(manifest.error().code(), Code::kInvalidArgument) << text;
  EXPECT_EQ(manifest.error().reason(), "MANIFEST_INVALID") << text;
  EXPECT_EQ(manifest.error().detail("field"), field) << manifest.error().ToString();
}

TEST(ManifestTest, ImageManifest) {
  const auto manifest = ParseManifest(With(
      R"("layers":[{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":0,"annotations":{"k":"v"},"urls":["https://x"]}],)"
      R"("annotations":{"x":"y"},"artifactType":"application/x","unknown":{"z":[1]}})"));
  // One brace too many: trailing bytes are no manifest.
  EXPECT_FALSE(manifest.has_value());
  const auto good = ParseManifest(With(
      R"("layers":[{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":0,"annotations":{"k":"v"},"urls":["https://x"]}],)"
      R"("annotations":{"x":"y"},"artifactType":"application/x","unknown":{"z":[1]})"));
  ASSERT_TRUE(good.has_value()) << good.error().ToString();
  EXPECT_EQ(good->media_type, kImageManifestType);
  EXPECT_EQ(good->config->size_bytes, 2u);
  ASSERT_EQ(good->layers.size(), 1u);
  EXPECT_EQ(good->layers[0].annotation("k"), "v");
  EXPECT_EQ(good->layers[0].annotation("missing"), "");
  EXPECT_EQ(good->annotations.at("x"), "y");
  EXPECT_EQ(good->EffectiveArtifactType(), "application/x");
  EXPECT_FALSE(good->is_index());
}

TEST(ManifestTest, ArtifactTypeFallsBackToTheConfig) {
  EXPECT_EQ(ParseManifest(With("")).value().EffectiveArtifactType(), kEmptyType);
  EXPECT_EQ(ParseManifest(R"({"schemaVersion":2,"manifests":[]})").value().EffectiveArtifactType(),
            "");
}

TEST(ManifestTest, TypeIsTakenFromJsonThenHeaderThenMembers) {
  const std::string docker(kDockerManifestType);
  EXPECT_EQ(ParseManifest(With("\"mediaType\":\"" + docker + "\"")).value().media_type, docker);
  EXPECT_EQ(ParseManifest(With(""), docker).value().media_type, docker);
  EXPECT_EQ(ParseManifest(With("")).value().media_type, kImageManifestType);
  EXPECT_EQ(ParseManifest(R"({"schemaVersion":2,"manifests":[]})").value().media_type,
            kImageIndexType);
  ExpectInvalid(With("\"mediaType\":\"" + docker + "\""), "mediaType",
                std::string(kImageManifestType));
  ExpectInvalid(With(""), "mediaType", "text/plain");
  ExpectInvalid(With("\"mediaType\":3"), "mediaType");
}

TEST(ManifestTest, OtherJsonTypesNameContentAsManifestsDo) {
  const std::string type = "application/vnd.oci.artifact.manifest.v1+json";
  const auto bare = ParseManifest("{}", type);
  ASSERT_TRUE(bare.has_value()) << bare.error().ToString();
  EXPECT_EQ(bare->media_type, type);
  EXPECT_FALSE(bare->config || bare->is_index());
  EXPECT_EQ(bare->EffectiveArtifactType(), "");
  const std::string one(kConfig);
  const auto full =
      ParseManifest("{\"mediaType\":\"" + type + "\",\"artifactType\":\"a/b\"," +
                    "\"config\":" + one + ",\"blobs\":[" + one + "],\"layers\":[" + one + "," +
                    one + "],\"manifests\":[" + one + "],\"subject\":" + one + "}");
  ASSERT_TRUE(full.has_value()) << full.error().ToString();
  EXPECT_TRUE(full->config && full->subject);
  EXPECT_EQ(full->layers.size(), 3u);
  EXPECT_EQ(full->children.size(), 1u);
  EXPECT_EQ(full->EffectiveArtifactType(), "a/b");
  ExpectInvalid(R"({"blobs":[{}]})", "blobs[0].mediaType", type);
  ExpectInvalid(R"({"config":3})", "config", type);
  ExpectInvalid(R"({"schemaVersion":1,"fsLayers":[]})", "schemaVersion",
                "application/vnd.docker.distribution.manifest.v1+json");
  for (const char* unsafe :
       {"text/html", "application/json", "application/xhtml+xml", "application/+json", "text/json",
        "application/a/b+json", "application/a b+json"}) {
    ExpectInvalid("{}", "mediaType", unsafe);
  }
  ExpectInvalid(R"({"mediaType":"application/x\r\nSet-Cookie: a+json"})", "mediaType");
}

TEST(ManifestTest, Shape) {
  ExpectInvalid("nonsense", "");
  ExpectInvalid("[]", "");
  ExpectInvalid("{}", "schemaVersion");
  ExpectInvalid(R"({"schemaVersion":1})", "schemaVersion");
  ExpectInvalid(R"({"schemaVersion":"2"})", "schemaVersion");
  ExpectInvalid(R"({"schemaVersion":2})", "config");
  ExpectInvalid(With("\"manifests\":[]"), "manifests", std::string(kImageManifestType));
  ExpectInvalid(With("\"manifests\":[]"), "manifests", std::string(kImageIndexType));
  ExpectInvalid(With(""), "manifests", std::string(kImageIndexType));
  ExpectInvalid(With("\"layers\":{}"), "layers");
  ExpectInvalid(With("\"layers\":[3]"), "layers[0]");
  ExpectInvalid(With("\"subject\":[]"), "subject");
  ExpectInvalid(With("\"annotations\":[]"), "annotations");
  ExpectInvalid(With("\"annotations\":{\"a\":1}"), "annotations.a");
  ExpectInvalid(With("\"artifactType\":{}"), "artifactType");
  EXPECT_TRUE(ParseManifest(With("\"layers\":null,\"subject\":null")).has_value());
}

TEST(ManifestTest, Descriptors) {
  const auto with_layer = [](const std::string& members) {
    return With("\"layers\":[{" + members + "}]");
  };
  const std::string digest = "\"digest\":\"" + Digest::Of("{}").text() + "\"";
  const std::string good = "\"mediaType\":\"a/b\"," + digest + ",\"size\":2";
  EXPECT_TRUE(ParseManifest(with_layer(good)).has_value());
  ExpectInvalid(with_layer(digest + ",\"size\":2"), "layers[0].mediaType");
  ExpectInvalid(with_layer("\"mediaType\":\"nope\"," + digest + ",\"size\":2"),
                "layers[0].mediaType");
  ExpectInvalid(with_layer(R"("mediaType":"a/b","digest":"sha256:1","size":2)"),
                "layers[0].digest");
  ExpectInvalid(with_layer("\"mediaType\":\"a/b\"," + digest), "layers[0].size");
  for (const char* size : {"-1", "1.5", "\"2\"", "18446744073709551615"}) {
    ExpectInvalid(with_layer("\"mediaType\":\"a/b\"," + digest + ",\"size\":" + size),
                  "layers[0].size");
  }
  ExpectInvalid(with_layer(good + ",\"data\":\"e30\""), "layers[0].data");
  ExpectInvalid(with_layer(good + ",\"data\":\"e3w=\""), "layers[0].data");
  ExpectInvalid(with_layer(good + ",\"data\":\"e30gIA==\""), "layers[0].data");
  ExpectInvalid(with_layer(good + ",\"urls\":\"x\""), "layers[0].urls");
  ExpectInvalid(with_layer(good + ",\"platform\":3"), "layers[0].platform");
}

TEST(ManifestTest, Limits) {
  std::string layers = "\"layers\":[";
  const std::string one =
      "{\"mediaType\":\"a/b\",\"digest\":\"" + Digest::Of("").text() + "\",\"size\":0}";
  for (size_t i = 0; i <= kMaxDescriptors; ++i) layers += (i == 0 ? "" : ",") + one;
  ExpectInvalid(With(layers + "]"), "layers");
  ExpectInvalid(With("\"x\":" + std::string(100, '[') + std::string(100, ']')), "");
  const auto large = ParseManifest(With("\"x\":\"" + std::string(kMaxManifestBytes, 'x') + "\""));
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().reason(), "MANIFEST_INVALID");
}

TEST(ManifestTest, DescriptorToJsonAndBack) {
  const Descriptor descriptor{.media_type = "a/b",
                              .digest = Digest::Of("x", DigestAlgorithm::kSha512),
                              .size_bytes = 1,
                              .annotations = {{"k", "v"}},
                              .artifact_type = "c/d",
                              .urls = {"https://u"},
                              .platform = Platform{"arm64", "linux", "v8"}};
  const auto again = ParseDescriptor(ToJson(descriptor), "d");
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(ToJson(*again), ToJson(descriptor));
  EXPECT_EQ(again->digest, descriptor.digest);
  EXPECT_EQ(again->platform->variant, "v8");
}

// RFC 6838, section 4.2: types do not differ by case. Kept as they were sent.
TEST(ManifestTest, TypesWithCapitals) {
  const std::string type = "application/vnd.Acme.Thing+json";
  const std::string body = "{\"mediaType\":\"" + type + "\"}";
  EXPECT_EQ(ParseManifest(body, type).value().media_type, type);
  EXPECT_EQ(ParseManifest(body, "application/vnd.acme.thing+json").value().media_type, type);
  EXPECT_EQ(ParseManifest("{}", type).value().media_type, type);
  EXPECT_EQ(ParseManifest("{}", "Application/vnd.Acme+JSON").value().media_type,
            "Application/vnd.Acme+JSON");
  EXPECT_EQ(
      ParseManifest(With(""), "application/vnd.OCI.image.manifest.v1+json").value().media_type,
      kImageManifestType);
  ExpectInvalid(body, "mediaType", "application/vnd.Acme.Other+json");
  EXPECT_EQ(MediaTypeWithoutParameters(type + "; a=b"), type);
}

TEST(ManifestTest, MediaTypeWithoutParameters) {
  EXPECT_EQ(MediaTypeWithoutParameters("Application/JSON; charset=utf-8"), "application/json");
  EXPECT_EQ(MediaTypeWithoutParameters(" a/b "), "a/b");
  EXPECT_EQ(MediaTypeWithoutParameters(""), "");
}

}  // namespace
}  // namespace slipway::oci
