#include "agent/agent_loop.h"

#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/limits.h"
#include "agent/report_text.h"
#include "agent/serving_plan.h"
#include "async/deadline.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "runtime/site_folder.h"

namespace slipway::agent {
namespace {

using runtime::ServingConfig;
using runtime::ServingStatus;
using std::chrono::milliseconds;

constexpr Backoff::Options kLinkBackoff{
    .first = milliseconds(200), .second = milliseconds(1'000), .longest = milliseconds(30'000)};
constexpr milliseconds kWriteAgain{2'000};  // after a serving.json that could not be written

// Without the generation, which rises with each write.
std::string ContentOf(const ServingConfig& config) {
  ServingConfig copy = config;
  copy.generation = 0;
  return DumpJson(Encode(copy));
}

Result<ServingConfig> ReadServing(FileSystem& files, const std::string& path) {
  auto config = runtime::ReadServingConfig(files, path);
  if (config.has_value() || config.error().reason() == "FORMAT_NEWER") return config;
  if (config.error().code() != Code::kNotFound) {
    LogError("failed to read serving.json, it is written anew", {{"error", config.error()}});
  }
  return ServingConfig{};
}

}  // namespace

Agent::Loop::Loop(AgentOptions options, AgentDependencies dependencies)
    : options_(std::move(options)),
      dependencies_(std::move(dependencies)),
      group_(dependencies_.executor),
      wakeup_(dependencies_.executor) {}

Task<Result<void>> Agent::Loop::Start() {
  CO_TRY_VOID(co_await Open());
  auto changed = [this] {
    UpdateView();
    wakeup_.Notify();
  };
  preparer_.emplace(
      RevisionPreparer::Dependencies{dependencies_.link, dependencies_.content,
                                     options_.unpacked_folder, options_.unpacked_limit_bytes,
                                     dependencies_.files, dependencies_.pool, dependencies_.clock,
                                     dependencies_.executor, dependencies_.check_room},
      changed);
  keeper_.emplace(
      options_.serve,
      ServeKeeper::Dependencies{dependencies_.driver, *records_, dependencies_.files,
                                dependencies_.clock, dependencies_.pool, dependencies_.executor},
      ServeKeeper::Events{.changed = changed,
                          .name_of = [this](const std::string& uid) { return NameOf(uid); },
                          .ended = [this](const ServeEnd& end) { ServeEnded(end); }});
  auto started = co_await keeper_->Start(serving_.generation);
  if (started.has_error()) {
    co_await keeper_->Stop(/*end_serve=*/false);
    co_return started.error();
  }
  UpdateView();
  preparer_->Start();
  group_.Start([this] { return FollowDesired(); });
  group_.Start([this] { return Reconcile(); });
  co_return Result<void>();
}

// Folders, records, and the serving.json of the last time.
Task<Result<void>> Agent::Loop::Open() {
  auto opened = co_await dependencies_.pool.Run([this]() -> Result<void> {
    const std::string& folder = options_.serve.folder;
    TRY_VOID(dependencies_.files.MakeDirectories(runtime::LogFolder(folder)));
    TRY_VOID(dependencies_.files.MakeDirectories(options_.unpacked_folder));
    TRY(records, SiteRecords::Open(dependencies_.site));
    TRY(serving, ReadServing(dependencies_.files, runtime::ServingPath(folder)));
    records_ = std::move(records);
    serving_ = std::move(serving);
    const std::vector<std::string> isolated = records_->Get().isolated;
    blames_ = BlameLedger({isolated.begin(), isolated.end()});
    for (const auto& service : serving_.services) {
      for (const auto& revision : service.revisions) inherited_.insert(revision.uid);
    }
    return {};
  });
  co_return opened;
}

Task<void> Agent::Loop::FollowDesired() {
  Backoff backoff(kLinkBackoff);
  uint64_t known = 0;
  while (!co_await IsCancelled()) {
    auto desired = co_await dependencies_.link.Desired(known);
    if (desired.has_value()) {
      backoff.Succeeded();
      known = desired->version;
      preparer_->Want(*desired);
      desired_ = std::move(*desired);
      wakeup_.Notify();
      continue;
    }
    if (co_await IsCancelled()) co_return;
    LogWarning("failed to get the desired state", {{"error", desired.error()}});
    if (!co_await SleepFor(backoff.Failed(dependencies_.clock.Steady()))) co_return;
  }
}

Task<void> Agent::Loop::Reconcile() {
  while (!co_await IsCancelled()) {
    // Until the control centre has spoken, what is served stays as it is.
    if (desired_.has_value()) {
      co_await UpdateServing();
      co_await SendReport();
      co_await SweepNowAndThen();
    }
    milliseconds pause = kReportInterval;
    if (!serving_problem_.empty()) pause = kWriteAgain;
    co_await wakeup_.WaitFor(pause);
  }
}

Task<void> Agent::Loop::UpdateServing() {
  const std::optional<ServingStatus>& status = keeper_->status();
  if (status.has_value()) {
    suspects_.ServeSaid(*status);
    co_await BlameThoseThatHang(*status);
  }
  std::set<std::string> uids;
  for (const auto& [uid, state] : preparer_->states()) uids.insert(uid);
  suspects_.Keep(uids);
  suspects_.Pardon(dependencies_.clock.Steady());
  if (blames_.Keep(uids)) co_await RecordIsolated();
  std::erase_if(given_, [&uids](const std::string& uid) { return !uids.contains(uid); });
  ServingConfig next = PlanServing(*desired_, preparer_->states(), suspects_, serving_,
                                   UnprovenFailures(status, given_));
  Isolate(blames_, &next);
  bool first = serving_.generation == 0;
  if (!first && ContentOf(next) == ContentOf(serving_)) {
    serving_problem_.clear();  // what could not be written is not wished any more
    // Serve may have missed a signal.
    if (status.has_value() && status->generation < serving_.generation && keeper_->answers() &&
        dependencies_.clock.Steady() - reloaded_at_ >= kReportInterval) {
      reloaded_at_ = dependencies_.clock.Steady();
      keeper_->Reload(serving_.generation);
    }
    co_return;
  }
  next.generation = serving_.generation;
  // A damaged file was replaced: serve may have seen a greater generation than the file says now.
  if (status.has_value()) next.generation = std::max(next.generation, status->generation);
  ++next.generation;
  CRASH_POINT("agent.serving_unwritten");
  auto written = co_await dependencies_.pool.Run([this, &next] {
    return runtime::WriteServingConfig(dependencies_.files,
                                       runtime::ServingPath(options_.serve.folder), next);
  });
  if (written.has_error()) {
    LogError("failed to write serving.json", {{"error", written.error()}});
    serving_problem_ = "serving.json cannot be written: " + ReportText(written.error()) + ".";
    co_return;
  }
  CRASH_POINT("agent.serving_written");
  serving_problem_.clear();
  NoteGiven(serving_, next);
  serving_ = std::move(next);
  reloaded_at_ = dependencies_.clock.Steady();
  keeper_->Reload(serving_.generation);
  CRASH_POINT("agent.serving_signalled");
}

void Agent::Loop::NoteGiven(const ServingConfig& before, const ServingConfig& now) {
  std::set<std::string> known;
  for (const auto& service : before.services) {
    for (const auto& revision : service.revisions) known.insert(revision.uid);
  }
  for (const auto& service : now.services) {
    for (const auto& revision : service.revisions) {
      if (!known.contains(revision.uid)) given_.insert(revision.uid);
    }
  }
}

Task<void> Agent::Loop::SendReport() {
  runtime::SiteReport report = MakeReport();
  std::string text = DumpJson(Encode(report));
  SteadyTime now = dependencies_.clock.Steady();
  if (text == reported_ && now - reported_at_ < kReportInterval) co_return;
  auto taken = co_await dependencies_.link.Report(std::move(report));
  reported_at_ = now;
  if (taken.has_value()) {
    reported_ = std::move(text);
    CRASH_POINT("agent.reported");
    co_return;
  }
  reported_.clear();
  if (taken.error().code() != Code::kCancelled) {
    LogWarning("failed to report to the control centre", {{"error", taken.error()}});
  }
  co_await SleepFor(kLinkBackoff.first);
  wakeup_.Notify();
}

Task<void> Agent::Loop::SweepNowAndThen() {
  SteadyTime now = dependencies_.clock.Steady();
  if (swept_at_.has_value() && now - *swept_at_ < kSweepInterval) co_return;
  swept_at_ = now;
  co_await preparer_->Sweep(serving_);
}

runtime::SiteReport Agent::Loop::MakeReport() const {
  const std::optional<ServingStatus>& status = keeper_->status();
  runtime::SiteReport report{.site = options_.site, .build_id = options_.serve.build_id};
  report.serve_pid = keeper_->pid();
  if (status.has_value()) report.serving_generation = status->generation;
  report.message = serving_problem_.empty() ? keeper_->message() : serving_problem_;
  report.endpoints = keeper_->endpoints();
  report.revisions = PlanReports(*desired_, preparer_->states(), suspects_, status,
                                 UnprovenFailures(status, given_));
  AddFigures(keeper_->figures(), &report.revisions);
  MarkIsolated(blames_, &report.revisions);
  if (keeper_->is_refused() && serving_problem_.empty()) report.reason = kHandOverRefused;
  if (!keeper_->answers()) {
    report.reason = kNotAnswering;
    report.message = keeper_->message();
    MarkUnknown(report.message, &report.revisions);
  }
  // What a predecessor has never heard of is not ready while it may still be asked.
  if (keeper_->has_predecessor()) HoldNewcomers(inherited_, &report.revisions);
  return report;
}

std::string Agent::Loop::NameOf(const std::string& uid) const {
  for (const auto& service : serving_.services) {
    for (const auto& revision : service.revisions) {
      if (revision.uid != uid) continue;
      return service.project + "/" + service.name + " revision " + std::to_string(revision.number);
    }
  }
  return "revision " + uid;
}

void Agent::Loop::ServeEnded(const ServeEnd& end) {
  const SteadyTime now = dependencies_.clock.Steady();
  blames_.ServeEnded();
  const std::string condemned = suspects_.ServeEnded(serving_, end, now);
  if (!end.blamed.empty()) {
    LogError("a revision is to blame for the end of the data plane", {{"revision", end.blamed}});
  }
  const bool is_blamed = !end.blamed.empty() && blames_.Blamed(end.blamed, now);
  // The next try is to end nobody else.
  const bool is_condemned = !condemned.empty() && blames_.Isolate(condemned);
  if (!is_blamed && !is_condemned) return;
  LogWarning("the revision gets a process of its own",
             {{"revision", is_blamed ? end.blamed : condemned}});
  group_.Start([this] { return RecordIsolated(); });
  wakeup_.Notify();
}

Task<void> Agent::Loop::BlameThoseThatHang(ServingStatus status) {
  std::map<std::string, int64_t> runs;  // one that moves to a process of its own is there twice
  for (const auto& revision : status.revisions) runs[revision.uid] += revision.hung_runs;
  bool changed = false;
  for (const auto& [uid, count] : runs) {
    if (!blames_.Hangs(uid, count, dependencies_.clock.Steady())) continue;
    LogWarning("runs hang: the revision gets a process of its own",
               {{"revision", uid}, {"runs", count}});
    changed = true;
  }
  if (changed) co_await RecordIsolated();
}

Task<void> Agent::Loop::RecordIsolated() {
  const std::vector<std::string> isolated(blames_.isolated().begin(), blames_.isolated().end());
  const auto written = co_await dependencies_.pool.Run([this, &isolated] {
    return records_->Update([&isolated](SiteRecord& record) { record.isolated = isolated; });
  });
  if (written.has_error()) LogError("failed to write site.db", {{"error", written.error()}});
}

void Agent::Loop::UpdateView() {
  AgentView view;
  view.endpoints = keeper_->endpoints();
  view.serve_pid = keeper_->pid();
  view.serve_up = keeper_->status().has_value() && keeper_->answers();
  if (view.serve_up) view.serving_generation = keeper_->status()->generation;
  view_.With([&view](AgentView& shared) { shared = std::move(view); });
}

Task<Result<void>> Agent::Loop::Stop(StopMode mode) {
  co_await group_.Stop();
  if (preparer_.has_value()) co_await preparer_->Stop();
  if (keeper_.has_value()) co_await keeper_->Stop(mode == StopMode::kEndServe);
  co_return Result<void>();
}

}  // namespace slipway::agent
