// Whose certificates a client believes: the registry's own authority for the registry alone.
#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "net/testing/certificate.h"
#include "net/testing/test_server.h"
#include "oci/client.h"

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

// Two servers whose certificate comes from one authority, which the registry's user keeps for the
// registry.
class ClientAuthorityTest : public ::testing::Test {
 protected:
  static std::string AddressOf(const net::TestServer& server) {
    return "https://localhost:" + std::to_string(server.port());
  }
  net::HttpServerOptions Tls() const {
    net::HttpServerOptions options;
    options.tls = certificate_.files();
    return options;
  }
  Task<net::HttpResponse> AnswerRegistry(net::HttpRequest& request) {
    if (request.path == "/token") {
      co_return net::HttpResponse::Json(200, R"({"token":"good"})");
    }
    if (!redirect_.empty() && request.path != "/moved") {
      net::HttpResponse response = net::HttpResponse::Empty(307);
      response.headers.emplace_back("Location", redirect_ + "/moved");
      co_return response;
    }
    if (realm_.empty() || request.Header("Authorization") == "Bearer good") {
      co_return net::HttpResponse::Json(200, "{}");
    }
    net::HttpResponse response = net::HttpResponse::Empty(401);
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"" + realm_ + "/token\"");
    co_return response;
  }
  Client MakeClient() const {
    return Client(
        {.base_url = AddressOf(registry_), .http = {.ca_file = certificate_.certificate_file}});
  }
  void ExpectSystemAuthorities(const Error& error) const {
    EXPECT_EQ(error.reason(), "TLS_UNTRUSTED");
    EXPECT_THAT(error.message(), HasSubstr(AddressOf(elsewhere_)));
    EXPECT_THAT(error.message(), HasSubstr("that this system knows"));
    EXPECT_EQ(met_elsewhere_, 0);
  }

  const TemporaryFolder folder_;
  const net::TestCertificate certificate_ = net::WriteTestCertificate(folder_.path(), "test");
  std::atomic<int> met_elsewhere_ = 0;
  std::string redirect_;
  std::string realm_;
  net::TestServer registry_{[this](net::HttpRequest& request) { return AnswerRegistry(request); },
                            Tls()};
  net::TestServer elsewhere_{[this](net::HttpRequest& request) {
                               ++met_elsewhere_;
                               return AnswerRegistry(request);
                             },
                             Tls()};
};

TEST_F(ClientAuthorityTest, TheRegistryItselfAndItsOwnTokenService) {
  realm_ = AddressOf(registry_);
  EXPECT_THAT(MakeClient().Ping(), IsOk());
}

TEST_F(ClientAuthorityTest, ARedirectWithinTheRegistry) {
  redirect_ = AddressOf(registry_);
  EXPECT_EQ(MakeClient().GetManifest("p/a", "v1")->bytes, "{}");
}

TEST_F(ClientAuthorityTest, ARedirectToAnotherHost) {
  redirect_ = AddressOf(elsewhere_);
  const auto got = MakeClient().GetManifest("p/a", "v1");
  ASSERT_FALSE(got.has_value());
  ExpectSystemAuthorities(got.error());
}

TEST_F(ClientAuthorityTest, ATokenServiceOnAnotherHost) {
  realm_ = AddressOf(elsewhere_);
  const auto got = MakeClient().Ping();
  ASSERT_FALSE(got.has_value());
  ExpectSystemAuthorities(got.error());
}

}  // namespace
}  // namespace slipway::oci
