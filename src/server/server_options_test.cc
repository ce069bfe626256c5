#include "server/server_options.h"

#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::server {
namespace {

Result<std::optional<ServerOptions>> Parse(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv = {"server", "--data", "/srv/x"};
  argv.insert(argv.end(), arguments);
  return ParseServerOptions(static_cast<int>(argv.size()), argv.data());
}

std::string ReasonOf(std::initializer_list<const char*> arguments) {
  auto parsed = Parse(arguments);
  return parsed ? "fine" : std::string(parsed.error().reason());
}

TEST(ParseServerOptions, HasSafeDefaults) {
  auto parsed = Parse({});
  ASSERT_TRUE(parsed.has_value() && parsed->has_value());
  const ServerOptions& options = **parsed;
  EXPECT_EQ(options.data, "/srv/x");
  EXPECT_EQ(options.address, "127.0.0.1");
  EXPECT_EQ(options.port_base, 8000);
  EXPECT_FALSE(options.anonymous || options.insecure);
}

TEST(ParseServerOptions, MakesTheFolderAbsolute) {
  std::vector<const char*> argv = {"server", "--data", "a/../b"};
  auto parsed = ParseServerOptions(3, argv.data());
  ASSERT_TRUE(parsed.has_value() && parsed->has_value());
  EXPECT_TRUE((*parsed)->data.starts_with('/'));
  EXPECT_TRUE((*parsed)->data.ends_with("/b"));
}

TEST(ParseServerOptions, RefusesEmptyValues) {
  for (const char* option : {"--tls-cert", "--tls-key", "--log-file"}) {
    auto parsed = Parse({option, ""});
    ASSERT_TRUE(parsed.has_error()) << option;
    EXPECT_EQ(parsed.error().reason(), "USAGE");
    EXPECT_TRUE(parsed.error().message().starts_with(option)) << parsed.error().message();
  }
}

TEST(ParseServerOptions, RefusesWhatIsNotSafe) {
  EXPECT_EQ(ReasonOf({"--address", "::1"}), "fine");
  EXPECT_EQ(ReasonOf({"--address", "127.9.9.9", "--anonymous"}), "fine");
  EXPECT_EQ(ReasonOf({"--address", "0.0.0.0"}), "ADDRESS_INSECURE");
  EXPECT_EQ(ReasonOf({"--address", "0.0.0.0", "--insecure"}), "fine");
  EXPECT_EQ(ReasonOf({"--address", "0.0.0.0", "--tls-cert", "c", "--tls-key", "k"}), "fine");
  EXPECT_EQ(ReasonOf({"--address", "::", "--tls-cert", "c", "--tls-key", "k", "--anonymous"}),
            "ANONYMOUS_REMOTE");
  EXPECT_EQ(ReasonOf({"--address", "0.0.0.0", "--insecure", "--anonymous"}), "ANONYMOUS_REMOTE");
  EXPECT_EQ(ReasonOf({"--address", "localhost"}), "ADDRESS_INVALID");
  EXPECT_EQ(ReasonOf({"--port-base", "65455"}), "fine");
  EXPECT_EQ(ReasonOf({"--port-base", "65456"}), "PORT_RANGE");
  EXPECT_EQ(ReasonOf({"--port-base", "-1"}), "PORT_RANGE");
  EXPECT_EQ(ReasonOf({"--port-base", "x"}), "USAGE");
  EXPECT_EQ(ReasonOf({"--unknown"}), "USAGE");
}

TEST(ParseServerOptions, CertificateAndKeyComeTogether) {
  EXPECT_EQ(ReasonOf({"--tls-cert", "c.pem"}), "TLS_INCOMPLETE");
  EXPECT_EQ(ReasonOf({"--tls-key", "k.pem"}), "TLS_INCOMPLETE");
  auto without_key = Parse({"--tls-cert", "c.pem", "--address", "0.0.0.0"});
  EXPECT_TRUE(without_key.error().message().starts_with("--tls-key: is missing"));
  auto parsed = Parse({"--tls-cert", "a/../c.pem", "--tls-key", "/k.pem"});
  ASSERT_TRUE(parsed.has_value() && parsed->has_value());
  EXPECT_TRUE((*parsed)->tls.certificate.starts_with('/')) << "serve runs in another folder";
  EXPECT_TRUE((*parsed)->tls.certificate.ends_with("/c.pem"));
  EXPECT_EQ((*parsed)->tls.key, "/k.pem");
}

TEST(PortsOf, IsTheDocumentedTable) {
  Ports ports = PortsOf(8000);
  EXPECT_EQ(ports.rest, 8000);
  EXPECT_EQ(ports.grpc, 8001);
  EXPECT_EQ(ports.metrics, 8002);
  EXPECT_EQ(ports.api, 8080);
  Ports free = PortsOf(0);
  EXPECT_EQ(free.rest + free.grpc + free.metrics + free.api, 0);
}

TEST(ServerOptions, TakesIntervalsAndRates) {
  EXPECT_EQ(*ParseInterval("--gc-interval", "0"), std::chrono::milliseconds(0));
  EXPECT_EQ(*ParseInterval("--gc-interval", "1h30m"), std::chrono::minutes(90));
  const auto wrong = ParseInterval("--gc-interval", "soon");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().reason(), "DURATION_INVALID");
  EXPECT_TRUE(wrong.error().message().starts_with("--gc-interval: "));
  EXPECT_EQ(*ParseByteRate("--scrub-rate", "0"), 0u);
  EXPECT_EQ(*ParseByteRate("--scrub-rate", "16M"), 16u << 20);
  EXPECT_EQ(*ParseByteRate("--scrub-rate", "500K"), 500u << 10);
  for (const char* text :
       {"", "M", "1T", "1MM", "-1", "1.5M", "99999999999999999999", "18446744073G"}) {
    const auto refused = ParseByteRate("--scrub-rate", text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().reason(), "SIZE_INVALID") << text;
  }
  EXPECT_EQ(ReasonOf({"--gc-interval", "soon"}), "DURATION_INVALID");
  EXPECT_EQ(ReasonOf({"--scrub-rate", "fast"}), "SIZE_INVALID");
  const auto options = Parse({"--gc-interval", "0", "--gc-hold", "1s", "--scrub-rate", "1G"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ((*options)->care.collection_interval, std::chrono::milliseconds(0));
  EXPECT_EQ((*options)->care.hold, std::chrono::seconds(1));
  EXPECT_EQ((*options)->care.scrub_rate, uint64_t{1} << 30);
  EXPECT_EQ((*options)->care.max_manifest_bytes, uint64_t{4} << 20);
}

TEST(ServerOptions, ManifestsHaveALimitUpTo8MiB) {
  const auto options = Parse({"--max-manifest", "8M"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ((*options)->care.max_manifest_bytes, uint64_t{8} << 20);
  for (const char* text : {"0", "8193K", "1G", "much"}) {
    EXPECT_EQ(ReasonOf({"--max-manifest", text}), "SIZE_INVALID") << text;
  }
}

}  // namespace
}  // namespace slipway::server
