#include "gateway/v2/statistics.h"

#include <string>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/revision_statistics.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"

namespace slipway::gateway::v2 {
namespace {

using net::HttpRequest;
using net::HttpResponse;

Json Duration(uint64_t count, uint64_t ns) {
  return {{"count", count}, {"ns", ns}};
}

Json StatisticsJson(const Environment& environment, const RevisionRuntime& revision) {
  const RevisionStatistics statistics = StatisticsOf(revision, environment.clock);
  const uint64_t count = statistics.success;
  Json batches = Json::array();
  for (const BatchStatistics& batch : statistics.batches) {
    batches.push_back({{"batch_size", batch.size},
                       {"compute_input", Duration(batch.executions, batch.input_ns)},
                       {"compute_infer", Duration(batch.executions, batch.infer_ns)},
                       {"compute_output", Duration(batch.executions, batch.output_ns)}});
  }
  Json memory = Json::array();
  memory.push_back({{"type", "CPU"}, {"id", 0}, {"byte_size", statistics.memory_bytes}});
  if (statistics.gpu_memory_bytes) {
    memory.push_back({{"type", "GPU"}, {"id", 0}, {"byte_size", *statistics.gpu_memory_bytes}});
  }
  return {{"name", revision.service()},
          {"version", revision.version()},
          {"last_inference", statistics.last_inference_ms},
          {"inference_count", statistics.inferences},
          {"execution_count", statistics.executions},
          {"inference_stats",
           {{"success", Duration(count, statistics.request_ns)},
            {"fail", Duration(statistics.failures, statistics.failure_ns)},
            {"queue", Duration(count, statistics.queue_ns)},
            {"compute_input", Duration(count, statistics.input_ns)},
            {"compute_infer", Duration(count, statistics.infer_ns)},
            {"compute_output", Duration(count, statistics.output_ns)},
            {"cache_hit", Duration(0, 0)},
            {"cache_miss", Duration(0, 0)}}},
          {"response_stats", Json::object()},
          {"batch_stats", std::move(batches)},
          {"memory_usage", std::move(memory)}};
}

HttpResponse Answer(Json statistics) {
  return HttpResponse::Json(200, DumpJson({{"model_stats", std::move(statistics)}}));
}

}  // namespace

HttpResponse ModelStatistics(Environment& environment, HttpRequest& request) {
  CoreSlot& core = environment.slots.current();
  Json statistics = Json::array();
  if (HasVersion(request)) {
    const Result<RevisionRuntime*> revision = FindRevision(core, request);
    if (revision.has_error()) return ErrorResponse(revision.error());
    statistics.push_back(StatisticsJson(environment, **revision));
  } else {
    const Result<const ServiceEntry*> service = FindService(core, request);
    if (service.has_error()) return ErrorResponse(service.error());
    for (const RevisionRuntime* revision : (*service)->ready) {
      statistics.push_back(StatisticsJson(environment, *revision));
    }
  }
  return Answer(std::move(statistics));
}

HttpResponse AllStatistics(Environment& environment, HttpRequest& request) {
  const std::string_view project = ProjectOf(request);
  Json statistics = Json::array();
  VisitAllowed(environment, request.Header("authorization"), [&](const ServiceEntry& service) {
    if (service.project != project) return;
    for (const RevisionRuntime* revision : service.ready) {
      statistics.push_back(StatisticsJson(environment, *revision));
    }
  });
  return Answer(std::move(statistics));
}

}  // namespace slipway::gateway::v2
