#include "gateway/revision_metrics.h"

#include <array>
#include <bit>
#include <map>
#include <string>
#include <string_view>

#include "gateway/shadow.h"

namespace slipway::gateway {
namespace {

// The sum of one counter over the cores.
template <class Get>
uint64_t Sum(const RevisionRuntime& revision, Get get) {
  uint64_t sum = 0;
  for (const Lane& lane : revision.lanes()) sum += get(lane.counters).Value();
  return sum;
}

struct Row {
  std::string_view name;
  std::string_view help;
  OwnedCounter RequestCounters::* counter;
  uint64_t divisor;
};

constexpr std::array kRows = {
    Row{"nv_inference_request_success", "Successful inference requests.", &RequestCounters::success,
        1},
    Row{"nv_inference_count", "Inferences performed.", &RequestCounters::inferences, 1},
    Row{"nv_inference_request_duration_us", "Time of successful requests, in microseconds.",
        &RequestCounters::request_ns, 1000},
    Row{"nv_inference_queue_duration_us", "Time that requests waited, in microseconds.",
        &RequestCounters::queue_ns, 1000},
    Row{"nv_inference_compute_input_duration_us", "Time to read inputs, in microseconds.",
        &RequestCounters::compute_input_ns, 1000},
    Row{"nv_inference_compute_infer_duration_us", "Time of the model's runs, in microseconds.",
        &RequestCounters::compute_infer_ns, 1000},
    Row{"nv_inference_compute_output_duration_us", "Time to write outputs, in microseconds.",
        &RequestCounters::compute_output_ns, 1000},
};

constexpr std::array<std::string_view, kFailures> kReasons = {"REJECTED", "CANCELED", "BACKEND",
                                                              "OTHER"};

struct Phase {
  std::string_view name;
  std::string_view help;
  std::array<OwnedCounter, kHistogramBuckets> RequestCounters::* buckets;
  OwnedCounter RequestCounters::* sum_ns;
};

constexpr std::array kPhases = {
    Phase{"slipway_inference_request_duration_seconds",
          "Time of successful requests, from the head's arrival to the answer.",
          &RequestCounters::latency, &RequestCounters::request_ns},
    Phase{"slipway_inference_queue_duration_seconds",
          "Time that successful requests waited for their runs.", &RequestCounters::queue,
          &RequestCounters::queue_ns},
    Phase{"slipway_inference_compute_duration_seconds", "Time of the runs of successful requests.",
          &RequestCounters::compute, &RequestCounters::compute_infer_ns},
};

void WritePhases(const RevisionRuntime& revision, const MetricLabels& labels, MetricSink& sink) {
  for (const Phase& phase : kPhases) {
    std::array<uint64_t, kHistogramBuckets> buckets{};
    for (const Lane& lane : revision.lanes()) {
      const auto& counted = lane.counters.*phase.buckets;
      for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += counted[i].Value();
    }
    sink.HistogramNs(phase.name, phase.help, labels, buckets,
                     Sum(revision, [&](const RequestCounters& counters) -> const OwnedCounter& {
                       return counters.*phase.sum_ns;
                     }));
  }
}

// Model executions, and by their rows where requests share them.
void WriteRuns(const RevisionRuntime& revision, const MetricLabels& labels, MetricSink& sink) {
  uint64_t executions = 0;
  uint64_t infer_ns = 0;
  std::map<uint64_t, uint64_t> by_class;  // by the power of two that is not below the rows
  for (const auto& [rows, stat] : revision.batch_stats()) {
    executions += stat.runs;
    infer_ns += stat.infer_ns;
    by_class[std::bit_ceil(rows)] += stat.runs;
  }
  sink.Counter("nv_inference_exec_count", "Model executions.", labels, executions);
  sink.Counter("slipway_inference_exec_duration_us", "Time of the model executions, each once.",
               labels, infer_ns / 1000);
  if (revision.batcher().max_rows() < 2) return;
  for (const auto& [most, runs] : by_class) {
    MetricLabels with_rows = labels;
    with_rows.emplace_back("rows", std::to_string(most));
    sink.Counter("slipway_inference_batch_runs",
                 "Model executions of at most so many rows, and more than half of that.", with_rows,
                 runs);
  }
}

void Write(const RevisionRuntime& revision, MetricSink& sink) {
  const MetricLabels labels = {{"model", revision.service()},
                               {"namespace", revision.project()},
                               {"version", revision.version()}};
  for (const Row& row : kRows) {
    sink.Counter(row.name, row.help, labels,
                 Sum(revision, [&](const RequestCounters& counters) -> const OwnedCounter& {
                   return counters.*row.counter;
                 }) / row.divisor);
  }
  WriteRuns(revision, labels, sink);
  sink.Gauge("slipway_inference_hung_runs",
             "Runs that hold an engine thread although their time was over long ago.", labels,
             static_cast<double>(revision.batcher().CountHung()));
  for (size_t i = 0; i < kFailures; ++i) {
    MetricLabels with_reason = labels;
    with_reason.emplace_back("reason", kReasons[i]);
    sink.Counter("nv_inference_request_failure", "Failed inference requests.", with_reason,
                 Sum(revision, [i](const RequestCounters& counters) -> const OwnedCounter& {
                   return counters.failure[i];
                 }));
  }
  sink.Gauge("nv_inference_pending_request_count",
             "Requests that wait for an engine thread or run.", labels,
             static_cast<double>(revision.Pending()));
  sink.Gauge("slipway_inference_instances", "Runs that there may be at the same time.", labels,
             static_cast<double>(revision.instances()));
  sink.Gauge("slipway_inference_waiting_request_count",
             "Of the pending requests, those that wait for a run.", labels,
             static_cast<double>(revision.batcher().waiting()));
  sink.Gauge("slipway_inference_model_memory_bytes", "Memory that loading the model took.", labels,
             static_cast<double>(revision.model().memory_bytes()));
  if (revision.model().gpu()) {
    sink.Gauge("slipway_inference_model_gpu_memory_bytes",
               "Memory of the GPU that loading the model took.", labels,
               static_cast<double>(revision.model().gpu_memory_bytes()));
  }
  WritePhases(revision, labels, sink);
  WriteShadowMetrics(revision, sink);
}

// Takes the series of one revision down, under names without the labels that all of them have.
class FigureSink final : public MetricSink {
 public:
  explicit FigureSink(runtime::RevisionFigures& figures) : figures_(figures) {}

  void Counter(std::string_view name, std::string_view, const MetricLabels& labels,
               uint64_t value) override {
    figures_.counters[NameOf(name, labels)] = static_cast<double>(value);
  }
  void Gauge(std::string_view name, std::string_view, const MetricLabels& labels,
             double value) override {
    figures_.gauges[NameOf(name, labels)] = value;
  }
  void HistogramNs(std::string_view name, std::string_view, const MetricLabels& labels,
                   std::span<const uint64_t> bucket_counts, uint64_t) override {
    size_t used = bucket_counts.size();
    while (used > 0 && bucket_counts[used - 1] == 0) --used;
    figures_.histograms[NameOf(name, labels)].assign(bucket_counts.begin(),
                                                     bucket_counts.begin() + ptrdiff_t(used));
  }

 private:
  static std::string NameOf(std::string_view name, const MetricLabels& labels) {
    std::string out(name);
    char before = '{';
    for (const auto& [label, value] : labels) {
      if (label == "model" || label == "namespace" || label == "version") continue;
      out.append(1, before).append(label).append("=\"").append(value).append("\"");
      before = ',';
    }
    if (before == ',') out += '}';
    return out;
  }

  runtime::RevisionFigures& figures_;
};

runtime::RevisionFigures FiguresOf(const RevisionRuntime& revision) {
  runtime::RevisionFigures figures{.uid = revision.settings().uid, .since_ms = revision.since_ms()};
  for (size_t i = 0; i < kFailures; ++i) {
    if (i == static_cast<size_t>(Failure::kCanceled)) continue;
    figures.failures += Sum(revision, [i](const RequestCounters& counters) -> const OwnedCounter& {
      return counters.failure[i];
    });
  }
  figures.requests =
      figures.failures + Sum(revision, [](const RequestCounters& counters) -> const auto& {
        return counters.success;
      });
  FigureSink sink(figures);
  Write(revision, sink);
  return figures;
}

}  // namespace

std::vector<runtime::RevisionFigures> MeasuredFigures(const Reconciler& reconciler) {
  std::vector<runtime::RevisionFigures> out;
  reconciler.Visit([&out](const RevisionRuntime& revision) {
    if (revision.is_measured()) out.push_back(FiguresOf(revision));
  });
  return out;
}

std::unique_ptr<MetricCollection> CollectRevisionMetrics(const Reconciler& reconciler) {
  return CollectMetrics([&reconciler](MetricSink& sink) {
    reconciler.Visit([&sink](const RevisionRuntime& revision) { Write(revision, sink); });
  });
}

}  // namespace slipway::gateway
