#include "gateway/telemetry/otlp_settings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "base/build_info.h"
#include "net/http_message.h"

namespace slipway::gateway {
namespace {

// A stop of the program waits for the attempt that is under way.
constexpr std::chrono::milliseconds kLongestTimeout{3'000};
constexpr std::string_view kPath = "/v1/traces";

Error Fault(std::string_view name, std::string what) {
  return InvalidArgument("OTLP_SETTING", std::string(name) + ": " + std::move(what));
}

// The variable for traces alone, before the one for all signals; with its name.
struct Found {
  std::string name;
  std::string value;
};
Found Either(const ReadVariable& read, const std::string& what) {
  std::string own = "OTEL_EXPORTER_OTLP_TRACES_" + what;
  std::string value = read(own.c_str());
  if (!value.empty()) return {.name = std::move(own), .value = std::move(value)};
  std::string all = "OTEL_EXPORTER_OTLP_" + what;
  value = read(all.c_str());
  return {.name = std::move(all), .value = std::move(value)};
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// name=value,name=value with percent-encoded values, as W3C Baggage has them.
Result<std::vector<std::pair<std::string, std::string>>> ReadPairs(std::string_view name,
                                                                   std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = Trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    const std::string_view key = Trimmed(item.substr(0, std::min(equals, item.size())));
    if (equals == std::string_view::npos || key.empty()) {
      return Fault(name, "name=value pairs with commas between them are wanted");
    }
    Result<std::string> value = net::PercentDecode(Trimmed(item.substr(equals + 1)));
    if (value.has_error()) return value.error().Prefixed(std::string(name) + ": ");
    pairs.emplace_back(key, *std::move(value));
  }
  return pairs;
}

Result<double> ReadRatio(std::string_view name, std::string_view text) {
  double ratio = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, ratio);
  if (fault == std::errc() && stopped == end && ratio >= 0 && ratio <= 1) return ratio;
  return Fault(name, "a number from 0 to 1 is wanted, got " + std::string(text.substr(0, 32)));
}

Result<void> CheckUrl(std::string_view name, const std::string& url) {
  const bool is_http = url.starts_with("http://") || url.starts_with("https://");
  if (is_http && url.size() > std::string_view("https://").size()) return {};
  return Fault(name, "an address such as http://127.0.0.1:4318 is wanted");
}

// False: there are no traces.
Result<bool> ReadEndpoint(const std::string& endpoint, const ReadVariable& read,
                          OtlpSettings& out) {
  const auto with_path = [](std::string base) {
    while (base.ends_with('/')) base.pop_back();
    return base + std::string(kPath);
  };
  if (!endpoint.empty()) {
    TRY_VOID(CheckUrl("--otlp-endpoint", endpoint));
    out.url = with_path(endpoint);
    return true;
  }
  const Found found = Either(read, "ENDPOINT");
  if (found.value.empty() || read("OTEL_TRACES_EXPORTER") == "none") return false;
  TRY_VOID(CheckUrl(found.name, found.value));
  out.url = found.name.find("TRACES") != std::string::npos ? found.value : with_path(found.value);
  return true;
}

Result<void> ReadTransport(const ReadVariable& read, OtlpSettings& out) {
  const Found protocol = Either(read, "PROTOCOL");
  if (!protocol.value.empty() && protocol.value != "http/protobuf") {
    return Fault(protocol.name,
                 "traces are sent by http/protobuf; name the collector's port for "
                 "it (4318) and leave this out");
  }
  const Found compression = Either(read, "COMPRESSION");
  out.gzip = compression.value == "gzip";
  if (!compression.value.empty() && !out.gzip && compression.value != "none") {
    return Fault(compression.name, "gzip and none are known");
  }
  const Found headers = Either(read, "HEADERS");
  TRY(pairs, ReadPairs(headers.name, headers.value));
  out.headers = std::move(pairs);
  out.ca_file = Either(read, "CERTIFICATE").value;
  const Found timeout = Either(read, "TIMEOUT");
  if (timeout.value.empty()) return {};
  int64_t ms = 0;
  const char* end = timeout.value.data() + timeout.value.size();
  const auto [stopped, fault] = std::from_chars(timeout.value.data(), end, ms);
  if (fault != std::errc() || stopped != end || ms <= 0) {
    return Fault(timeout.name, "milliseconds are wanted");
  }
  out.timeout = std::min(std::chrono::milliseconds(ms), kLongestTimeout);
  return {};
}

// OTEL_TRACES_SAMPLER and its argument.
Result<void> ReadSampler(const ReadVariable& read, OtlpSettings& out) {
  constexpr std::string_view kParent = "parentbased_";
  const std::string text = read("OTEL_TRACES_SAMPLER");
  if (text.empty()) return {};
  std::string_view sampler = text;
  out.follows_parent = sampler.starts_with(kParent);
  if (out.follows_parent) sampler.remove_prefix(kParent.size());
  if (sampler == "always_on") {
    out.ratio = 1;
  } else if (sampler == "always_off") {
    out.ratio = 0;
  } else if (sampler == "traceidratio") {
    const std::string argument = read("OTEL_TRACES_SAMPLER_ARG");
    if (argument.empty()) return {};
    TRY(ratio, ReadRatio("OTEL_TRACES_SAMPLER_ARG", argument));
    out.ratio = ratio;
  } else {
    return Fault("OTEL_TRACES_SAMPLER",
                 "always_on, always_off, traceidratio and the same with parentbased_ before them "
                 "are known");
  }
  return {};
}

Result<void> ReadResource(const ReadVariable& read, OtlpSettings& out) {
  TRY(pairs, ReadPairs("OTEL_RESOURCE_ATTRIBUTES", read("OTEL_RESOURCE_ATTRIBUTES")));
  const std::string name = read("OTEL_SERVICE_NAME");
  const auto has = [&](std::string_view key) {
    return std::ranges::any_of(pairs, [&](const auto& pair) { return pair.first == key; });
  };
  if (!name.empty()) {
    std::erase_if(pairs, [](const auto& pair) { return pair.first == "service.name"; });
    pairs.emplace_back("service.name", name);
  } else if (!has("service.name")) {
    pairs.emplace_back("service.name", "slipway");
  }
  if (!has("service.version")) pairs.emplace_back("service.version", Version());
  pairs.emplace_back("telemetry.sdk.name", "slipway");
  pairs.emplace_back("telemetry.sdk.language", "cpp");
  pairs.emplace_back("telemetry.sdk.version", Version());
  out.resource = std::move(pairs);
  return {};
}

}  // namespace

Result<std::optional<OtlpSettings>> ReadOtlpSettings(const std::string& endpoint,
                                                     std::optional<double> ratio,
                                                     const ReadVariable& read) {
  OtlpSettings settings;
  if (read("OTEL_SDK_DISABLED") == "true") return std::optional<OtlpSettings>();
  TRY(is_wanted, ReadEndpoint(endpoint, read, settings));
  if (!is_wanted) return std::optional<OtlpSettings>();
  TRY_VOID(ReadTransport(read, settings));
  TRY_VOID(ReadSampler(read, settings));
  TRY_VOID(ReadResource(read, settings));
  if (ratio) settings.ratio = *ratio;
  return std::optional(std::move(settings));
}

std::string EnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace slipway::gateway
