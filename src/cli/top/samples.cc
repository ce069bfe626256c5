#include "cli/top/samples.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

constexpr double kMicro = 1e-6;

struct Metric {
  std::string_view name;
  double RevisionSample::* value;
};
constexpr std::array kMetrics = {
    Metric{"nv_inference_request_success", &RevisionSample::success},
    Metric{"nv_inference_request_failure", &RevisionSample::failures},
    Metric{"nv_inference_count", &RevisionSample::inferences},
    Metric{"nv_inference_exec_count", &RevisionSample::executions},
    Metric{"slipway_inference_exec_duration_us", &RevisionSample::execution_us},
    Metric{"nv_inference_queue_duration_us", &RevisionSample::queue_us},
    Metric{"slipway_inference_waiting_request_count", &RevisionSample::waiting},
    Metric{"nv_inference_pending_request_count", &RevisionSample::pending},
    Metric{"slipway_inference_model_memory_bytes", &RevisionSample::memory_bytes},
};
constexpr std::string_view kLatency = "slipway_inference_request_duration_seconds_bucket";

// NAME{LABELS} VALUE
struct Line {
  std::string_view name;
  std::map<std::string, std::string, std::less<>> labels;
  double value = 0;
};

// One label from the begin of `text`, which moves behind it.
bool TakeLabel(std::string_view& text, Line& line) {
  const size_t equals = text.find("=\"");
  if (equals == std::string_view::npos) return false;
  std::string value;
  size_t at = equals + 2;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && ++at == text.size()) return false;
    value += text[at];
  }
  if (at >= text.size()) return false;
  line.labels.emplace(text.substr(0, equals), std::move(value));
  text.remove_prefix(at + 1);
  if (text.starts_with(',')) text.remove_prefix(1);
  return true;
}

std::optional<double> ReadNumber(std::string_view text) {
  if (text == "+Inf") return INFINITY;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<Line> ReadLine(std::string_view text) {
  const size_t open = text.find('{');
  if (text.starts_with('#') || open == std::string_view::npos) return std::nullopt;
  Line line{.name = text.substr(0, open), .labels = {}, .value = 0};
  text.remove_prefix(open + 1);
  while (!text.empty() && text.front() != '}') {
    if (!TakeLabel(text, line)) return std::nullopt;
  }
  if (!text.starts_with("} ")) return std::nullopt;
  const auto value = ReadNumber(text.substr(2));
  if (!value) return std::nullopt;
  line.value = *value;
  return line;
}

void AddLine(const Line& line, Samples& samples) {
  const auto label = [&](std::string_view name) {
    const auto found = line.labels.find(name);
    return found == line.labels.end() ? std::string() : found->second;
  };
  const RevisionName name{
      .project = label("namespace"), .service = label("model"), .revision = label("version")};
  if (name.service.empty() || name.revision.empty()) return;
  if (line.name == kLatency) {
    if (const auto bound = ReadNumber(label("le"))) samples[name].latency[*bound] = line.value;
    return;
  }
  const auto metric =
      std::ranges::find_if(kMetrics, [&](const Metric& one) { return one.name == line.name; });
  // Failures are told by their reasons.
  if (metric != kMetrics.end()) samples[name].*(metric->value) += line.value;
}

// As Prometheus' histogram_quantile: even within a bucket.
std::optional<double> Quantile(const std::map<double, double>& buckets, double share) {
  if (buckets.empty() || buckets.rbegin()->second <= 0) return std::nullopt;
  const double rank = share * buckets.rbegin()->second;
  double low = 0;
  double below = 0;
  for (const auto& [bound, upto] : buckets) {
    if (upto >= rank && upto > below) {
      if (std::isinf(bound)) return low;
      return low + (bound - low) * (rank - below) / (upto - below);
    }
    low = bound;
    below = upto;
  }
  return low;
}

std::optional<double> Ratio(double part, double whole) {
  if (whole <= 0) return std::nullopt;
  return part / whole;
}

TopRow RowOf(const RevisionName& name, const RevisionSample& before, const RevisionSample& after,
             double seconds) {
  const auto grown = [&](double RevisionSample::* value) {
    return std::max(after.*value - before.*value, 0.0);
  };
  std::map<double, double> latency = after.latency;
  for (auto& [bound, count] : latency) {
    const auto old = before.latency.find(bound);
    if (old != before.latency.end()) count -= old->second;
  }
  const double success = grown(&RevisionSample::success);
  const auto wait_us = Ratio(grown(&RevisionSample::queue_us), success);
  return {.name = name,
          .rate = success / seconds,
          .failure_rate = grown(&RevisionSample::failures) / seconds,
          .p50_s = Quantile(latency, 0.5),
          .p99_s = Quantile(latency, 0.99),
          .wait_s = wait_us ? std::optional(*wait_us * kMicro) : std::nullopt,
          .waiting = after.waiting,
          .running = std::max(after.pending - after.waiting, 0.0),
          .batch = Ratio(grown(&RevisionSample::inferences), grown(&RevisionSample::executions)),
          .busy = grown(&RevisionSample::execution_us) * kMicro / seconds,
          .memory_bytes = after.memory_bytes};
}

Json JsonOf(const std::optional<double>& value, double factor = 1) {
  return value ? Json(*value * factor) : Json();
}

}  // namespace

Samples ReadSamples(std::string_view text) {
  Samples samples;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const auto line = ReadLine(text.substr(0, end))) AddLine(*line, samples);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return samples;
}

std::vector<TopRow> RowsBetween(const Samples& before, const Samples& after,
                                std::chrono::duration<double> elapsed) {
  std::vector<TopRow> rows;
  const double seconds = std::max(elapsed.count(), 1e-9);
  for (const auto& [name, sample] : after) {
    const auto old = before.find(name);
    const bool is_same = old != before.end() && old->second.success <= sample.success &&
                         old->second.failures <= sample.failures;
    rows.push_back(RowOf(name, is_same ? old->second : RevisionSample(), sample, seconds));
  }
  return rows;
}

Json JsonOf(const std::vector<TopRow>& rows) {
  constexpr double kMilli = 1e3;
  Json list = Json::array();
  for (const TopRow& row : rows) {
    list.push_back({{"project", row.name.project},
                    {"service", row.name.service},
                    {"revision", row.name.revision},
                    {"rate", row.rate},
                    {"failureRate", row.failure_rate},
                    {"p50Ms", JsonOf(row.p50_s, kMilli)},
                    {"p99Ms", JsonOf(row.p99_s, kMilli)},
                    {"waitMs", JsonOf(row.wait_s, kMilli)},
                    {"waiting", row.waiting},
                    {"running", row.running},
                    {"batch", JsonOf(row.batch)},
                    {"cpu", row.busy},
                    {"memoryBytes", row.memory_bytes}});
  }
  return list;
}

}  // namespace slipway::cli
