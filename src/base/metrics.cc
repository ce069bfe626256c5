#include "base/metrics.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/metrics_cells.h"

namespace slipway {
namespace {

using metrics::CellSpace;
using metrics::CurrentCells;

constexpr size_t kHistogramCells = kHistogramBuckets + 1;  // and the sum in ns

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
    cells.Add(first_ + HistogramBucket(nanoseconds), 1);
    cells.Add(first_ + kHistogramBuckets, nanoseconds);
  }
  uint64_t Count() const override {
    const std::vector<uint64_t> cells = Cells();
    uint64_t count = 0;
    for (size_t i = 0; i < kHistogramBuckets; ++i) count += cells[i];
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
using Collect = std::function<void(MetricSink&)>;
struct Registry {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
  std::map<uint64_t, Collect> collectors;  // in order of registration
  uint64_t next_collector = 0;
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

void AppendHistogram(std::string_view name, std::string_view labels,
                     std::span<const uint64_t> buckets, uint64_t sum_ns, std::string& out) {
  CHECK(buckets.size() == kHistogramBuckets);
  uint64_t below = 0;
  for (size_t bucket = 0; bucket + 1 < kHistogramBuckets; ++bucket) {
    below += buckets[bucket];
    std::string bound = "le=\"";
    AppendNumber(HistogramBoundSeconds(bucket), bound);
    bound += '"';
    AppendSample(name, "_bucket", labels, bound, static_cast<double>(below), out);
  }
  below += buckets.back();
  AppendSample(name, "_bucket", labels, "le=\"+Inf\"", static_cast<double>(below), out);
  AppendSample(name, "_sum", labels, "", static_cast<double>(sum_ns) / 1e9, out);
  AppendSample(name, "_count", labels, "", static_cast<double>(below), out);
}

// One text in the making: families by name, series by label text.
class TextSink final : public MetricSink {
 public:
  void Counter(std::string_view name, std::string_view help, const MetricLabels& labels,
               uint64_t value) override {
    AddSample(name, "counter", help, LabelText(labels), static_cast<double>(value));
  }
  void Gauge(std::string_view name, std::string_view help, const MetricLabels& labels,
             double value) override {
    AddSample(name, "gauge", help, LabelText(labels), value);
  }
  void HistogramNs(std::string_view name, std::string_view help, const MetricLabels& labels,
                   std::span<const uint64_t> bucket_counts, uint64_t sum_ns) override {
    AddHistogram(name, help, LabelText(labels), bucket_counts, sum_ns);
  }
  void AddSeries(const std::string& name, const Family& family, const std::string& labels,
                 const Series& series) {
    if (series.counter != nullptr) {
      AddSample(name, family.type, family.help, labels,
                static_cast<double>(series.counter->Value()));
    } else if (series.gauge != nullptr) {
      AddSample(name, family.type, family.help, labels, series.gauge->Value());
    } else {
      const std::vector<uint64_t> cells = series.histogram->Cells();
      AddHistogram(name, family.help, labels, std::span(cells).first(kHistogramBuckets),
                   cells.back());
    }
  }
  std::string Text() const {
    std::string out;
    for (const auto& [name, family] : families_) {
      out.append("# HELP ").append(name).append(" ").append(Escaped(family.help, false));
      out.append("\n# TYPE ").append(name).append(" ").append(family.type).append("\n");
      for (const auto& [labels, lines] : family.series) out += lines;
    }
    return out;
  }

 private:
  struct Lines {
    std::string type;
    std::string help;
    std::map<std::string, std::string> series;
  };

  void AddSample(std::string_view name, std::string_view type, std::string_view help,
                 const std::string& labels, double value) {
    std::string lines;
    AppendSample(name, "", labels, "", value, lines);
    Add(name, type, help, labels, std::move(lines));
  }
  void AddHistogram(std::string_view name, std::string_view help, const std::string& labels,
                    std::span<const uint64_t> buckets, uint64_t sum_ns) {
    std::string lines;
    AppendHistogram(name, labels, buckets, sum_ns, lines);
    Add(name, "histogram", help, labels, std::move(lines));
  }
  void Add(std::string_view name, std::string_view type, std::string_view help,
           const std::string& labels, std::string lines) {
    CHECK_NOTE(IsMetricName(name), name);
    auto [family, is_new] = families_.try_emplace(std::string(name));
    if (is_new) {
      family->second.type = type;
      family->second.help = help;
    }
    CHECK_NOTE(family->second.type == type, name);
    family->second.series.try_emplace(labels, std::move(lines));
  }

  std::map<std::string, Lines, std::less<>> families_;
};

class Registration final : public MetricCollection {
 public:
  explicit Registration(Collect collect) {
    Registry& registry = Metrics();
    std::lock_guard lock(registry.mutex);
    number_ = registry.next_collector++;
    registry.collectors.emplace(number_, std::move(collect));
  }
  ~Registration() override {
    Registry& registry = Metrics();
    std::lock_guard lock(registry.mutex);
    registry.collectors.erase(number_);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  uint64_t number_ = 0;
};

}  // namespace

double HistogramBoundSeconds(size_t bucket) {
  if (bucket == 0) return 1e-6;
  const size_t octave = (bucket - 1) / 4;
  const size_t step = (bucket - 1) % 4;
  return static_cast<double>(((5 + step) << octave) * 250) / 1e9;
}

Counter& GetCounter(std::string_view name, std::string_view help, MetricLabels labels) {
  return Obtain(name, "counter", help, std::move(labels), &Series::counter);
}

Gauge& GetGauge(std::string_view name, std::string_view help, MetricLabels labels) {
  return Obtain(name, "gauge", help, std::move(labels), &Series::gauge);
}

Histogram& GetHistogram(std::string_view name, std::string_view help, MetricLabels labels) {
  return Obtain(name, "histogram", help, std::move(labels), &Series::histogram);
}

std::unique_ptr<MetricCollection> CollectMetrics(std::function<void(MetricSink&)> collect) {
  return std::make_unique<Registration>(std::move(collect));
}

std::string MetricsText() {
  TextSink sink;
  Registry& registry = Metrics();
  std::lock_guard lock(registry.mutex);
  for (const auto& [name, family] : registry.families) {
    for (const auto& [labels, series] : family.series) {
      sink.AddSeries(name, family, labels, series);
    }
  }
  for (const auto& [number, collect] : registry.collectors) collect(sink);
  return sink.Text();
}

}  // namespace slipway
