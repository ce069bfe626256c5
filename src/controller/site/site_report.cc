#include "controller/site/site_report.h"

#include <string>

namespace slipway::controller {
namespace {

constexpr std::string_view kReady = "Ready";
constexpr std::string_view kIsolated = "Isolated";

resource::Condition ConditionOf(const runtime::RevisionReport& report) {
  resource::Condition condition{.type = std::string(kReady),
                                .status = "Unknown",
                                .reason = report.reason,
                                .message = report.message};
  if (report.phase == runtime::kPhaseReady) condition.status = "True";
  if (report.phase == runtime::kPhaseFailed) condition.status = "False";
  if (condition.reason.empty()) condition.reason = report.phase;
  return condition;
}

bool IsSame(const resource::RevisionStatus& a, const resource::RevisionStatus& b) {
  if (a.phase != b.phase || a.observed_generation != b.observed_generation ||
      a.load_ms != b.load_ms || a.memory_bytes != b.memory_bytes || a.instances != b.instances ||
      a.accelerator != b.accelerator || a.gpu_memory_bytes != b.gpu_memory_bytes ||
      a.worker != b.worker || a.conditions.size() != b.conditions.size()) {
    return false;
  }
  for (size_t i = 0; i < a.conditions.size(); ++i) {
    const resource::Condition& x = a.conditions[i];
    const resource::Condition& y = b.conditions[i];
    if (x.type != y.type || x.status != y.status || x.reason != y.reason ||
        x.message != y.message) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<resource::RevisionStatus> RevisionStatusAfter(const Revision& revision,
                                                            const runtime::RevisionReport& report) {
  const resource::RevisionStatus& now = revision.status;
  if (report.uid != revision.metadata.uid || now.phase == runtime::kPhaseRetired) {
    return std::nullopt;
  }
  resource::RevisionStatus next;
  next.observed_generation = revision.metadata.generation;
  next.phase = report.phase;
  next.conditions = {ConditionOf(report)};
  next.load_ms = report.load_ms;
  next.memory_bytes = report.memory_bytes;
  next.instances = report.instances;
  next.accelerator = report.accelerator;
  next.gpu_memory_bytes = report.gpu_memory_bytes;
  if (report.worker) {
    next.worker = resource::WorkerStatus{.pid = report.worker->pid,
                                         .processes = report.worker->processes,
                                         .restarts = report.worker->restarts,
                                         .last_end = report.worker->last_end};
  }
  if (!report.isolated.empty()) {
    next.conditions.push_back({.type = std::string(kIsolated),
                               .status = "True",
                               .reason = "BLAMED",
                               .message = report.isolated});
  }
  if (IsSame(now, next)) return std::nullopt;
  return next;
}

resource::SiteStatus SiteStatusAfter(const runtime::SiteReport& report, uint64_t generation) {
  resource::SiteStatus status;
  bool well = report.serve_pid != 0 && report.message.empty();
  status.observed_generation = generation;
  status.phase = well ? "Ready" : "Degraded";
  std::string message = report.message;
  if (message.empty() && !well) message = "The data plane does not run.";
  status.conditions = {{.type = std::string(kReady),
                        .status = well ? "True" : "False",
                        .reason = well                    ? "SERVING"
                                  : report.reason.empty() ? "DATA_PLANE_DOWN"
                                                          : report.reason,
                        .message = message}};
  status.build_id = report.build_id;
  status.pid = report.serve_pid;
  for (const runtime::SiteEndpoint& endpoint : report.endpoints) {
    status.endpoints.push_back({endpoint.name, endpoint.address, endpoint.port, endpoint.tls});
  }
  return status;
}

}  // namespace slipway::controller
