#include "controller/site/desired_state.h"

#include <algorithm>
#include <tuple>

#include "base/format_check.h"

namespace slipway::controller {
namespace {

using resource::InferenceAccess;

std::string_view AccessText(InferenceAccess access) {
  switch (access) {
    case InferenceAccess::kToken:
      return "token";
    case InferenceAccess::kAnonymous:
      return "anonymous";
  }
  return "token";
}

// The ready revision serves whatever its phase is at this moment: serve may be starting anew.
bool IsWanted(const Service& service, const std::set<int64_t>& named, const Revision& revision) {
  const std::string& phase = revision.status.phase;
  if (phase == runtime::kPhaseFailed || phase == runtime::kPhaseRetired) return false;
  const int64_t number = revision.spec.number;
  return number == service.status.ready_revision || number == service.status.latest_revision ||
         named.contains(number);
}

// Checked when it was admitted.
std::optional<runtime::BatchingSettings> BatchingOf(
    const std::optional<resource::BatchingSettings>& in) {
  if (!in) return std::nullopt;
  const auto delay = resource::ParseFineDuration(in->max_queue_delay);
  const auto timeout = resource::ParseFineDuration(in->queue_timeout);
  return runtime::BatchingSettings{
      .max_batch_size = in->max_batch_size,
      .max_queue_delay_us = delay.has_value() ? delay->count() : 0,
      .preferred_sizes = in->preferred_sizes,
      .priority_levels = in->priority_levels,
      .default_priority = in->default_priority,
      .max_queue_size = in->max_queue_size,
      .queue_timeout_us = timeout.has_value() ? timeout->count() : 0,
      .timeout_action = in->timeout_action == resource::TimeoutAction::kDelay ? "delay" : "reject",
      .allow_timeout_override = in->allow_timeout_override};
}

std::string_view AcceleratorText(resource::Accelerator accelerator) {
  switch (accelerator) {
    case resource::Accelerator::kCpu:
      return "cpu";
    case resource::Accelerator::kGpu:
      return "gpu";
    case resource::Accelerator::kGpuPreferred:
      return "gpuPreferred";
  }
  return "cpu";
}

std::string_view MetricText(resource::ScalingMetric metric) {
  switch (metric) {
    case resource::ScalingMetric::kConcurrency:
      return "concurrency";
    case resource::ScalingMetric::kQueue:
      return "queue";
    case resource::ScalingMetric::kRate:
      return "rate";
    case resource::ScalingMetric::kLatencyMs:
      return "latencyMs";
  }
  return "concurrency";
}

// Checked when it was admitted.
std::optional<runtime::ScalingSettings> ScalingOf(const std::optional<resource::ScalingSpec>& in) {
  if (!in) return std::nullopt;
  const auto up = ParseDuration(in->up_window);
  const auto down = ParseDuration(in->down_window);
  return runtime::ScalingSettings{.min_instances = in->min_instances,
                                  .max_instances = in->max_instances,
                                  .metric = std::string(MetricText(in->metric)),
                                  .target = in->target,
                                  .up_window_ms = up.has_value() ? up->count() : 0,
                                  .down_window_ms = down.has_value() ? down->count() : 0};
}

runtime::DesiredPackage PackageOf(const resource::RevisionPackage& package) {
  return {.mount_as = package.mount_as,
          .repository = package.repository,
          .manifest_digest = package.manifest_digest};
}

std::string_view KindOf(const resource::ProgramSettings& program) {
  if (!program.python.empty()) return runtime::kProgramPython;
  return program.protocol == resource::ProgramProtocol::kHttp ? runtime::kProgramHttp
                                                              : runtime::kProgramV2;
}

std::optional<runtime::DesiredProgram> ProgramOf(const resource::RevisionSpec& revision) {
  const std::optional<resource::ProgramSettings>& settings = revision.predictor.program;
  if (!settings) return std::nullopt;
  runtime::DesiredProgram program{.kind = std::string(KindOf(*settings)),
                                  .image = settings->image,
                                  .command = settings->command,
                                  .ready_path = settings->ready_path};
  if (revision.program) program.package = PackageOf(*revision.program);
  // Checked when it was admitted.
  const auto timeout = ParseStartTimeout(*settings);
  if (timeout.has_value()) program.start_timeout_ms = timeout->count();
  return program;
}

runtime::DesiredRevision DesiredOf(const Revision& revision) {
  std::vector<runtime::DesiredPackage> mounts;
  for (const auto& mount : revision.spec.mounts) mounts.push_back(PackageOf(mount));
  return {.number = revision.spec.number,
          .uid = revision.metadata.uid,
          .name = revision.metadata.name,
          .repository = revision.spec.repository,
          .manifest_digest = revision.spec.manifest_digest,
          .threads = revision.spec.predictor.threads,
          .instances = revision.spec.predictor.instances,
          .batching = BatchingOf(revision.spec.predictor.batching),
          .own_process = revision.spec.predictor.isolation == resource::Isolation::kProcess,
          .warmup = revision.spec.predictor.warmup,
          .accelerator = std::string(AcceleratorText(revision.spec.predictor.accelerator)),
          .program = ProgramOf(revision.spec),
          .mounts = std::move(mounts)};
}

}  // namespace

InferenceAccess AccessOf(const DesiredInput& input, const Service& service) {
  if (input.token_only_projects.contains(service.metadata.project)) return InferenceAccess::kToken;
  return service.spec.access.value_or(input.default_access);
}

runtime::DesiredState ComputeDesiredState(const DesiredInput& input) {
  std::map<std::pair<std::string, std::string>, std::vector<const Revision*>> by_service;
  for (const Revision& revision : input.revisions) {
    by_service[{revision.metadata.project, revision.spec.service}].push_back(&revision);
  }
  runtime::DesiredState out;
  for (const Service& service : input.services) {
    if (service.metadata.deleted_at.has_value()) continue;
    std::pair key(service.metadata.project, service.metadata.name);
    InferenceAccess access = AccessOf(input, service);
    runtime::DesiredService desired{
        .project = key.first, .name = key.second, .access = std::string(AccessText(access))};
    // Checked when it was admitted.
    auto timeout = resource::ParseRequestTimeout(service.spec);
    if (timeout.has_value()) desired.timeout_ms = timeout->count();
    auto keys = input.keys.find(key);
    if (access == InferenceAccess::kToken && keys != input.keys.end()) desired.keys = keys->second;
    if (access == InferenceAccess::kAnonymous) desired.limits = service.spec.limits;
    desired.traffic = resource::TrafficOf(service.spec, service.status);
    desired.measured = service.spec.canary.has_value();
    desired.scaling = ScalingOf(service.spec.scaling);
    const std::set<int64_t> named =
        desired.traffic ? routing::NamedRevisions(*desired.traffic) : std::set<int64_t>();
    for (const Revision* revision : by_service[key]) {
      if (IsWanted(service, named, *revision)) desired.revisions.push_back(DesiredOf(*revision));
    }
    std::sort(desired.revisions.begin(), desired.revisions.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    out.services.push_back(std::move(desired));
  }
  std::sort(out.services.begin(), out.services.end(), [](const auto& a, const auto& b) {
    return std::tie(a.project, a.name) < std::tie(b.project, b.name);
  });
  return out;
}

}  // namespace slipway::controller
