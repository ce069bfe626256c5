// Uploads that another program began: what a killed one sent is gone on with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/temporary_folder.h"
#include "oci/client.h"
#include "oci/testing/fake_registry.h"

namespace slipway::oci {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class ClientResumeTest : public ::testing::Test {
 protected:
  // One program: reads `content` up to `ends_at`, where it is ended from outside.
  Result<void> Upload(const std::string& content, uint64_t ends_at = UINT64_MAX) {
    registry_.requests.clear();
    read_from_ = UINT64_MAX;
    UploadNotes notes(PosixFileSystem(), folder_ / "uploads", SystemClock());
    Client client({.base_url = "http://registry.test:5000",
                   .transport = registry_.transport(),
                   .retry_pause = std::chrono::milliseconds(0)});
    const auto read = [&](uint64_t offset, char* out, size_t size) -> Result<size_t> {
      if (offset >= ends_at) return Error(Code::kCancelled, "TRANSFER_STOPPED", "the end");
      read_from_ = std::min(read_from_, offset);
      return content.copy(out, std::min(size, size_t{1000}), offset);
    };
    return client.UploadBlob("p/a", digest_, content_.size(), read,
                             {.monolithic_bytes = 0, .progress = {}, .notes = &notes});
  }
  std::string Stored() { return registry_.blobs[{"p/a", digest_.text()}]; }
  size_t Notes() {
    const auto names = PosixFileSystem().List(folder_ / "uploads");
    return names ? names->size() : 0;
  }

  TemporaryFolder folder_;
  FakeRegistry registry_;
  const std::string content_ = std::string(5'000, 'x') + std::string(5'000, 'y');
  const Digest digest_ = Digest::Of(content_);
  uint64_t read_from_ = 0;
};

TEST_F(ClientResumeTest, TheNextProgramSendsTheRest) {
  EXPECT_FALSE(Upload(content_, 6'000));
  EXPECT_EQ(Notes(), 1u);
  EXPECT_THAT(registry_.requests, Not(Contains(HasSubstr("DELETE"))));
  ASSERT_TRUE(Upload(content_));
  EXPECT_EQ(read_from_, 6'000u);
  EXPECT_THAT(registry_.requests, Not(Contains(HasSubstr("POST"))));
  EXPECT_EQ(Stored(), content_);
  EXPECT_EQ(Notes(), 0u);
}

TEST_F(ClientResumeTest, WhatARegistryForgotBeginsAnew) {
  EXPECT_FALSE(Upload(content_, 6'000));
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.method != "GET") return std::nullopt;
    net::ClientResponse gone;
    gone.status = 404;
    return gone;
  };
  ASSERT_TRUE(Upload(content_));
  EXPECT_EQ(read_from_, 0u);
  EXPECT_EQ(Stored(), content_);
}

TEST_F(ClientResumeTest, WhatTheOtherSentWronglyBeginsAnew) {
  EXPECT_FALSE(Upload(std::string(10'000, 'z'), 6'000));
  ASSERT_TRUE(Upload(content_));
  EXPECT_EQ(read_from_, 0u);
  EXPECT_EQ(Stored(), content_);
  EXPECT_EQ(Notes(), 0u);
}

TEST_F(ClientResumeTest, WhatIsRefusedLeavesNothing) {
  registry_.intercept =
      [](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.method != "PUT") return std::nullopt;
    net::ClientResponse denied;
    denied.status = 403;
    return denied;
  };
  EXPECT_FALSE(Upload(content_));
  EXPECT_THAT(registry_.requests, Contains(HasSubstr("DELETE")));
  EXPECT_EQ(Notes(), 0u);
}

TEST_F(ClientResumeTest, WhileTheRegistryIsAwayTheUploadWaits) {
  EXPECT_FALSE(Upload(content_, 6'000));
  registry_.intercept =
      [](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.method == "GET") return std::nullopt;
    return Result<net::ClientResponse>(Unavailable("CONNECTION_LOST", "the network is gone"));
  };
  EXPECT_FALSE(Upload(content_));
  registry_.intercept = nullptr;
  ASSERT_TRUE(Upload(content_));
  EXPECT_EQ(read_from_, 6'000u);
}

}  // namespace
}  // namespace slipway::oci
