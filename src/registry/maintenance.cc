#include "registry/maintenance.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "async/deadline.h"
#include "base/log.h"
#include "base/metrics.h"
#include "registry/core.h"
#include "registry/limits.h"

namespace slipway::registry {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kCollectionKey = "registry/collection";
constexpr std::string_view kScrubKey = "registry/scrub";
constexpr milliseconds kShortestSleep{10};
// So often the position of a scrub is kept.
constexpr std::chrono::seconds kSavedEvery{30};

const CallContext& Context() {
  static const CallContext context = CallContext::System("registry/maintenance");
  return context;
}

// Keeps work to so much a second on average.
class Pace {
 public:
  Pace(const RegistryOptions& options, uint64_t rate)
      : options_(options), rate_(rate), begin_(options.clock->Steady()) {}

  // False if the task was cancelled.
  Task<bool> Spent(uint64_t amount) {
    spent_ += amount;
    const auto due = begin_ + milliseconds(rate_ == 0 ? 0 : spent_ * 1000 / rate_);
    const auto rest = std::chrono::duration_cast<milliseconds>(due - options_.clock->Steady());
    const auto& pause = options_.sleep;
    co_return co_await pause(rest < kShortestSleep ? milliseconds(0) : rest);
  }

 private:
  const RegistryOptions& options_;
  const uint64_t rate_;
  const SteadyTime begin_;
  uint64_t spent_ = 0;
};

uint64_t WorkOf(const CollectionReport& report) {
  return report.examined + report.blobs.count + report.objects.count + report.aliases;
}

// Until the next run that follows one which began then; a clock that jumped counts as no time.
milliseconds UntilNext(Clock& clock, std::optional<WallTime> last, milliseconds interval) {
  if (!last) return milliseconds(0);
  const milliseconds since = clock.Wall() - *last;
  if (since < milliseconds(0)) return interval;
  return std::max(interval - since, milliseconds(0));
}

void CountCollection(const CollectionReport& report) {
  static Counter& runs = GetCounter("slipway_registry_collections_total", "Collections of garbage",
                                    {{"result", "done"}});
  static Counter& failures = GetCounter("slipway_registry_collections_total",
                                        "Collections of garbage", {{"result", "failed"}});
  static Counter& objects =
      GetCounter("slipway_registry_collected_objects_total", "Objects that collections removed");
  static Counter& bytes =
      GetCounter("slipway_registry_collected_bytes_total", "Bytes that collections freed");
  static Gauge& finished =
      GetGauge("slipway_registry_collection_timestamp_seconds", "When the last collection began");
  (report.error.empty() ? runs : failures).Add(1);
  objects.Add(report.objects.count);
  bytes.Add(report.objects.bytes);
  finished.Set(static_cast<double>(report.started_at.time_since_epoch().count()) / 1000);
}

void LogCollection(const CollectionReport& report) {
  const bool whole = report.error.empty();
  Log(whole ? LogLevel::kInfo : LogLevel::kWarning,
      whole ? "collected the registry's garbage"
            : "the registry's garbage was not collected to the end",
      {{"dry_run", report.dry_run},
       {"blobs", report.blobs.count},
       {"objects", report.objects.count},
       {"bytes", report.objects.bytes},
       {"held", report.held.count},
       {"examined", report.examined},
       {"duration_ms", report.duration_ms},
       {"error", report.error}});
}

Gauge& DamagedGauge() {
  static Gauge& gauge = GetGauge("slipway_registry_damaged_objects",
                                 "Objects whose bytes are wrong or missing, and not served");
  return gauge;
}

}  // namespace

Result<void> Maintenance::Load(Core& core) {
  TRY_VOID(core.damage.Refresh(core.meta()));
  DamagedGauge().Set(static_cast<double>(core.damage.count()));
  return core.meta().ReadNow([this](const store::Snapshot& snapshot) -> Result<void> {
    TRY(collection, snapshot.Get(kCollectionKey));
    TRY(scrub, snapshot.Get(kScrubKey));
    state_.With([&](State& state) {
      const auto report = collection ? ParseJson(*collection) : Json();
      const auto pass = scrub ? ParseJson(*scrub) : Json();
      if (report && report->is_object()) state.last = ReportFromJson(*report);
      if (pass && pass->is_object()) state.pass = PassFromJson(*pass);
    });
    return {};
  });
}

void Maintenance::Start(std::shared_ptr<Core> core, TaskGroup& tasks) {
  tasks_ = &tasks;
  if (core->options.collection_interval > milliseconds(0)) {
    tasks.Start([this, core] { return CollectNowAndThen(core); });
  }
  if (core->options.scrub_interval > milliseconds(0)) {
    tasks.Start([this, core] { return ScrubNowAndThen(core); });
  }
}

bool Maintenance::TakeCollection(bool dry_run, Clock& clock) {
  return state_.With([&](State& state) {
    if (std::exchange(state.collecting, true)) return false;
    ++state.collections;
    state.running = {.dry_run = dry_run, .started_at = clock.Wall(), .error = ""};
    return true;
  });
}

bool Maintenance::TakeScrub() {
  return state_.With([](State& state) { return !std::exchange(state.scrubbing, true); });
}

Result<void> Maintenance::StartCollection(const std::shared_ptr<Core>& core, bool dry_run) {
  TaskGroup* tasks = tasks_;
  if (tasks == nullptr) return Unavailable("STOPPING", "the server starts or stops: try again");
  if (!TakeCollection(dry_run, *core->options.clock)) {
    return FailedPrecondition("COLLECTION_RUNNING",
                              "a collection runs already: wait for its end (slipway registry "
                              "status), then try again");
  }
  tasks->Start([this, core, dry_run] { return RunCollection(core, dry_run); });
  return {};
}

Result<void> Maintenance::StartScrub(const std::shared_ptr<Core>& core) {
  TaskGroup* tasks = tasks_;
  if (tasks == nullptr) return Unavailable("STOPPING", "the server starts or stops: try again");
  if (!TakeScrub()) {
    return FailedPrecondition("SCRUB_RUNNING",
                              "a scrub runs already: slipway registry status shows how far it is");
  }
  tasks->Start([this, core] { return RunScrub(core); });
  return {};
}

Task<void> Maintenance::CollectNowAndThen(std::shared_ptr<Core> core) {
  Clock& clock = *core->options.clock;
  const milliseconds interval = core->options.collection_interval;
  while (true) {
    const auto last = state_.With([](const State& state) {
      return state.last ? std::optional(state.last->started_at) : std::nullopt;
    });
    // Right after a start everything is held.
    const milliseconds wait = std::max(core->holds.RestOfStart(), UntilNext(clock, last, interval));
    if (!co_await SleepFor(std::max(wait, kShortestSleep))) co_return;
    if (!TakeCollection(false, clock)) continue;
    co_await RunCollection(core, false);
    if (!co_await SleepFor(std::min(interval, milliseconds(std::chrono::minutes(1))))) co_return;
  }
}

Task<void> Maintenance::RunCollection(std::shared_ptr<Core> core, bool dry_run) {
  Clock& clock = *core->options.clock;
  const SteadyTime begin = clock.Steady();
  Collector collector({.meta = core->options.meta,
                       .objects = core->options.objects,
                       .holds = &core->holds,
                       .gate = &core->gate,
                       .damage = &core->damage,
                       .clock = &clock,
                       .dry_run = dry_run});
  Pace pace(core->options, core->options.collection_rate);
  std::string error;
  for (uint64_t before = 0;;) {
    const Result<bool> more = co_await core->pool().Run([&collector] { return collector.Step(); });
    if (!more) error = more.error().message();
    if (!more || !*more) break;
    state_.With([&](State& state) { state.running = collector.report(); });
    const uint64_t work = WorkOf(collector.report());
    const uint64_t more_work = work - std::exchange(before, work);
    if (!co_await pace.Spent(more_work)) {
      error = "the server stopped";
      break;
    }
  }
  CollectionReport report = collector.report();
  report.error = std::move(error);
  report.duration_ms = std::chrono::duration_cast<milliseconds>(clock.Steady() - begin).count();
  co_await EndCollection(*core, std::move(report));
}

Task<void> Maintenance::EndCollection(Core& core, CollectionReport report) {
  LogCollection(report);
  if (!report.dry_run) {
    CountCollection(report);
    const std::string row = DumpJson(ToJson(report));
    // What is not kept is told until the next start all the same.
    const Result<void> kept = co_await core.meta().Mutate(
        Context(), [&row](store::Transaction& t) { return t.Put(kCollectionKey, row); });
    if (!kept) LogWarning("the report of a collection was not kept", {{"error", kept.error()}});
  }
  state_.With([&](State& state) {
    (report.dry_run ? state.last_dry_run : state.last) = std::move(report);
    state.collecting = false;
  });
}

Task<void> Maintenance::ScrubNowAndThen(std::shared_ptr<Core> core) {
  const milliseconds interval = core->options.scrub_interval;
  while (true) {
    const auto pass = state_.With([](const State& state) { return state.pass; });
    const bool cut_off = pass && !pass->finished_at;
    const milliseconds wait =
        cut_off ? milliseconds(0)
                : UntilNext(*core->options.clock,
                            pass ? std::optional(pass->started_at) : std::nullopt, interval);
    if (!co_await SleepFor(std::max(wait, kShortestSleep))) co_return;
    if (TakeScrub()) co_await RunScrub(core);
    if (!co_await SleepFor(std::min(interval, milliseconds(std::chrono::minutes(1))))) co_return;
  }
}

Task<void> Maintenance::RunScrub(std::shared_ptr<Core> core) {
  Clock& clock = *core->options.clock;
  ScrubPass pass = state_.With([&](const State& state) {
    if (state.pass && !state.pass->finished_at) return *state.pass;
    return ScrubPass{.started_at = clock.Wall()};
  });
  Scrubber scrubber({.meta = core->options.meta,
                     .objects = core->options.objects,
                     .gate = &core->gate,
                     .damage = &core->damage,
                     .clock = &clock},
                    std::move(pass));
  Pace pace(core->options, core->options.scrub_rate);
  SteadyTime saved = clock.Steady();
  while (!scrubber.pass().finished_at) {
    const Result<uint64_t> bytes =
        co_await core->pool().Run([&scrubber] { return scrubber.Step(); });
    DamagedGauge().Set(static_cast<double>(core->damage.count()));
    state_.With([&](State& state) { state.pass = scrubber.pass(); });
    if (!bytes) {
      LogWarning("a scrub was interrupted, and goes on later", {{"error", bytes.error()}});
      break;
    }
    // A small object costs a seek at least.
    if (!co_await pace.Spent(std::max(*bytes, kLeastScrubbed))) break;
    if (clock.Steady() - saved < kSavedEvery) continue;
    saved = clock.Steady();
    co_await SavePass(*core, scrubber.pass());
  }
  co_await SavePass(*core, scrubber.pass());
  if (scrubber.pass().finished_at) {
    LogInfo("scrubbed the registry's objects", {{"objects", scrubber.pass().objects},
                                                {"bytes", scrubber.pass().bytes},
                                                {"damaged", scrubber.pass().damaged}});
  }
  state_.With([](State& state) { state.scrubbing = false; });
}

Task<void> Maintenance::SavePass(Core& core, ScrubPass pass) {
  const std::string row = DumpJson(ToJson(pass));
  const Result<void> kept = co_await core.meta().Mutate(
      Context(), [&row](store::Transaction& t) { return t.Put(kScrubKey, row); });
  if (!kept) LogWarning("the position of a scrub was not kept", {{"error", kept.error()}});
}

Json Maintenance::Status(Core& core) const {
  const State state = state_.With([](const State& now) { return now; });
  Json collection = {{"running", state.collecting},
                     {"runs", state.collections},
                     {"intervalMs", core.options.collection_interval.count()},
                     {"holdMs", core.options.hold.count()},
                     {"allHeldForMs", core.holds.RestOfStart().count()}};
  if (state.collecting) collection["now"] = ToJson(state.running);
  if (state.last) collection["last"] = ToJson(*state.last);
  if (state.last_dry_run) collection["lastDryRun"] = ToJson(*state.last_dry_run);
  Json scrub = {{"running", state.scrubbing},
                {"intervalMs", core.options.scrub_interval.count()},
                {"bytesPerSecond", core.options.scrub_rate}};
  if (state.pass) scrub["pass"] = ToJson(*state.pass);
  return {{"collection", std::move(collection)},
          {"scrub", std::move(scrub)},
          {"damaged", core.damage.count()}};
}

}  // namespace slipway::registry
