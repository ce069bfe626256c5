#include <atomic>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "base/file_system.h"
#include "base/testing/temporary_folder.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/testing/certificate.h"
#include "net/testing/raw_client.h"
#include "net/testing/test_server.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;

Task<void> WriteMuch(StreamWriter* writer) {
  for (int i = 0; i < 50; ++i) co_await writer->Write(std::string(50'000, 's'));
}

Task<HttpResponse> Answer(HttpRequest& request) {
  if (request.path == "/stream") {
    HttpResponse response;
    response.body = StreamBody([](StreamWriter& writer) { return WriteMuch(&writer); });
    co_return response;
  }
  if (request.path == "/file") {
    static const TemporaryFolder folder;
    const std::string path = folder / "file";
    EXPECT_TRUE(WriteFileDurably(PosixFileSystem(), path, std::string(300'000, 'f')).has_value());
    HttpResponse response;
    response.body =
        FileBody{.file = *PosixFileSystem().Open(path, {}), .offset = 0, .size_bytes = 300'000};
    co_return response;
  }
  const Result<std::string> body = co_await request.body->ReadAll(10 << 20);
  if (!body.has_value()) co_return ProblemResponse(body.error());
  co_return HttpResponse::Text(200, *body);
}

class TlsTest : public testing::Test {
 protected:
  HttpServerOptions Options() {
    HttpServerOptions options;
    options.tls_certificate_file = certificate_.certificate_file;
    options.tls_key_file = certificate_.key_file;
    return options;
  }
  static std::string Url(const TestServer& server, const std::string& path) {
    return "https://localhost:" + std::to_string(server.port()) + path;
  }

  const TemporaryFolder folder_;
  const TestCertificate certificate_ = WriteTestCertificate(folder_.path(), "test");
};

TEST_F(TlsTest, BodiesOfEveryKind) {
  TestServer server(Answer, Options());
  HttpClient client({.ca_file = certificate_.certificate_file});
  ClientRequest request;
  request.url = Url(server, "/");
  request.method = "POST";
  request.body = std::string(3'000'000, 'b');
  const Result<ClientResponse> echoed = client.Send(request);
  ASSERT_TRUE(echoed.has_value()) << echoed.error().ToString();
  EXPECT_EQ(echoed->body, request.body);
  request.url = Url(server, "/stream");
  EXPECT_EQ(client.Send(request).value().body, std::string(2'500'000, 's'));
  request = ClientRequest();
  request.url = Url(server, "/file");
  EXPECT_EQ(client.Send(request).value().body, std::string(300'000, 'f'));
}

TEST_F(TlsTest, ClientsThatDoNotTrustTheCertificate) {
  TestServer server(Answer, Options());
  ClientRequest request;
  request.url = Url(server, "/");
  HttpClient careful;
  EXPECT_EQ(careful.Send(request).error().reason(), "TLS_FAILED");
  HttpClient careless({.verify_tls = false});
  EXPECT_EQ(careless.Send(request).value().status, 200);
}

TEST_F(TlsTest, PlainHttpAndSilence) {
  HttpServerOptions options = Options();
  options.head_timeout = milliseconds(100);
  TestServer server(Answer, options);
  RawClient plain(server.port());
  plain.Send(GetRequest("/"));
  EXPECT_EQ(plain.Receive().status, 0);
  RawClient silent(server.port());
  EXPECT_TRUE(silent.AtEnd());
}

TEST_F(TlsTest, ClientsThatLeaveCancelTheHandler) {
  std::atomic<int> begun = 0;
  std::atomic<int> cancelled = 0;
  TestServer server(
      [&](HttpRequest&) -> Task<HttpResponse> {
        return [](std::atomic<int>* started, std::atomic<int>* ended) -> Task<HttpResponse> {
          ++*started;
          if (!co_await SleepFor(std::chrono::hours(1))) ++*ended;
          co_return HttpResponse();
        }(&begun, &cancelled);
      },
      Options());
  std::thread leaving([&] {
    HttpClient client({.ca_file = certificate_.certificate_file});
    ClientRequest request;
    request.url = Url(server, "/");
    request.timeout = milliseconds(300);
    EXPECT_EQ(client.Send(request).error().reason(), "TIMEOUT");
  });
  leaving.join();
  for (int i = 0; i < 1000 && cancelled == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(cancelled, 1);
}

TEST_F(TlsTest, FilesThatCannotBeUsed) {
  const TestCertificate other = WriteTestCertificate(folder_.path(), "other");
  Result<Listener> listener = Listener::Open("127.0.0.1", 0);
  ASSERT_TRUE(listener.has_value());
  CorePool cores(1);
  const auto listen = [&](const std::string& certificate, const std::string& key) {
    HttpServerOptions options;
    options.tls_certificate_file = certificate;
    options.tls_key_file = key;
    HttpServer server(cores, Answer, options);
    const Result<void> listening = server.Listen(*listener);
    EXPECT_FALSE(listening.has_value());
    return listening.has_value() ? "" : std::string(listening.error().reason());
  };
  EXPECT_EQ(listen(certificate_.certificate_file, ""), "TLS_CERTIFICATE");
  EXPECT_EQ(listen("", certificate_.key_file), "TLS_CERTIFICATE");
  EXPECT_EQ(listen("/nowhere.crt", certificate_.key_file), "TLS_CERTIFICATE");
  EXPECT_EQ(listen(certificate_.certificate_file, other.key_file), "TLS_CERTIFICATE");
  EXPECT_EQ(listen(certificate_.key_file, certificate_.certificate_file), "TLS_CERTIFICATE");
  cores.Stop();
}

}  // namespace
}  // namespace slipway::net
