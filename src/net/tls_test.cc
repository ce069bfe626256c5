#include <sys/stat.h>

#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/deadline.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/testing/temporary_folder.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/testing/certificate.h"
#include "net/testing/raw_client.h"
#include "net/testing/test_server.h"
#include "net/transport.h"

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
    options.tls = certificate_.files();
    return options;
  }
  static std::string Url(const TestServer& server, const std::string& path) {
    return "https://localhost:" + std::to_string(server.port()) + path;
  }

  // What a new connection fails of; empty: it is answered 200.
  static std::string ReasonOf(const TestServer& server, const HttpClient::Options& options) {
    HttpClient client(options);
    ClientRequest request;
    request.url = Url(server, "/");
    const Result<ClientResponse> answer = client.Send(request);
    if (answer.has_error()) return std::string(answer.error().reason());
    return answer->status == 200 ? "" : std::to_string(answer->status);
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

TEST_F(TlsTest, ClientsSayWhyTheyDoNotTrustACertificate) {
  TestServer server(Answer, Options());
  const TestCertificate other = WriteTestCertificate(folder_.path(), "other");
  EXPECT_EQ(ReasonOf(server, {}), "TLS_UNTRUSTED");
  EXPECT_EQ(ReasonOf(server, {.ca_file = other.certificate_file}), "TLS_UNTRUSTED");
  EXPECT_EQ(ReasonOf(server, {.ca_file = folder_ / "nowhere"}), "TLS_CA_FILE");
  EXPECT_EQ(ReasonOf(server, {.ca_file = other.key_file}), "TLS_CA_FILE");
  EXPECT_EQ(ReasonOf(server, {.ca_file = certificate_.certificate_file}), "");
  EXPECT_EQ(ReasonOf(server, {.verify_tls = false}), "");
  ClientRequest request;
  request.url = Url(server, "/");
  const Error untrusted = HttpClient({.ca_file = other.certificate_file}).Send(request).error();
  EXPECT_EQ(untrusted.code(), Code::kFailedPrecondition) << "trying again does not help";
  EXPECT_NE(untrusted.message().find(other.certificate_file), std::string::npos);
}

TEST_F(TlsTest, CertificatesOfAnotherTimeOrAnotherName) {
  constexpr long kDayS = 24L * 3600;
  const auto reason = [&](const TestCertificateOptions& options) {
    const TestCertificate made = WriteTestCertificate(folder_.path(), "made", options);
    TestServer server(Answer, {.tls = made.files()});
    return ReasonOf(server, {.ca_file = made.certificate_file});
  };
  EXPECT_EQ(reason({.begins_in_s = -2 * kDayS, .ends_in_s = -kDayS}), "TLS_EXPIRED");
  EXPECT_EQ(reason({.begins_in_s = kDayS, .ends_in_s = 2 * kDayS}), "TLS_NOT_YET_VALID");
  EXPECT_EQ(reason({.names = "DNS:elsewhere.example"}), "TLS_HOST_NAME");
}

TEST_F(TlsTest, MetricsSayWhenTheCertificateExpires) {
  constexpr long kHourS = 3600;
  const TestCertificate made = WriteTestCertificate(folder_.path(), "made", {.ends_in_s = kHourS});
  const auto before = static_cast<double>(std::time(nullptr));
  ASSERT_TRUE(LoadTlsContext(made.files(), "measured").has_value());
  const double expiry = GetGauge("slipway_tls_certificate_expiry_timestamp_seconds",
                                 "When the TLS certificate in use expires, in seconds since 1970.",
                                 {{"server", "measured"}})
                            .Value();
  EXPECT_NEAR(expiry, before + kHourS, 600);
}

TEST_F(TlsTest, TlsToAPortThatDoesNotSpeakIt) {
  TestServer server(Answer);
  HttpClient client;
  ClientRequest request;
  request.url = Url(server, "/");
  const Error error = client.Send(request).error();
  EXPECT_EQ(error.reason(), "TLS_FAILED");
  EXPECT_NE(error.message().find("write http://"), std::string::npos) << error.message();
}

TEST_F(TlsTest, ClientsShowTheirCertificate) {
  const TestCertificate known = WriteTestCertificate(folder_.path(), "known");
  const TestCertificate other = WriteTestCertificate(folder_.path(), "other");
  HttpServerOptions wants = Options();
  wants.tls.client_authorities = known.certificate_file;
  TestServer server(Answer, wants);
  const auto reason = [&](const std::string& certificate, const std::string& key) {
    return ReasonOf(server, {.ca_file = certificate_.certificate_file,
                             .certificate_file = certificate,
                             .key_file = key});
  };
  EXPECT_EQ(reason(known.certificate_file, known.key_file), "");
  // How the end of the connection is seen depends on who is quicker.
  const auto refused = testing::AnyOf("TLS_CLIENT_REFUSED", "CONNECTION_LOST", "CONNECT_FAILED");
  EXPECT_THAT(reason("", ""), refused);
  EXPECT_THAT(reason(other.certificate_file, other.key_file), refused);
  EXPECT_EQ(reason(known.certificate_file, other.key_file), "TLS_CLIENT_CERTIFICATE");
  EXPECT_EQ(reason(known.certificate_file, ""), "TLS_CLIENT_CERTIFICATE") << "no key in it";
  EXPECT_EQ(reason(folder_ / "nowhere", ""), "TLS_CLIENT_CERTIFICATE");
}

TEST_F(TlsTest, PlainHttpIsAnsweredInPlainWords) {
  TestServer server(Answer, Options());
  for (const std::string& request : {GetRequest("/"), std::string("PATCH / HTTP/1.1\r\n\r\n"),
                                     std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
    RawClient plain(server.port());
    plain.Send(request);
    const RawResponse answer = plain.Receive();
    EXPECT_EQ(answer.status, 400) << request;
    EXPECT_NE(answer.body.find("PLAIN_HTTP"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("https://"), std::string::npos) << answer.body;
    plain.ShutdownWrite();
    EXPECT_TRUE(plain.AtEnd());
    EXPECT_FALSE(plain.was_reset());
  }
}

TEST_F(TlsTest, WhatIsNoHandshakeEndsTheConnection) {
  HttpServerOptions options = Options();
  options.head_timeout = milliseconds(100);
  TestServer server(Answer, options);
  RawClient silent(server.port());
  EXPECT_TRUE(silent.AtEnd());
  RawClient noise(server.port());
  noise.Send(std::string(100, '\x01'));
  noise.ReceiveAll();
  EXPECT_TRUE(noise.AtEnd());
}

// Each piece comes in time, the whole does not.
TEST_F(TlsTest, AHandshakeInManyPiecesHasTheTimeOfOne) {
  HttpServerOptions options = Options();
  options.head_timeout = milliseconds(200);
  TestServer server(Answer, options);
  RawClient slow(server.port());
  slow.Send(std::string_view("\x16\x03\x01\x3f\xff", 5));  // a record of 16383 bytes begins
  bool ended = false;
  for (int i = 0; i < 2'000 && !ended; ++i) {
    slow.Send(std::string_view("\x01", 1));
    ended = slow.AtEnd(milliseconds(10)) || slow.was_reset();
  }
  EXPECT_TRUE(ended);
}

TEST_F(TlsTest, ARenewedCertificateIsReadWithoutEndingConnections) {
  TestServer server(Answer, Options());
  const std::string before = folder_ / "before.crt";
  std::filesystem::copy_file(certificate_.certificate_file, before);
  HttpClient connected({.ca_file = before});
  ClientRequest request;
  request.url = Url(server, "/");
  ASSERT_EQ(connected.Send(request).value().status, 200);

  const TestCertificate renewed = WriteTestCertificate(folder_.path(), "test");
  EXPECT_EQ(ReasonOf(server, {.ca_file = before}), "") << "not yet read";
  ASSERT_TRUE(server.server().ReloadTls().has_value());
  EXPECT_EQ(ReasonOf(server, {.ca_file = renewed.certificate_file}), "");
  EXPECT_EQ(ReasonOf(server, {.ca_file = before}), "TLS_UNTRUSTED");
  EXPECT_EQ(connected.Send(request).value().status, 200) << "its connection goes on";

  std::filesystem::remove(renewed.key_file);
  EXPECT_EQ(server.server().ReloadTls().error().reason(), "TLS_CERTIFICATE");
  EXPECT_EQ(ReasonOf(server, {.ca_file = renewed.certificate_file}), "") << "what was read counts";
}

TEST_F(TlsTest, ReloadsUnderLoad) {
  TestServer server(Answer, Options(), 2);
  std::atomic<bool> done = false;
  std::atomic<int> failed = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&] {
      while (!done) {
        if (!ReasonOf(server, {.ca_file = certificate_.certificate_file}).empty()) ++failed;
      }
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(server.server().ReloadTls().has_value());
  done = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed, 0);
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
  const TestCertificate locked =
      WriteTestCertificate(folder_.path(), "locked", {.passphrase = "open sesame"});
  const std::string damaged = folder_ / "damaged.crt";
  const std::string begun = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  std::filesystem::copy_file(certificate_.certificate_file, damaged);
  std::ofstream(damaged, std::ios::app) << begun;
  const std::string huge = folder_ / "huge.crt";
  std::ofstream(huge) << std::string(2 << 20, 'x');

  Result<Listener> listener = Listener::Open("127.0.0.1", 0);
  ASSERT_TRUE(listener.has_value());
  CorePool cores(1);
  const auto listen = [&](const std::string& certificate, const std::string& key) {
    HttpServer server(cores, Answer, {.tls = {.certificate = certificate, .key = key}});
    const Result<void> listening = server.Listen(*listener);
    EXPECT_FALSE(listening.has_value());
    return listening.has_value() ? Error(Code::kUnknown, "", "") : listening.error();
  };
  const auto expect = [&](const Error& error, Code code, const std::string& words) {
    EXPECT_EQ(error.code(), code) << error.ToString();
    EXPECT_EQ(error.reason(), "TLS_CERTIFICATE");
    EXPECT_NE(error.message().find(words), std::string::npos) << error.message();
  };
  const std::string& certificate = certificate_.certificate_file;
  const std::string& key = certificate_.key_file;
  expect(listen(certificate, ""), Code::kFailedPrecondition, "give the other");
  expect(listen("", key), Code::kFailedPrecondition, "give the other");
  expect(listen("/nowhere.crt", key), Code::kNotFound, "/nowhere.crt");
  expect(listen(certificate, "/nowhere.key"), Code::kNotFound, "/nowhere.key");
  expect(listen(certificate, other.key_file), Code::kFailedPrecondition, "does not belong");
  expect(listen(key, certificate), Code::kFailedPrecondition, "no certificate in PEM form");
  expect(listen(certificate, certificate), Code::kFailedPrecondition, "no key in PEM form");
  expect(listen(damaged, key), Code::kFailedPrecondition, "is damaged");
  expect(listen(huge, key), Code::kFailedPrecondition, "huge.crt");
  expect(listen(locked.certificate_file, locked.key_file), Code::kFailedPrecondition,
         "openssl pkey");

  ASSERT_EQ(chmod(key.c_str(), 0604), 0);
  const Error exposed = listen(certificate, key);
  EXPECT_EQ(exposed.reason(), "TLS_KEY_EXPOSED");
  EXPECT_EQ(exposed.code(), Code::kFailedPrecondition);
  ASSERT_EQ(chmod(key.c_str(), 0640), 0);
  EXPECT_TRUE(LoadTlsContext(certificate_.files(), "test").has_value()) << "its group may read it";
  cores.Stop();
}

}  // namespace
}  // namespace slipway::net
