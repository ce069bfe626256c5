#include "oci/artifact.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "oci/limits.h"
#include "oci/media_types.h"

namespace slipway::oci {
namespace {

class ArtifactTest : public ::testing::Test {
 protected:
  // A manifest of these layers; its descriptor as JSON.
  std::string AddManifest(const std::vector<std::string>& layers,
                          const std::string& layer_type = "a/b") {
    std::string list;
    for (const std::string& layer : layers) {
      list += (list.empty() ? "" : ",") + Describe(layer, layer_type);
    }
    return Add(R"({"schemaVersion":2,"config":)" + Describe("{}", "a/config") + R"(,"layers":[)" +
                   list + "]}",
               kImageManifestType);
  }
  std::string AddIndex(const std::vector<std::string>& children) {
    std::string list;
    for (const std::string& child : children) list += (list.empty() ? "" : ",") + child;
    return Add(R"({"schemaVersion":2,"manifests":[)" + list + "]}", kImageIndexType);
  }
  Result<Artifact> Read() {
    return ReadArtifact(manifests_.at(last_), [this](const Descriptor& child) {
      ++reads_;
      const auto found = manifests_.find(child.digest);
      return found == manifests_.end()
                 ? Result<FetchedManifest>(NotFound("MANIFEST_UNKNOWN", "it is not there"))
                 : Result<FetchedManifest>(found->second);
    });
  }
  static std::string Describe(const std::string& content, std::string_view type) {
    return R"({"mediaType":")" + std::string(type) + R"(","digest":")" +
           Digest::Of(content).text() + R"(","size":)" + std::to_string(content.size()) + "}";
  }

  std::map<Digest, FetchedManifest> manifests_;
  Digest last_ = Digest::Of("");
  size_t reads_ = 0;

 private:
  std::string Add(const std::string& bytes, std::string_view type) {
    last_ = Digest::Of(bytes);
    manifests_.emplace(
        last_, FetchedManifest{.digest = last_, .media_type = std::string(type), .bytes = bytes});
    return Describe(bytes, type);
  }
};

TEST_F(ArtifactTest, ChildrenComeBeforeWhatNamesThemAndEachOnce) {
  const std::string one = AddManifest({"a", "b", "a"});
  const Digest one_digest = last_;
  const std::string two = AddManifest({"b", "c"});
  const std::string inner = AddIndex({one, two});
  AddIndex({one, inner, two});
  const auto artifact = Read();
  ASSERT_THAT(artifact, IsOk());
  ASSERT_EQ(artifact->manifests.size(), 4u);
  EXPECT_EQ(artifact->manifests[0].digest, one_digest);
  EXPECT_EQ(artifact->root().digest, last_);
  EXPECT_EQ(reads_, 3u);
  EXPECT_EQ(artifact->configs.size(), 1u);
  ASSERT_EQ(artifact->layers.size(), 3u);
  EXPECT_EQ(artifact->layers[2].digest, Digest::Of("c"));
}

TEST_F(ArtifactTest, WhatMayNotBeHandedOnIsLeftOut) {
  AddManifest({"a"}, "application/vnd.oci.image.layer.nondistributable.v1.tar");
  const auto artifact = Read();
  ASSERT_THAT(artifact, IsOk());
  EXPECT_TRUE(artifact->layers.empty());
}

TEST_F(ArtifactTest, HasLimits) {
  std::string deep = AddManifest({"a"});
  for (size_t i = 0; i < kMaxArtifactDepth; ++i) deep = AddIndex({deep});
  EXPECT_THAT(Read(), IsOk());
  AddIndex({deep});
  EXPECT_THAT(Read(), IsError(Code::kInvalidArgument, "ARTIFACT_TOO_LARGE"));
  std::vector<std::string> many;
  for (size_t i = 0; i < kMaxArtifactManifests; ++i) {
    many.push_back(AddManifest({std::to_string(i)}));
  }
  AddIndex(many);
  EXPECT_THAT(Read(), IsOk());
  many.push_back(AddManifest({"more"}));
  AddIndex(many);
  EXPECT_THAT(Read(), IsError(Code::kInvalidArgument, "ARTIFACT_TOO_LARGE"));
}

TEST_F(ArtifactTest, ErrorsOfAChildAreItsOwn) {
  AddIndex({Describe("gone", kImageManifestType)});
  EXPECT_THAT(Read(), IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
}

}  // namespace
}  // namespace slipway::oci
