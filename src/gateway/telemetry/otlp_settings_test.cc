#include "gateway/telemetry/otlp_settings.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using Variables = std::map<std::string, std::string>;

Result<std::optional<OtlpSettings>> Read(Variables variables, const std::string& endpoint = "",
                                         std::optional<double> ratio = std::nullopt) {
  return ReadOtlpSettings(endpoint, ratio, [&](const char* name) { return variables[name]; });
}

OtlpSettings Good(const Variables& variables, const std::string& endpoint = "",
                  std::optional<double> ratio = std::nullopt) {
  const auto read = Read(variables, endpoint, ratio);
  EXPECT_TRUE(read.has_value() && read->has_value());
  return read.has_value() && read->has_value() ? **read : OtlpSettings();
}

// The message, where the reason is right.
std::string Fault(const Variables& variables, const std::string& endpoint = "") {
  const auto read = Read(variables, endpoint);
  if (read.has_value()) return "fine";
  if (read.error().reason() != "OTLP_SETTING") return std::string(read.error().reason());
  return read.error().message();
}

const Variables kEndpoint = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/"}};

Variables With(const std::string& name, const std::string& value) {
  Variables variables = kEndpoint;
  variables[name] = value;
  return variables;
}

TEST(OtlpSettings, WithoutAnEndpointThereAreNoTraces) {
  EXPECT_FALSE(Read({})->has_value());
  EXPECT_FALSE(Read(With("OTEL_SDK_DISABLED", "true"))->has_value());
  EXPECT_FALSE(Read(With("OTEL_TRACES_EXPORTER", "none"))->has_value());
}

TEST(OtlpSettings, TheEndpointOfAllSignalsGetsThePathOfTraces) {
  EXPECT_EQ(Good(kEndpoint).url, "http://c:4318/v1/traces");
  EXPECT_EQ(Good(With("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/x")).url, "https://t/x");
  EXPECT_EQ(Good(kEndpoint, "http://flag:1").url, "http://flag:1/v1/traces");
}

TEST(OtlpSettings, EachVariableIsHonoured) {
  Variables variables = kEndpoint;
  variables["OTEL_EXPORTER_OTLP_HEADERS"] = "api-key=a%20b, x = y ,";
  variables["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip";
  variables["OTEL_EXPORTER_OTLP_CERTIFICATE"] = "/ca.pem";
  variables["OTEL_EXPORTER_OTLP_TIMEOUT"] = "250";
  variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
  variables["OTEL_RESOURCE_ATTRIBUTES"] = "service.name=no,deployment.environment=prod";
  variables["OTEL_SERVICE_NAME"] = "fraud";
  const OtlpSettings settings = Good(variables);
  EXPECT_THAT(settings.headers, ElementsAre(Pair("api-key", "a b"), Pair("x", "y")));
  EXPECT_TRUE(settings.gzip);
  EXPECT_EQ(settings.ca_file, "/ca.pem");
  EXPECT_EQ(settings.timeout, std::chrono::milliseconds(250));
  EXPECT_THAT(settings.resource, Contains(Pair("service.name", "fraud")));
  EXPECT_THAT(settings.resource, Contains(Pair("deployment.environment", "prod")));
  EXPECT_THAT(settings.resource, ::testing::Not(Contains(Pair("service.name", "no"))));
  variables["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = "only=this";
  EXPECT_THAT(Good(variables).headers, ElementsAre(Pair("only", "this")));
}

TEST(OtlpSettings, SamplersOfTheSpecification) {
  EXPECT_EQ(Good(kEndpoint).ratio, 1);
  EXPECT_TRUE(Good(kEndpoint).follows_parent);
  Variables variables = With("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
  variables["OTEL_TRACES_SAMPLER_ARG"] = "0.25";
  EXPECT_EQ(Good(variables).ratio, 0.25);
  EXPECT_TRUE(Good(variables).follows_parent);
  EXPECT_EQ(Good(variables, "", 0.5).ratio, 0.5) << "the command line's";
  EXPECT_EQ(Good(With("OTEL_TRACES_SAMPLER", "always_off")).ratio, 0);
  EXPECT_FALSE(Good(With("OTEL_TRACES_SAMPLER", "always_off")).follows_parent);
}

TEST(OtlpSettings, WhatCannotBeNamesItsVariable) {
  EXPECT_THAT(Fault({}, "c:4318"), HasSubstr("--otlp-endpoint: "));
  EXPECT_THAT(Fault({{"OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://x"}}),
              HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT: "));
  for (const auto& [name, value] : Variables{{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                                             {"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"},
                                             {"OTEL_EXPORTER_OTLP_HEADERS", "nothing"},
                                             {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1s"},
                                             {"OTEL_TRACES_SAMPLER", "jaeger_remote"},
                                             {"OTEL_RESOURCE_ATTRIBUTES", "=x"}}) {
    EXPECT_THAT(Fault(With(name, value)), HasSubstr(name + ": "));
  }
  Variables variables = With("OTEL_TRACES_SAMPLER", "traceidratio");
  variables["OTEL_TRACES_SAMPLER_ARG"] = "1.5";
  EXPECT_THAT(Fault(variables), HasSubstr("OTEL_TRACES_SAMPLER_ARG: "));
}

}  // namespace
}  // namespace slipway::gateway
