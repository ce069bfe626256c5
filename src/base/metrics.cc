#include "base/metrics.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/metrics_cells.h"

namespace slipway {
namespace {

using metrics::CellSpace;
using metrics::CurrentCells;

// Bucket bounds of a histogram are 1 us * 2^k * (1 + j/4): in units of 250 ns, (4 + j) << k.
constexpr uint64_t kUnitNs = 250;
constexpr size_t kOctaves = 27;                      // 1 us << 27 is 134 s
constexpr size_t kBounds = 1 + kOctaves * 4;         // the first bound is 1 us itself
constexpr size_t kHistogramCells = kBounds + 1 + 1;  // bounds, above all of them, sum in ns

size_t BucketOf(uint64_t nanoseconds) {
  const uint64_t units = nanoseconds / kUnitNs + (nanoseconds % kUnitNs != 0 ? 1 : 0);
  if (units <= 4) return 0;
  const uint64_t below = units - 1;
  const auto octave = static_cast<size_t>(std::bit_width(below)) - 3;
  const size_t step = (below >> octave) - 4;
  return std::min(1 + octave * 4 + step, kBounds);
}

double BoundSeconds(size_t bucket) {
  if (bucket == 0) return 1e-6;
  const size_t octave = (bucket - 1) / 4;
  const size_t step = (bucket - 1) % 4;
  return static_cast<double>((5 + step) << octave) * 250e-9;
}

class CellCounter final : public Counter {
 public:
  CellCounter() : cell_(CellSpace::Instance().Allocate(1)) {}
  void Add(uint64_t amount) override { CurrentCells().Add(cell_, amount); }
  uint64_t Value() const override { return CellSpace::Instance().Sum(cell_, 1)[0]; }

 private:
  const size_t cell_;
};

class AtomicGauge final : public Gauge {
 public:
  void Set(double value) override { value_.store(value, std::memory_order_relaxed); }
  void Add(double amount) override { value_.fetch_add(amount, std::memory_order_relaxed); }
  double Value() const override { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class CellHistogram final : public Histogram {
 public:
  CellHistogram() : first_(CellSpace::Instance().Allocate(kHistogramCells)) {}

  void ObserveNs(uint64_t nanoseconds) override {
    metrics::ThreadCells& cells = CurrentCells();
    cells.Add(first_ + BucketOf(nanoseconds), 1);
    cells.Add(first_ + kHistogramCells - 1, nanoseconds);
  }
  uint64_t Count() const override {
    const std::vector<uint64_t> cells = Cells();
    uint64_t count = 0;
    for (size_t i = 0; i <= kBounds; ++i) count += cells[i];
    return count;
  }
  std::vector<uint64_t> Cells() const { return CellSpace::Instance().Sum(first_, kHistogramCells); }

 private:
  const size_t first_;
};

// All series of one name. Exactly one of the three is set in a series.
struct Series {
  std::unique_ptr<CellCounter> counter;
  std::unique_ptr<AtomicGauge> gauge;
  std::unique_ptr<CellHistogram> histogram;
};
struct Family {
  std::string_view type;
  std::string help;
  std::map<std::string, Series, std::less<>> series;  // by `a="1",b="2"`
};
struct Registry {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
};

// Never destroyed: threads may count while the process ends.
Registry& Metrics() {
  static Registry& registry = *new Registry;
  return registry;
}

bool IsMetricName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  });
}

std::string Escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string LabelText(MetricLabels labels) {
  std::ranges::sort(labels);
  std::string text;
  for (const auto& [name, value] : labels) {
    CHECK_NOTE(IsMetricName(name), name);
    if (!text.empty()) text += ',';
    text.append(name).append("=\"").append(Escaped(value, true)).append("\"");
  }
  return text;
}

template <class T>
T& Obtain(std::string_view name, std::string_view type, std::string_view help, MetricLabels labels,
          std::unique_ptr<T> Series::* member) {
  CHECK_NOTE(IsMetricName(name), name);
  const std::string label_text = LabelText(std::move(labels));
  Registry& registry = Metrics();
  std::lock_guard lock(registry.mutex);
  auto [family, is_new] = registry.families.try_emplace(std::string(name));
  if (is_new) {
    family->second.type = type;
    family->second.help = help;
  }
  CHECK_NOTE(family->second.type == type, name);
  std::unique_ptr<T>& metric = family->second.series[label_text].*member;
  if (metric == nullptr) metric = std::make_unique<T>();
  return *metric;
}

void AppendNumber(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value);
    out.append(digits, end.ptr);
  }
}

void AppendSample(std::string_view name, std::string_view suffix, std::string_view labels,
                  std::string_view extra_label, double value, std::string& out) {
  out.append(name).append(suffix);
  if (!labels.empty() || !extra_label.empty()) {
    out.append("{").append(labels);
    if (!labels.empty() && !extra_label.empty()) out += ',';
    out.append(extra_label).append("}");
  }
  out += ' ';
  AppendNumber(value, out);
  out += '\n';
}

void AppendHistogram(std::string_view name, std::string_view labels, const CellHistogram& histogram,
                     std::string& out) {
  const std::vector<uint64_t> cells = histogram.Cells();
  uint64_t below = 0;
  for (size_t bucket = 0; bucket < kBounds; ++bucket) {
    below += cells[bucket];
    std::string bound = "le=\"";
    AppendNumber(BoundSeconds(bucket), bound);
    bound += '"';
    AppendSample(name, "_bucket", labels, bound, static_cast<double>(below), out);
  }
  below += cells[kBounds];
  AppendSample(name, "_bucket", labels, "le=\"+Inf\"", static_cast<double>(below), out);
  const auto sum_ns = static_cast<double>(cells[kHistogramCells - 1]);
  AppendSample(name, "_sum", labels, "", sum_ns * 1e-9, out);
  AppendSample(name, "_count", labels, "", static_cast<double>(below), out);
}

}  // namespace

Counter& GetCounter(std::string_view name, std::string_view help, MetricLabels labels) {
  return Obtain(name, "counter", help, std::move(labels), &Series::counter);
}

Gauge& GetGauge(std::string_view name, std::string_view help, MetricLabels labels) {
  return Obtain(name, "gauge", help, std::move(labels), &Series::gauge);
}

Histogram& GetHistogram(std::string_view name, std::string_view help, MetricLabels labels) {
  return Obtain(name, "histogram", help, std::move(labels), &Series::histogram);
}

std::string MetricsText() {
  std::string out;
  Registry& registry = Metrics();
  std::lock_guard lock(registry.mutex);
  for (const auto& [name, family] : registry.families) {
    out.append("# HELP ").append(name).append(" ").append(Escaped(family.help, false));
    out.append("\n# TYPE ").append(name).append(" ").append(family.type).append("\n");
    for (const auto& [labels, series] : family.series) {
      if (series.counter != nullptr) {
        AppendSample(name, "", labels, "", static_cast<double>(series.counter->Value()), out);
      } else if (series.gauge != nullptr) {
        AppendSample(name, "", labels, "", series.gauge->Value(), out);
      } else {
        AppendHistogram(name, labels, *series.histogram, out);
      }
    }
  }
  return out;
}

}  // namespace slipway
