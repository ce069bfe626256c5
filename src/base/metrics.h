// Metrics: per-thread counters and histograms, written out as Prometheus text.
#pragma once

#include <cstdint>
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

// Prometheus text format 0.0.4, families sorted by name, series by labels.
std::string MetricsText();

}  // namespace slipway
