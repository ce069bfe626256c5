// Push and pull against a registry in memory.
#include <algorithm>
#include <barrier>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "model/pull.h"
#include "model/push.h"
#include "oci/testing/fake_registry.h"

namespace slipway::model {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kFixtures[] = "tests/fixtures/models/";

class TransferTest : public ::testing::Test {
 protected:
  TransferTest() {
    Write("in/model.onnx", ReadFixture("mlp_a.onnx"));
    Write("in/data/large.bin", std::string(20'000, 'w'));
    Write("in/empty.bin", "");
  }
  oci::Client MakeClient() {
    return oci::Client({.base_url = "http://registry.test",
                        .transport = registry_.transport(),
                        .retry_pause = std::chrono::milliseconds(0)});
  }
  void Write(const std::string& path, const std::string& content) {
    const std::filesystem::path whole = folder_ / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << content;
  }
  static std::string ReadFixture(const std::string& name) {
    return ReadWholeFile(PosixFileSystem(), kFixtures + name, 1 << 20).value();
  }
  std::string Read(const std::string& path) {
    return ReadWholeFile(PosixFileSystem(), folder_ / path, 1 << 20).value();
  }
  Result<Pushed> PushFolder(const std::string& to = "p/a:v1") {
    TRY(package, PackageModel(PosixFileSystem(), folder_ / "in"));
    TRY(reference, oci::Reference::Parse(to));
    oci::Client client = MakeClient();
    return Push(PosixFileSystem(), package, reference, client);
  }
  Result<Pulled> PullFolder(const std::string& from = "p/a:v1", const std::string& to = "out") {
    TRY(reference, oci::Reference::Parse(from));
    oci::Client client = MakeClient();
    return Pull(PosixFileSystem(), reference, client, folder_ / to);
  }
  // A manifest of one layer with this path, whose content is there.
  void PutModel(const std::string& tag, const std::vector<std::string>& paths,
                const std::string& type = "application/vnd.cncf.model.weight.v1.raw") {
    registry_.blobs[{"p/a", Digest::Of("x").text()}] = "x";
    std::string layers;
    for (const std::string& path : paths) {
      layers += (layers.empty() ? "" : ",") + std::string("{\"mediaType\":\"") + type +
                "\",\"digest\":\"" + Digest::Of("x").text() +
                "\",\"size\":1,\"annotations\":{\"org.cncf.model.filepath\":\"" + path + "\"}}";
    }
    registry_.manifests[{"p/a", tag}] =
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"a/b\",\"digest\":\"" +
        Digest::Of("").text() + "\",\"size\":0},\"layers\":[" + layers + "]}";
  }

  TemporaryFolder folder_;
  oci::FakeRegistry registry_;
};

TEST_F(TransferTest, ThereAndBack) {
  const auto pushed = PushFolder();
  ASSERT_THAT(pushed, IsOk());
  EXPECT_TRUE(pushed->changed);
  EXPECT_EQ(pushed->bytes_uploaded, 20'000 + ReadFixture("mlp_a.onnx").size());
  const auto pulled = PullFolder();
  ASSERT_THAT(pulled, IsOk());
  EXPECT_EQ(pulled->digest, pushed->digest);
  EXPECT_THAT(pulled->files, ElementsAre("data/large.bin", "empty.bin", "model.onnx"));
  EXPECT_EQ(Read("out/model.onnx"), ReadFixture("mlp_a.onnx"));
  EXPECT_EQ(Read("out/data/large.bin"), std::string(20'000, 'w'));
  EXPECT_EQ(Read("out/empty.bin"), "");
  const auto by_digest = PullFolder("p/a@" + pushed->digest.text(), "out2");
  EXPECT_THAT(by_digest, IsOk());
}

TEST_F(TransferTest, SamePushSendsNothing) {
  ASSERT_THAT(PushFolder(), IsOk());
  registry_.requests.clear();
  const auto again = PushFolder();
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->bytes_uploaded, 0u);
  ASSERT_EQ(registry_.requests.size(), 5u) << "the manifest, three files and the config";
  EXPECT_THAT(registry_.requests, Each(StartsWith("HEAD ")));
}

TEST_F(TransferTest, WhatTheRegistryLostIsSentAgain) {
  ASSERT_THAT(PushFolder(), IsOk());
  const std::string lost = Digest::Of(std::string(20'000, 'w')).text();
  ASSERT_EQ(registry_.blobs.erase({"p/a", lost}), 1u);
  const auto healed = PushFolder();
  ASSERT_THAT(healed, IsOk());
  EXPECT_TRUE(healed->changed);
  EXPECT_EQ(healed->bytes_uploaded, 20'000u);
  EXPECT_TRUE(registry_.blobs.contains({"p/a", lost}));
  EXPECT_THAT(PullFolder(), IsOk());
}

TEST_F(TransferTest, OnlyWhatIsMissingTravels) {
  ASSERT_THAT(PushFolder(), IsOk());
  Write("in/empty.bin", "now something");
  const auto changed = PushFolder();
  ASSERT_THAT(changed, IsOk());
  EXPECT_TRUE(changed->changed);
  EXPECT_EQ(changed->bytes_uploaded, 13u);
  const auto other_tag = PushFolder("p/a:v2");
  ASSERT_THAT(other_tag, IsOk());
  EXPECT_TRUE(other_tag->changed);
  EXPECT_EQ(other_tag->bytes_uploaded, 0u);
}

TEST_F(TransferTest, ManifestComesLast) {
  ASSERT_THAT(PushFolder(), IsOk());
  ASSERT_FALSE(registry_.requests.empty());
  EXPECT_EQ(registry_.requests.back(), "PUT /v2/p/a/manifests/v1");
}

// A registry that several clients use at the same time, and in which the test may look on.
class ParallelTransferTest : public TransferTest {
 protected:
  static constexpr size_t kFiles = 12;

  ParallelTransferTest() {
    for (size_t i = 0; i < kFiles; ++i) {
      Write("many/f" + std::to_string(i), std::string(5'000, static_cast<char>('a' + i)));
    }
  }
  std::unique_ptr<oci::Client> NewClient() {
    oci::Transport answer = registry_.transport();
    return std::make_unique<oci::Client>(
        oci::ClientOptions{.base_url = "http://registry.test",
                           .transport =
                               [this, answer](const net::ClientRequest& request) {
                                 if (seen_) seen_(request);
                                 const std::lock_guard lock(mutex_);
                                 return answer(request);
                               },
                           .retry_pause = std::chrono::milliseconds(0)});
  }
  TransferOptions Options() {
    return {.progress =
                [this](std::string_view file, uint64_t done, uint64_t total) {
                  told_.push_back({std::string(file), done});
                  EXPECT_EQ(total, 5'000U);
                },
            .make_client = [this] { return NewClient(); }};
  }
  Result<Pushed> PushMany() {
    TRY(package, PackageModel(PosixFileSystem(), folder_ / "many"));
    return Push(PosixFileSystem(), package, *oci::Reference::Parse("p/a:v1"), *NewClient(),
                Options());
  }
  Result<Pulled> PullMany() {
    return Pull(PosixFileSystem(), *oci::Reference::Parse("p/a:v1"), *NewClient(), folder_ / "out",
                Options());
  }
  // Lets uploads (downloads) through only when so many are under way.
  void WaitForEachOther(const std::string& method, std::barrier<>& barrier) {
    seen_ = [method, &barrier](const net::ClientRequest& request) {
      const bool is_blob = request.url.find("/blobs/") != std::string::npos;
      if (request.method == method && is_blob && !IsConfig(request)) barrier.arrive_and_wait();
    };
  }
  static bool IsConfig(const net::ClientRequest& request) {
    return request.body.find("modelfs") != std::string::npos;
  }
  void ExpectWhole() {
    for (size_t i = 0; i < kFiles; ++i) {
      EXPECT_EQ(Read("out/f" + std::to_string(i)), std::string(5'000, static_cast<char>('a' + i)));
    }
  }

  std::mutex mutex_;  // of the registry
  std::function<void(const net::ClientRequest&)> seen_;
  std::vector<std::pair<std::string, uint64_t>> told_;
};

TEST_F(ParallelTransferTest, SeveralFilesTravelAtOnce) {
  std::barrier<> at_once(kParallelTransfers);
  WaitForEachOther("POST", at_once);
  const auto pushed = PushMany();
  ASSERT_THAT(pushed, IsOk());
  EXPECT_EQ(pushed->bytes_uploaded, kFiles * 5'000);
  EXPECT_EQ(registry_.requests.back(), "PUT /v2/p/a/manifests/v1");
  WaitForEachOther("GET", at_once);
  const auto pulled = PullMany();
  ASSERT_THAT(pulled, IsOk());
  EXPECT_EQ(pulled->bytes_downloaded, kFiles * 5'000);
  ExpectWhole();
}

TEST_F(ParallelTransferTest, AllThatThereIsToDoIsToldFirst) {
  ASSERT_THAT(PushMany(), IsOk());
  ASSERT_GE(told_.size(), 2 * kFiles);
  std::set<std::string> announced;
  for (size_t i = 0; i < kFiles; ++i) {
    EXPECT_EQ(told_[i].second, 0U);
    announced.insert(told_[i].first);
  }
  EXPECT_EQ(announced.size(), kFiles);
  const auto done = std::ranges::count(told_, 5'000U, &std::pair<std::string, uint64_t>::second);
  EXPECT_EQ(static_cast<size_t>(done), kFiles);
  told_.clear();
  registry_.manifests.clear();
  ASSERT_THAT(PushMany(), IsOk());
  EXPECT_TRUE(told_.empty());
}

TEST_F(ParallelTransferTest, OneThatFailsEndsTheOthersWithItsError) {
  Write("many/f7", std::string(5'000, 'z'));
  const auto package = PackageModel(PosixFileSystem(), folder_ / "many");
  ASSERT_THAT(package, IsOk());
  // A change that nothing but the content tells of: the registry finds it.
  const auto written = std::filesystem::last_write_time(folder_ / "many/f7");
  Write("many/f7", std::string(5'000, 'y'));
  std::filesystem::last_write_time(folder_ / "many/f7", written);
  const auto pushed =
      Push(PosixFileSystem(), *package, *oci::Reference::Parse("p/a:v1"), *NewClient(), Options());
  ASSERT_THAT(pushed, IsError(Code::kInvalidArgument, "DIGEST_INVALID"));
  EXPECT_THAT(pushed.error().message(), ::testing::HasSubstr("f7"));
  EXPECT_TRUE(registry_.manifests.empty());
}

TEST_F(ParallelTransferTest, ContentThatIsThereTwiceTravelsOnce) {
  Write("many/again", std::string(5'000, 'a'));
  const auto pushed = PushMany();
  ASSERT_THAT(pushed, IsOk());
  EXPECT_EQ(pushed->bytes_uploaded, kFiles * 5'000);
  ASSERT_THAT(PullMany(), IsOk());
  EXPECT_EQ(Read("out/again"), std::string(5'000, 'a'));
}

TEST_F(TransferTest, FileThatChangedAfterPackagingIsRefused) {
  const auto package = PackageModel(PosixFileSystem(), folder_ / "in");
  ASSERT_THAT(package, IsOk());
  Write("in/data/large.bin", std::string(20'001, 'z'));
  oci::Client client = MakeClient();
  const auto pushed = Push(PosixFileSystem(), *package, *oci::Reference::Parse("p/a:v1"), client);
  EXPECT_THAT(pushed, IsError(Code::kFailedPrecondition, "FILE_CHANGED"));
  EXPECT_TRUE(registry_.manifests.empty());
}

TEST_F(TransferTest, LinkInAFilesPlaceAfterPackagingIsNotFollowed) {
  const auto package = PackageModel(PosixFileSystem(), folder_ / "in");
  ASSERT_THAT(package, IsOk());
  std::filesystem::rename(folder_ / "in/data/large.bin", folder_ / "large.bin");
  std::filesystem::create_symlink(folder_ / "large.bin", folder_ / "in/data/large.bin");
  oci::Client client = MakeClient();
  const auto pushed = Push(PosixFileSystem(), *package, *oci::Reference::Parse("p/a:v1"), client);
  EXPECT_THAT(pushed, IsError(Code::kInvalidArgument, "LINK_REFUSED"));
  EXPECT_TRUE(registry_.manifests.empty());
}

TEST_F(TransferTest, SecondPullLoadsNothing) {
  ASSERT_THAT(PushFolder(), IsOk());
  ASSERT_THAT(PullFolder(), IsOk());
  const auto again = PullFolder();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->bytes_downloaded, 0u);
  // A file that was changed is put right again.
  Write("out/data/large.bin", std::string(20'000, 'q'));
  const auto repaired = PullFolder();
  ASSERT_THAT(repaired, IsOk());
  EXPECT_EQ(repaired->bytes_downloaded, 20'000u);
  EXPECT_EQ(Read("out/data/large.bin"), std::string(20'000, 'w'));
}

TEST_F(TransferTest, CutPullGoesOnWhereItWas) {
  ASSERT_THAT(PushFolder(), IsOk());
  // Lost for good after 7,000 bytes.
  registry_.cut_after = 7'000;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.download && !registry_.cut_after) {
      return Result<net::ClientResponse>(Unavailable("CONNECT_FAILED", "down"));
    }
    return std::nullopt;
  };
  EXPECT_THAT(PullFolder(), IsError(Code::kUnavailable, "CONNECT_FAILED"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/data/large.bin"));
  EXPECT_EQ(std::filesystem::file_size(folder_ / "out/data/large.bin.slipway-partial"), 7'000u);
  std::vector<std::string> ranges;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    for (const auto& [name, value] : request.headers) {
      if (name == "Range") ranges.push_back(value);
    }
    return std::nullopt;
  };
  const auto again = PullFolder();
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(ranges, ElementsAre("bytes=7000-"));
  EXPECT_EQ(Read("out/data/large.bin").size() - 7'000 +
                std::filesystem::file_size(folder_ / "out/model.onnx"),
            again->bytes_downloaded)
      << "what was here did not come again";
  EXPECT_EQ(Read("out/data/large.bin"), std::string(20'000, 'w'));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/data/large.bin.slipway-partial"));
}

TEST_F(TransferTest, SpoiledRemainsOfACutPullAreLoadedAnew) {
  ASSERT_THAT(PushFolder(), IsOk());
  Write("out/data/large.bin.slipway-partial", std::string(5'000, '?'));
  ASSERT_THAT(PullFolder(), IsOk());
  EXPECT_EQ(Read("out/data/large.bin"), std::string(20'000, 'w'));
}

TEST_F(TransferTest, DamagedBlobIsNotTaken) {
  ASSERT_THAT(PushFolder(), IsOk());
  registry_.blobs.at({"p/a", Digest::Of(std::string(20'000, 'w')).text()})[0] = 'v';
  EXPECT_THAT(PullFolder(), IsError(Code::kDataLoss, "DIGEST_MISMATCH"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/data/large.bin"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/data/large.bin.slipway-partial"));
}

TEST_F(TransferTest, PathsThatLeaveTheFolderAreRefused) {
  for (const char* path : {"../x", "/etc/x", "a/../../x", "a//b", ".", "a/..", "", "a\\b"}) {
    PutModel("bad", {std::string(path) == "a\\b" ? "a\\\\b" : path});
    EXPECT_THAT(PullFolder("p/a:bad"), IsError(Code::kInvalidArgument, "PATH_INVALID")) << path;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

TEST_F(TransferTest, NothingIsWrittenThroughLinks) {
  PutModel("good", {"a/b/c", "d"});
  std::filesystem::create_directories(folder_ / "outside");
  const std::string outside = folder_ / "outside";
  for (const char* link : {"out/a", "out/a/b", "out/.slipway-partial"}) {
    std::filesystem::remove_all(folder_ / "out");
    std::filesystem::create_directories(std::filesystem::path(folder_ / link).parent_path());
    std::filesystem::create_directory_symlink(outside, folder_ / link);
    const auto pulled = PullFolder("p/a:good");
    ASSERT_THAT(pulled, IsError(Code::kInvalidArgument, "LINK_REFUSED")) << link;
    EXPECT_THAT(pulled.error().message(), HasSubstr(folder_ / link));
    EXPECT_TRUE(std::filesystem::is_empty(outside)) << link;
  }
  // A link in the place of a file is replaced; one for the file on its way is refused.
  std::filesystem::remove_all(folder_ / "out");
  std::filesystem::create_directories(folder_ / "out");
  Write("outside/d", "mine");
  std::filesystem::create_symlink(outside + "/d", folder_ / "out/d");
  std::filesystem::create_symlink(outside + "/e", folder_ / "out/d.slipway-partial");
  EXPECT_THAT(PullFolder("p/a:good"), IsError(Code::kInvalidArgument, "LINK_REFUSED"));
  std::filesystem::remove(folder_ / "out/d.slipway-partial");
  ASSERT_THAT(PullFolder("p/a:good"), IsOk());
  EXPECT_FALSE(std::filesystem::is_symlink(folder_ / "out/d"));
  EXPECT_EQ(Read("outside/d"), "mine");
  EXPECT_FALSE(std::filesystem::exists(outside + "/e"));
}

TEST_F(TransferTest, PathsThatClashAreRefused) {
  for (const std::vector<std::string>& paths :
       {std::vector<std::string>{"a", "a"}, {"a", "a/b"}, {"a/b", "a"}, {"a/b/c", "a/b"}}) {
    PutModel("bad", paths);
    EXPECT_THAT(PullFolder("p/a:bad"), IsError(Code::kInvalidArgument, "PATH_INVALID"));
  }
  PutModel("good", {"a/b", "a.b", "ab"});
  EXPECT_THAT(PullFolder("p/a:good"), IsOk());
}

TEST_F(TransferTest, DamagedArchiveLeavesNothing) {
  PutModel("tar", {"a"}, "application/vnd.cncf.model.weight.v1.tar");
  EXPECT_THAT(PullFolder("p/a:tar"), IsError(Code::kInvalidArgument, "ARCHIVE_INVALID"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/a"));
}

TEST_F(TransferTest, UnknownTag) {
  EXPECT_THAT(PullFolder("p/a:none"), IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
}

}  // namespace
}  // namespace slipway::model
