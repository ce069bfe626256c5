// Metrics: per-thread counters and histograms, written out as Prometheus text.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// A counter that costs one store to memory of the calling thread's own: no lock, no shared cache
// line. Obtained once (that takes a lock), used for ever; never freed, so labels are from bounded
// sets (services and revisions, never request ids).
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(uint64_t amount) = 0;
  // The sum over all threads, those that ended included. Exact for what happened before the call.
  virtual uint64_t Value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double amount) = 0;  // one atomic addition: not for hot paths
  virtual double Value() const = 0;
};

// Buckets in powers of two with 4 steps each, from 1 us to 100 s: seconds on the outside.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void ObserveNs(uint64_t nanoseconds) = 0;
  virtual uint64_t Count() const = 0;
};

// The same object for the same name and labels (in any order). Thread-safe. CHECKs that the name
// and the labels' names are Prometheus names, and that a name has one type.
Counter& GetCounter(std::string_view name, std::string_view help, MetricLabels labels = {});
Gauge& GetGauge(std::string_view name, std::string_view help, MetricLabels labels = {});
Histogram& GetHistogram(std::string_view name, std::string_view help, MetricLabels labels = {});

// Buckets of histograms, for code that counts in arrays of its own: bucket b < kHistogramBuckets -
// 1 holds what is at most HistogramBoundSeconds(b) and above the bound before, the last one the
// rest. In units of 250 ns the bounds are 4, and then (5 + step) << octave with 4 steps an octave.
inline constexpr size_t kHistogramOctaves = 27;  // 1 us << 27 is 134 s
inline constexpr size_t kHistogramBuckets = 1 + kHistogramOctaves * 4 + 1;
constexpr size_t HistogramBucket(uint64_t nanoseconds) {
  const uint64_t units = nanoseconds / 250 + (nanoseconds % 250 != 0 ? 1 : 0);
  if (units <= 4) return 0;
  const size_t octave = static_cast<size_t>(std::bit_width(units - 1)) - 3;
  const size_t bucket = 1 + octave * 4 + (((units - 1) >> octave) - 4);
  return bucket < kHistogramBuckets ? bucket : kHistogramBuckets - 1;
}
double HistogramBoundSeconds(size_t bucket);

// What a collector writes its series to.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  virtual void Counter(std::string_view name, std::string_view help, const MetricLabels& labels,
                       uint64_t value) = 0;
  virtual void Gauge(std::string_view name, std::string_view help, const MetricLabels& labels,
                     double value) = 0;
  // One count for each bucket, kHistogramBuckets of them.
  virtual void HistogramNs(std::string_view name, std::string_view help, const MetricLabels& labels,
                           std::span<const uint64_t> bucket_counts, uint64_t sum_ns) = 0;
};

// Registered as long as it lives.
class MetricCollection {
 public:
  virtual ~MetricCollection() = default;
};

// For series that come and go: `collect` is called by MetricsText, on its thread and under its
// lock (so it must not ask for metrics itself). Its families are merged with all others by name; of
// two series with the same name and labels the first is kept. The destructor waits for a call
// that runs.
[[nodiscard]] std::unique_ptr<MetricCollection> CollectMetrics(
    std::function<void(MetricSink&)> collect);

// Prometheus text format 0.0.4, families sorted by name, series by labels.
std::string MetricsText();

}  // namespace slipway
