#include "oci/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/limits.h"
#include "oci/testing/fake_registry.h"

namespace slipway::oci {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string HeaderOf(const net::ClientRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

net::ClientResponse Status(int status, std::string body = "") {
  net::ClientResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

net::ClientResponse Challenged(const std::string& challenge) {
  net::ClientResponse response = Status(401);
  response.headers.emplace_back("WWW-Authenticate", challenge);
  return response;
}

ContentReader ReaderOf(const std::string& content) {
  return [&content](uint64_t offset, char* out, size_t size) -> Result<size_t> {
    return content.copy(out, std::min(size, size_t{777}), std::min(offset, content.size()));
  };
}

class ClientTest : public ::testing::Test {
 protected:
  Client MakeClient(ClientOptions options = {}) {
    options.base_url = "http://registry.test:5000";
    options.transport = registry_.transport();
    options.retry_pause = std::chrono::milliseconds(0);
    return Client(std::move(options));
  }
  Result<void> Upload(const std::string& content, uint64_t monolithic_bytes) {
    Client client = MakeClient();
    return client.UploadBlob("p/a", Digest::Of(content), content.size(), ReaderOf(content),
                             {.monolithic_bytes = monolithic_bytes, .progress = {}});
  }
  Result<std::string> Download(const std::string& content, const Digest& digest,
                               uint64_t offset = 0) {
    Client client = MakeClient();
    std::string out = content.substr(0, offset);
    Hasher hasher;
    hasher.Update(out);
    TRY_VOID(client.DownloadBlob(
        "p/a", digest, content.size(), offset,
        [&out](std::string_view piece) -> Result<void> {
          out.append(piece);
          return {};
        },
        std::move(hasher)));
    return out;
  }

  FakeRegistry registry_;
  const std::string content_ = std::string(5'000, 'x') + std::string(5'000, 'y');
};

TEST_F(ClientTest, ManifestThereAndBack) {
  Client client = MakeClient();
  EXPECT_EQ(*client.HeadManifest("p/a", "v1"), std::nullopt);
  const auto put = client.PutManifest("p/a", "v1", "a/b", "{\"x\":1}");
  ASSERT_TRUE(put.has_value());
  EXPECT_EQ(*put, Digest::Of("{\"x\":1}"));
  const auto head = client.HeadManifest("p/a", "v1");
  ASSERT_TRUE(head.has_value() && head->has_value());
  EXPECT_EQ((*head)->digest, *put);
  EXPECT_EQ((*head)->size_bytes, 7u);
  EXPECT_EQ(client.GetManifest("p/a", put->text())->bytes, "{\"x\":1}");
}

TEST_F(ClientTest, DigestOfARegistryThatDoesNotSayIt) {
  registry_.digest_header = false;
  Client client = MakeClient();
  ASSERT_TRUE(client.PutManifest("p/a", "v1", "a/b", "{}").has_value());
  EXPECT_EQ((*client.HeadManifest("p/a", "v1"))->digest, Digest::Of("{}"));
}

TEST_F(ClientTest, ManifestOfAnotherDigestIsRefused) {
  const std::string digest = Digest::Of("right").text();
  registry_.manifests[{"p/a", digest}] = "wrong";
  const auto got = MakeClient().GetManifest("p/a", digest);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().reason(), "DIGEST_MISMATCH");
}

TEST_F(ClientTest, AHeaderThatNamesAnotherDigestIsRefused) {
  const std::string asked = Digest::Of("evil").text();
  registry_.intercept =
      [](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    net::ClientResponse response;
    response.status = 200;
    response.headers = {{"Docker-Content-Digest", Digest::Of("signed").text()}};
    return response;
  };
  const auto found = MakeClient().HeadManifest("p/a", asked);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().reason(), "DIGEST_MISMATCH");
}

TEST_F(ClientTest, ErrorsCarryWhatTheRegistrySaid) {
  registry_.intercept = [](const net::ClientRequest&) {
    return Status(403, "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\\u001b[31m way\"}]}");
  };
  const auto denied = MakeClient().PutManifest("p/a", "v1", "a/b", "{}");
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code(), Code::kPermissionDenied);
  EXPECT_EQ(denied.error().reason(), "DENIED");
  EXPECT_EQ(denied.error().message(), "the registry answered 403: no [31m way");
}

TEST_F(ClientTest, ReasonIsNeverForeignText) {
  registry_.intercept = [](const net::ClientRequest&) {
    return Status(500, "{\"errors\":[{\"code\":\"rm -rf\",\"message\":7}]}");
  };
  const auto failed = MakeClient().Ping();
  EXPECT_EQ(failed.error().reason(), "REGISTRY_ERROR");
  EXPECT_EQ(failed.error().code(), Code::kInternal);
}

TEST_F(ClientTest, TokenIsSentToTheRegistryOnly) {
  std::vector<std::string> seen;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    seen.push_back(request.url.substr(0, request.url.find('/', 8)) + " " +
                   HeaderOf(request, "Authorization"));
    if (request.url.starts_with("http://registry.test:5000/")) {
      net::ClientResponse redirect = Status(307);
      redirect.headers.emplace_back("Location", "https://elsewhere.test/file");
      return redirect;
    }
    TRY_VOID(request.download("abc"));
    return Status(200);
  };
  Client client = MakeClient({.token = "secret"});
  std::string got;
  const auto done = client.DownloadBlob(
      "p/a", Digest::Of("abc"), 3, 0,
      [&](std::string_view piece) -> Result<void> {
        got.append(piece);
        return {};
      },
      Hasher());
  ASSERT_TRUE(done.has_value()) << done.error().ToString();
  EXPECT_EQ(got, "abc");
  EXPECT_THAT(seen,
              ElementsAre("http://registry.test:5000 Bearer secret", "https://elsewhere.test "));
}

TEST_F(ClientTest, BasicWhenAsked) {
  registry_.intercept =
      [](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (HeaderOf(request, "Authorization") == "Basic dTpw") return std::nullopt;
    return Challenged("Basic realm=\"x\"");
  };
  EXPECT_TRUE(MakeClient({.user = "u", .password = "p"}).Ping().has_value());
  const auto refused = MakeClient().Ping();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kUnauthenticated);
  EXPECT_EQ(refused.error().reason(), "UNAUTHORIZED");
}

TEST_F(ClientTest, TokenServiceIsAskedOnceForAScope) {
  int services = 0;
  std::string asked;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.url.starts_with("https://auth.test/")) {
      ++services;
      asked = request.url;
      EXPECT_EQ(HeaderOf(request, "Authorization"), "Basic dTpw");
      return Status(200, "{\"token\":\"t\"}");
    }
    if (HeaderOf(request, "Authorization") == "Bearer t") return std::nullopt;
    return Challenged("Bearer realm=\"https://auth.test/token\",service=\"s\",scope=\"x\"");
  };
  Client client = MakeClient({.user = "u", .password = "p"});
  ASSERT_TRUE(client.HeadManifest("p/a", "v1").has_value());
  ASSERT_TRUE(client.HeadManifest("p/a", "v2").has_value());
  EXPECT_EQ(services, 1);
  EXPECT_EQ(asked,
            "https://auth.test/token?service=s&client_id=slipway&scope=repository%3Ap%2Fa%3Apull");
}

TEST_F(ClientTest, TokensAreReplacedBeforeTheyExpire) {
  int services = 0;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.url.starts_with("https://auth.test/")) {
      ++services;
      return Status(200,
                    "{\"access_token\":\"t" + std::to_string(services) + "\",\"expires_in\":300}");
    }
    if (HeaderOf(request, "Authorization") == "Bearer t" + std::to_string(services)) {
      return std::nullopt;
    }
    return Challenged("Bearer realm=\"https://auth.test/token\"");
  };
  FakeClock clock;
  Client client = MakeClient({.clock = &clock});
  ASSERT_TRUE(client.HeadManifest("p/a", "v1").has_value());
  clock.Advance(std::chrono::seconds(289));
  ASSERT_TRUE(client.HeadManifest("p/a", "v1").has_value());
  EXPECT_EQ(services, 1);
  clock.Advance(std::chrono::seconds(2));
  ASSERT_TRUE(client.HeadManifest("p/a", "v1").has_value());
  EXPECT_EQ(services, 2);
  // The service does not know of it, but the registry refuses the token all the same.
  EXPECT_THAT(registry_.requests,
              ElementsAre("HEAD /v2/p/a/manifests/v1", "GET /token", "HEAD /v2/p/a/manifests/v1",
                          "HEAD /v2/p/a/manifests/v1", "GET /token", "HEAD /v2/p/a/manifests/v1"));
}

TEST_F(ClientTest, ARefreshTokenGoesToTheTokenServiceAlone) {
  std::string form;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.url == "https://auth.test/token") {
      EXPECT_EQ(request.method, "POST");
      EXPECT_EQ(HeaderOf(request, "Authorization"), "");
      if (form.empty()) form = request.body;
      return Status(200, "{\"token\":\"t\"}");
    }
    EXPECT_EQ(request.url.find("secret"), std::string::npos);
    if (HeaderOf(request, "Authorization") == "Bearer t") return std::nullopt;
    EXPECT_EQ(HeaderOf(request, "Authorization"), "");
    return Challenged("Bearer realm=\"https://auth.test/token\",service=\"s 1\"");
  };
  Client client = MakeClient({.identity_token = "secret+/="});
  ASSERT_TRUE(client.MountBlob("p/a", Digest::Of("x"), "p/b").has_value());
  EXPECT_EQ(form,
            "grant_type=refresh_token&client_id=slipway&service=s%201&refresh_token=secret%2B%2F%3D"
            "&scope=repository%3Ap%2Fa%3Apull%2Cpush%20repository%3Ap%2Fb%3Apull");
}

TEST_F(ClientTest, WhoTheRegistryPointsToIsNotAskedWhatItWants) {
  registry_.intercept =
      [](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.url.starts_with("https://evil.test/token")) {
      ADD_FAILURE() << "credentials were taken where a redirect led";
      return Status(200, "{\"token\":\"t\"}");
    }
    if (request.url.starts_with("https://evil.test/")) {
      EXPECT_EQ(HeaderOf(request, "Authorization"), "");
      return Challenged("Bearer realm=\"https://evil.test/token\"");
    }
    net::ClientResponse response = Status(307);
    response.headers.emplace_back("Location", "https://evil.test/blob");
    return response;
  };
  const auto got = MakeClient({.user = "u", .password = "p"}).GetManifest("p/a", "v1");
  EXPECT_EQ(got.error().code(), Code::kUnauthenticated);
}

TEST_F(ClientTest, AnHttpsRegistryDoesNotTakeThePasswordToHttp) {
  ClientOptions options{.user = "u", .password = "p"};
  options.base_url = "https://registry.test";
  options.transport = [](const net::ClientRequest& request) -> Result<net::ClientResponse> {
    if (request.url.starts_with("http://registry.test/token")) {
      EXPECT_EQ(HeaderOf(request, "Authorization"), "");
      return Status(401);
    }
    return Challenged("Bearer realm=\"http://registry.test/token\"");
  };
  EXPECT_FALSE(Client(std::move(options)).Ping().has_value());
}

TEST_F(ClientTest, AWrongPasswordIsTriedOnceAndTold) {
  registry_.intercept =
      [](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    return Challenged("Basic realm=\"x\"");
  };
  Client client = MakeClient({.user = "u", .password = "wrong", .sign_in = "Sign in again."});
  const auto refused = client.UploadBlob("p/a", Digest::Of(content_), content_.size(),
                                         ReaderOf(content_), {.monolithic_bytes = 1 << 20});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kUnauthenticated);
  EXPECT_THAT(refused.error().message(), HasSubstr("Sign in again."));
  EXPECT_THAT(refused.error().message(), Not(HasSubstr("wrong")));
  EXPECT_EQ(registry_.requests.size(), 2u);
}

TEST_F(ClientTest, PasswordIsNotSentInClearToAnotherHost) {
  registry_.intercept =
      [](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.url.starts_with("http://evil.test/")) {
      EXPECT_EQ(HeaderOf(request, "Authorization"), "");
      return Status(401);
    }
    return Challenged("Bearer realm=\"http://evil.test/token\",service=\"s\"");
  };
  EXPECT_FALSE(MakeClient({.user = "u", .password = "p"}).Ping().has_value());
}

TEST_F(ClientTest, UploadAtOnce) {
  ASSERT_TRUE(Upload(content_, 1 << 20).has_value());
  EXPECT_EQ(registry_.blobs.at({"p/a", Digest::Of(content_).text()}), content_);
  EXPECT_THAT(registry_.requests, ElementsAre("POST /v2/p/a/blobs/uploads/"));
}

TEST_F(ClientTest, UploadAtOnceToARegistryThatWantsASession) {
  registry_.monolithic = false;
  ASSERT_TRUE(Upload(content_, 1 << 20).has_value());
  EXPECT_EQ(registry_.blobs.at({"p/a", Digest::Of(content_).text()}), content_);
}

TEST_F(ClientTest, UploadInASession) {
  ASSERT_TRUE(Upload(content_, 0).has_value());
  EXPECT_EQ(registry_.blobs.at({"p/a", Digest::Of(content_).text()}), content_);
  EXPECT_THAT(registry_.requests,
              ElementsAre("POST /v2/p/a/blobs/uploads/", "PATCH /v2/p/a/blobs/uploads/ID",
                          "PUT /v2/p/a/blobs/uploads/ID"));
}

TEST_F(ClientTest, InterruptedUploadGoesOn) {
  registry_.cut_after = 3'000;
  std::vector<std::string> ranges;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.method == "PATCH") ranges.push_back(HeaderOf(request, "Content-Range"));
    return std::nullopt;
  };
  ASSERT_TRUE(Upload(content_, 0).has_value());
  EXPECT_EQ(registry_.blobs.at({"p/a", Digest::Of(content_).text()}), content_);
  EXPECT_THAT(ranges, ElementsAre("", "3000-9999"));
}

TEST_F(ClientTest, UploadWhoseSessionIsLostBeginsAnew) {
  int patches = 0;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.method == "PATCH" && ++patches == 1) {
      return Result<net::ClientResponse>(Unavailable("CONNECTION_LOST", "lost"));
    }
    if (request.method == "GET") return Status(404);
    return std::nullopt;
  };
  ASSERT_TRUE(Upload(content_, 0).has_value());
  EXPECT_EQ(registry_.blobs.size(), 1u);
}

TEST_F(ClientTest, UploadGivesUp) {
  int patches = 0;
  int cancels = 0;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.method == "DELETE") ++cancels;
    if (request.method != "PATCH") return std::nullopt;
    ++patches;
    return Status(503);
  };
  const auto failed = Upload(content_, 0);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::kUnavailable);
  EXPECT_EQ(patches, kMaxTransferAttempts);
  EXPECT_EQ(cancels, 1) << "what came is not kept for nobody";
}

TEST_F(ClientTest, RefusalIsNotTriedAgain) {
  int posts = 0;
  registry_.intercept =
      [&](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    ++posts;
    return Status(403);
  };
  EXPECT_EQ(Upload(content_, 1 << 20).error().code(), Code::kPermissionDenied);
  EXPECT_EQ(posts, 1);
}

TEST_F(ClientTest, LostAnswerToTheClosingPut) {
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.method != "PUT") return std::nullopt;
    registry_.blobs[{"p/a", Digest::Of(content_).text()}] = content_;
    return Result<net::ClientResponse>(Unavailable("CONNECTION_LOST", "lost"));
  };
  EXPECT_TRUE(Upload(content_, 0).has_value());
}

TEST_F(ClientTest, FileThatBecameShorter) {
  Client client = MakeClient();
  const std::string shorter = content_.substr(0, 100);
  const auto failed = client.UploadBlob("p/a", Digest::Of(content_), content_.size(),
                                        ReaderOf(shorter), {.monolithic_bytes = 0, .progress = {}});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().reason(), "CONTENT_CHANGED");
}

TEST_F(ClientTest, Progress) {
  Client client = MakeClient();
  std::vector<uint64_t> done;
  ASSERT_TRUE(client
                  .UploadBlob("p/a", Digest::Of(content_), content_.size(), ReaderOf(content_),
                              {.monolithic_bytes = 0,
                               .progress = [&](uint64_t bytes) { done.push_back(bytes); }})
                  .has_value());
  ASSERT_FALSE(done.empty());
  EXPECT_EQ(done.back(), content_.size());
  EXPECT_TRUE(std::ranges::is_sorted(done));
}

TEST_F(ClientTest, Mount) {
  registry_.blobs[{"p/b", Digest::Of("x").text()}] = "x";
  EXPECT_TRUE(*MakeClient().MountBlob("p/a", Digest::Of("x"), "p/b"));
  EXPECT_FALSE(*MakeClient().MountBlob("p/a", Digest::Of("y"), "p/b"));
  EXPECT_THAT(registry_.requests, Contains("DELETE /v2/p/a/blobs/uploads/ID"));
}

TEST_F(ClientTest, HeadBlob) {
  registry_.blobs[{"p/a", Digest::Of("abc").text()}] = "abc";
  EXPECT_EQ(*MakeClient().HeadBlob("p/a", Digest::Of("abc")), 3u);
  EXPECT_EQ(*MakeClient().HeadBlob("p/a", Digest::Of("x")), std::nullopt);
}

class DownloadTest : public ClientTest, public ::testing::WithParamInterface<bool> {
 protected:
  DownloadTest() {
    registry_.ranges = GetParam();
    registry_.blobs[{"p/a", digest_.text()}] = content_;
  }
  const Digest digest_ = Digest::Of(content_);
};

TEST_P(DownloadTest, WholeAndFromAnOffset) {
  for (const uint64_t offset : {0, 1, 4'321, 9'999, 10'000}) {
    const auto got = Download(content_, digest_, offset);
    ASSERT_TRUE(got.has_value()) << got.error().ToString();
    EXPECT_EQ(*got, content_);
  }
}

TEST_P(DownloadTest, InterruptedGoesOn) {
  for (const uint64_t cut : {0, 1, 2'500, 9'999}) {
    registry_.cut_after = cut;
    const auto got = Download(content_, digest_);
    ASSERT_TRUE(got.has_value()) << got.error().ToString();
    EXPECT_EQ(*got, content_);
  }
}

TEST_P(DownloadTest, WrongBytesAreNotTaken) {
  std::string& stored = registry_.blobs.at({"p/a", digest_.text()});
  stored[5'000] ^= 1;
  EXPECT_EQ(Download(content_, digest_).error().reason(), "DIGEST_MISMATCH");
  stored = content_ + "more";
  EXPECT_EQ(Download(content_, digest_).error().reason(), "DIGEST_MISMATCH");
  stored = content_.substr(0, 100);
  EXPECT_EQ(Download(content_, digest_).error().reason(), "DIGEST_MISMATCH");
}

INSTANTIATE_TEST_SUITE_P(Ranges, DownloadTest, ::testing::Bool());

TEST_F(ClientTest, TagsOfSeveralPages) {
  for (const char* tag : {"a", "b", "c", "d", "e"}) registry_.manifests[{"p/a", tag}] = "{}";
  const auto tags = MakeClient().ListTags("p/a");
  ASSERT_TRUE(tags.has_value()) << tags.error().ToString();
  EXPECT_THAT(*tags, ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(ClientTest, TagListThatLeadsElsewhere) {
  registry_.intercept = [](const net::ClientRequest&) {
    net::ClientResponse page = Status(200, "{\"tags\":[\"a\"]}");
    page.headers.emplace_back("Link", "<http://evil.test/x>; rel=\"next\"");
    return page;
  };
  const auto tags = MakeClient({.token = "secret"}).ListTags("p/a");
  ASSERT_FALSE(tags.has_value());
  EXPECT_EQ(tags.error().reason(), "REGISTRY_PROTOCOL");
}

}  // namespace
}  // namespace slipway::oci
