#include "cli/model/package_diff.h"

#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

Json File(const std::string& digest, int64_t size_bytes) {
  return {{"digest", digest}, {"sizeBytes", size_bytes}};
}

PackageFacts Before() {
  return {.name = "fraud:v1",
          .digest = "sha256:1",
          .files = {{"gone", File("sha256:a", 10)},
                    {"kept", File("sha256:b", 20)},
                    {"other", File("sha256:c", 30)}},
          .metadata = {{"framework", "PyTorch"}, {"title", "one"}},
          .signature = {{"inputs", {{"x", {{"datatype", "FP32"}, {"shape", {-1, 4}}}}}}}};
}

PackageFacts After() {
  return {.name = "fraud:v2",
          .digest = "sha256:2",
          .files = {{"kept", File("sha256:b", 20)},
                    {"new", File("sha256:d", 40)},
                    {"other", File("sha256:e", 2048)}},
          .metadata = {{"licenses", {"MIT"}}, {"title", "two"}},
          .signature = {{"inputs", {{"x", {{"datatype", "FP32"}, {"shape", {-1, 8}}}}}}}};
}

TEST(PackageDiff, TellsWhatDiffers) {
  const PackageDiff diff = ComparePackages(Before(), After(), {});
  EXPECT_FALSE(diff.empty());
  EXPECT_EQ(DiffText(diff),
            "files\n"
            "- gone (10 B)\n"
            "+ new (40 B)\n"
            "~ other (30 B -> 2.0 kB)\n"
            "\nmetadata\n"
            "- framework: PyTorch\n"
            "+ licenses: [\"MIT\"]\n"
            "~ title: one -> two\n"
            "\nsignature\n"
            "~ inputs.x.shape: [-1,4] -> [-1,8]\n");
  const Json json = DiffJson(Before(), After(), diff);
  EXPECT_EQ(json["before"], Json({{"name", "fraud:v1"}, {"digest", "sha256:1"}}));
  EXPECT_EQ(json["equal"], false);
  EXPECT_EQ(json["files"]["removed"],
            Json::array({{{"path", "gone"}, {"digest", "sha256:a"}, {"sizeBytes", 10}}}));
  EXPECT_EQ(json["files"]["changed"][0]["after"], File("sha256:e", 2048));
  EXPECT_EQ(json["signature"][0]["path"], "inputs.x.shape");
}

TEST(PackageDiff, OfTheSameThereIsNone) {
  const PackageDiff diff = ComparePackages(Before(), Before(), {});
  EXPECT_TRUE(diff.empty());
  EXPECT_EQ(DiffText(diff), "");
  EXPECT_EQ(DiffJson(Before(), Before(), diff)["equal"], true);
}

TEST(PackageDiff, ComparesThePartsThatAreAskedFor) {
  const PackageDiff files =
      ComparePackages(Before(), After(), {.metadata = false, .signature = false});
  EXPECT_TRUE(files.HasFiles() && files.metadata.empty() && files.signature.empty());
  const PackageDiff metadata =
      ComparePackages(Before(), After(), {.files = false, .signature = false});
  EXPECT_FALSE(metadata.HasFiles() || metadata.metadata.empty());
  const PackageDiff signature =
      ComparePackages(Before(), After(), {.files = false, .metadata = false});
  EXPECT_FALSE(signature.HasFiles() || signature.signature.empty());
}

TEST(PackageDiff, WhatIsNotKnownIsNotEqual) {
  PackageFacts unknown = Before();
  unknown.signature = nullptr;
  for (const auto& [before, after] : {std::pair(Before(), unknown), {unknown, Before()}}) {
    const PackageDiff diff = ComparePackages(before, after, {});
    EXPECT_FALSE(diff.is_signature_known);
    EXPECT_TRUE(diff.empty());
    EXPECT_TRUE(DiffJson(before, after, diff)["signature"].is_null());
  }
}

}  // namespace
}  // namespace slipway::cli
