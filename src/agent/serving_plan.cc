#include "agent/serving_plan.h"

#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "agent/limits.h"
#include "base/clock.h"
#include "engine/plugin_host.h"

namespace slipway::agent {
namespace {

using runtime::DesiredRevision;
using runtime::DesiredService;
using runtime::RevisionReport;
using runtime::ServingService;

const RevisionState* StateOf(const RevisionStates& revisions, const std::string& uid) {
  auto found = revisions.find(uid);
  return found == revisions.end() ? nullptr : &found->second;
}

void SetProgram(const runtime::DesiredProgram& program, const RevisionState& prepared,
                runtime::ServingRevision& out) {
  out.format = program.kind;
  if (program.kind != runtime::kProgramPython) out.model_file.clear();
  if (program.package) out.digest = program.package->manifest_digest;
  out.program = runtime::ServingProgram{.kind = program.kind,
                                        .path = prepared.model.path,
                                        .command = program.command,
                                        .ready_path = program.ready_path,
                                        .start_timeout_ms = program.start_timeout_ms};
  out.mounts = prepared.mounts;
}

runtime::ServingRevision ServingOf(const DesiredRevision& revision, const RevisionState& prepared) {
  const model::UnpackedModel& model = prepared.model;
  runtime::ServingRevision out{.number = revision.number,
                               .uid = revision.uid,
                               .format = model.format,
                               .path = model.path,
                               .model_file = model.model_file,
                               .digest = revision.manifest_digest,
                               .threads = revision.threads,
                               .instances = revision.instances,
                               .batching = revision.batching,
                               .own_process = revision.own_process,
                               .warmup = revision.warmup,
                               .accelerator = revision.accelerator};
  if (revision.program) SetProgram(*revision.program, prepared, out);
  return out;
}

// What serve can be given, by uid.
std::map<std::string, runtime::ServingRevision> Loadable(const runtime::DesiredState& desired,
                                                         const RevisionStates& revisions,
                                                         const runtime::ServingConfig& served,
                                                         const std::set<std::string>& unproven) {
  std::map<std::string, runtime::ServingRevision> before;
  for (const ServingService& service : served.services) {
    for (const auto& revision : service.revisions) before.emplace(revision.uid, revision);
  }
  std::map<std::string, runtime::ServingRevision> out;
  for (const DesiredService& service : desired.services) {
    for (const DesiredRevision& revision : service.revisions) {
      // Serve has to forget it first: what it is told again it does not load again.
      if (unproven.contains(revision.uid)) continue;
      const RevisionState* state = StateOf(revisions, revision.uid);
      auto same = before.find(revision.uid);
      if (state != nullptr && state->preparation == Preparation::kDone) {
        out.emplace(revision.uid, ServingOf(revision, *state));
      } else if (same != before.end()) {
        out.emplace(revision.uid, same->second);
      }
    }
  }
  return out;
}

// Whether serve said where the revision stands.
bool CopyMeasurement(const std::optional<runtime::ServingStatus>& status, RevisionReport* report) {
  if (!status.has_value()) return false;
  for (const auto& measured : status->revisions) {
    if (measured.uid != report->uid) continue;
    bool settled =
        measured.phase == runtime::kPhaseReady || measured.phase == runtime::kPhaseFailed;
    // A failure that may pass is none yet for the control centre, which would want it no more.
    if (measured.next_try_ms > 0) settled = false;
    report->phase = settled ? std::string_view(measured.phase) : runtime::kPhaseLoading;
    report->reason = measured.reason;
    report->message = measured.message;
    if (measured.next_try_ms > 0) {
      report->message += "; the next try follows at " +
                         FormatRfc3339(WallTime(std::chrono::milliseconds(measured.next_try_ms)));
    }
    report->load_ms = measured.load_ms;
    report->memory_bytes = measured.memory_bytes;
    report->instances = measured.instances;
    report->accelerator = measured.accelerator;
    report->gpu_memory_bytes = measured.gpu_memory_bytes;
    report->worker = measured.worker;
    return true;
  }
  return false;
}

// Phase, reason and message as far as the agent alone knows them.
void FillFromState(const RevisionState* state, RevisionReport* report) {
  report->phase = runtime::kPhasePending;
  if (state == nullptr) return;
  report->reason = state->reason;
  report->message = state->message;
  switch (state->preparation) {
    case Preparation::kWaiting:
      // With a reason it was tried already, and will be again.
      if (!state->reason.empty()) report->phase = runtime::kPhaseFetching;
      return;
    case Preparation::kRunning:
      report->phase = runtime::kPhaseFetching;
      return;
    case Preparation::kFailed:
      report->phase = runtime::kPhaseFailed;
      return;
    case Preparation::kDone:
      report->phase = runtime::kPhaseLoading;
      return;
  }
}

void FillCondemned(RevisionReport* report) {
  report->phase = runtime::kPhaseFailed;
  report->reason = "LOAD_CRASHED";
  report->message =
      "The data plane crashed while it loaded this model, at least " +
      std::to_string(kMaxLoadCrashes) +
      " times: its log says more. It is tried again, in a process of its own, after a pause of " +
      std::to_string(kFirstLoadPause.count()) + " minute, doubled after each further crash.";
}

}  // namespace

std::set<std::string> UnprovenFailures(const std::optional<runtime::ServingStatus>& status,
                                       const std::set<std::string>& given) {
  std::set<std::string> out;
  if (!status.has_value()) return out;
  for (const auto& measured : status->revisions) {
    if (measured.phase == runtime::kPhaseFailed && !given.contains(measured.uid)) {
      out.insert(measured.uid);
    }
  }
  return out;
}

runtime::ServingConfig PlanServing(const runtime::DesiredState& desired,
                                   const RevisionStates& revisions, LoadSuspects& suspects,
                                   const runtime::ServingConfig& served,
                                   const std::set<std::string>& unproven) {
  std::map<std::string, runtime::ServingRevision> loadable =
      Loadable(desired, revisions, served, unproven);
  std::vector<std::string> order;
  for (const DesiredService& service : desired.services) {
    for (const DesiredRevision& revision : service.revisions) {
      if (loadable.contains(revision.uid)) order.push_back(revision.uid);
    }
  }
  std::set<std::string> elsewhere;
  for (const auto& [uid, revision] : loadable) {
    if (engine::RunsElsewhere(revision.format, revision.own_process)) elsewhere.insert(uid);
  }
  std::set<std::string> allowed = suspects.Allowed(order, elsewhere);
  runtime::ServingConfig config;
  for (const DesiredService& service : desired.services) {
    ServingService out{.project = service.project,
                       .name = service.name,
                       .access = service.access,
                       .keys = service.keys,
                       .traffic = service.traffic,
                       .timeout_ms = service.timeout_ms,
                       .measured = service.measured,
                       .scaling = service.scaling,
                       .limits = service.limits};
    for (const DesiredRevision& revision : service.revisions) {
      if (allowed.contains(revision.uid)) out.revisions.push_back(loadable.at(revision.uid));
    }
    config.services.push_back(std::move(out));
  }
  return config;
}

std::vector<RevisionReport> PlanReports(const runtime::DesiredState& desired,
                                        const RevisionStates& revisions,
                                        const LoadSuspects& suspects,
                                        const std::optional<runtime::ServingStatus>& status,
                                        const std::set<std::string>& unproven) {
  std::vector<RevisionReport> out;
  for (const DesiredService& service : desired.services) {
    for (const DesiredRevision& revision : service.revisions) {
      RevisionReport report{.project = service.project, .name = revision.name, .uid = revision.uid};
      if (suspects.IsCondemned(revision.uid)) {
        FillCondemned(&report);
      } else if (unproven.contains(revision.uid) || !CopyMeasurement(status, &report)) {
        FillFromState(StateOf(revisions, revision.uid), &report);
      }
      out.push_back(std::move(report));
    }
  }
  return out;
}

void AddFigures(const std::vector<runtime::RevisionFigures>& figures,
                std::vector<RevisionReport>* reports) {
  if (figures.empty()) return;
  std::map<std::string_view, const runtime::RevisionFigures*> by_uid;
  for (const runtime::RevisionFigures& one : figures) by_uid.emplace(one.uid, &one);
  for (RevisionReport& report : *reports) {
    const auto found = by_uid.find(report.uid);
    if (found != by_uid.end()) report.figures = *found->second;
  }
}

void MarkUnknown(const std::string& message, std::vector<RevisionReport>* reports) {
  for (RevisionReport& report : *reports) {
    if (report.phase != runtime::kPhaseReady && report.phase != runtime::kPhaseLoading) continue;
    report.phase = runtime::kPhaseUnknown;
    report.reason = kNotAnswering;
    report.message = message;
  }
}

void Isolate(const BlameLedger& blames, runtime::ServingConfig* config) {
  for (ServingService& service : config->services) {
    for (runtime::ServingRevision& revision : service.revisions) {
      if (blames.IsIsolated(revision.uid)) revision.own_process = true;
    }
  }
}

void MarkIsolated(const BlameLedger& blames, std::vector<RevisionReport>* reports) {
  for (RevisionReport& report : *reports) {
    if (!blames.IsIsolated(report.uid)) continue;
    report.isolated = "The data plane ended " + std::to_string(kMaxBlames) + " times within " +
                      std::to_string(kBlameWindow.count()) +
                      " minutes while it ran this model, or while it loaded it, or so many runs "
                      "of it did not end with their time. It has a process of its own since then: "
                      "set predictor.isolation to process to keep "
                      "it so, or deploy a model that does not crash.";
  }
}

void HoldNewcomers(const std::set<std::string>& known, std::vector<RevisionReport>* reports) {
  for (RevisionReport& report : *reports) {
    if (report.phase != runtime::kPhaseReady || known.contains(report.uid)) continue;
    report.phase = runtime::kPhaseLoading;
    report.message = "It is loaded, and the data plane of before has yet to end.";
  }
}

}  // namespace slipway::agent
