#include "agent/serve_keeper.h"

#include <algorithm>
#include <utility>

#include "agent/limits.h"
#include "async/deadline.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "engine/blame_page.h"
#include "runtime/site_folder.h"

namespace slipway::agent {
namespace {

using runtime::ServingStatus;
using runtime::WorkloadHandle;
using std::chrono::milliseconds;

constexpr milliseconds kLongestConnectPause{200};

void MoveLongLogAside(FileSystem& files, const std::string& path) {
  auto info = files.Info(path);
  if (!info.has_value() || info->size_bytes <= kMaxLogBytes) return;
  auto moved = files.Rename(path, path + ".1");
  if (moved.has_error()) LogWarning("failed to move a log aside", {{"error", moved.error()}});
}

// "5 s" or "250 ms".
std::string Words(milliseconds duration) {
  if (duration.count() % 1000 != 0) return std::to_string(duration.count()) + " ms";
  return std::to_string(duration.count() / 1000) + " s";
}

// What is wrong, and what to do: one sentence that stays the same while nothing changes.
std::string SilenceText(const AnswerWatch& watch, const AnswerWatch::Options& options, int64_t pid,
                        bool held) {
  const std::string process = std::to_string(pid);
  if (held) {
    return "The data plane (process " + process +
           ") is stopped by a signal or a debugger and answers nobody: let it go on with `kill "
           "-CONT " +
           process + "`, or end it with `kill -KILL " + process + "`, and it is started anew.";
  }
  std::string who = "The data plane";
  std::string what = ") has not answered for ";
  if (const auto core = watch.silent_core()) {
    who = "Core " + std::to_string(*core) + " of the data plane";
    what = "), on which a share of the connections wait, has not answered for ";
  }
  std::string next = ": its log may say why; it is started anew if this lasts " +
                     Words(options.end_after) + " more or after `kill -KILL ";
  if (options.end_after.count() == 0) {
    next = ": its log may say why; it is started anew after `kill -KILL ";
  }
  return who + " (process " + process + what + Words(watch.limit()) + next + process + "`.";
}

// To the serve of this process (0: any), which may have its channel at either place.
Result<std::unique_ptr<ServeConnection>> OpenTo(int64_t pid, const std::string& folder,
                                                milliseconds timeout) {
  auto connection = ServeConnection::Open(runtime::SocketPath(folder), timeout);
  if (connection.has_value() && (pid == 0 || (*connection)->status().pid == pid)) return connection;
  auto next = ServeConnection::Open(runtime::NextSocketPath(folder), timeout);
  if (next.has_value() && (*next)->status().pid == pid) return next;
  if (connection.has_error()) return connection.error();
  return Unavailable("WORKLOAD_SILENT", "only a predecessor of the data plane answers");
}

}  // namespace

// A serve that was found running, with copies of its sockets.
struct ServeKeeper::Adopted {
  int64_t pid = 0;
  std::shared_ptr<ServeConnection> connection;
  std::vector<NamedListener> listeners;
};

ServeKeeper::ServeKeeper(ServeOptions options, Dependencies dependencies, Events events)
    : options_(std::move(options)),
      dependencies_(std::move(dependencies)),
      events_(std::move(events)),
      group_(dependencies_.executor),
      backoff_(options_.backoff),
      watch_(options_.answer) {}

ServeKeeper::~ServeKeeper() = default;

Task<Result<void>> ServeKeeper::Start(uint64_t generation) {
  generation_ = generation;
  SiteRecord record = dependencies_.records.Get();
  // What it has loaded is loaded again.
  if (record.next.has_value()) co_await EndNext(record.next->handle);
  std::optional<Adopted> adopted;
  if (record.current.has_value()) {
    auto found = co_await Adopt(*record.current);
    if (found.has_value()) {
      adopted.emplace(std::move(*found));
    } else {
      LogInfo("no data plane to adopt", {{"reason", found.error()}});
      WorkloadHandle handle = record.current->handle;
      CO_TRY_VOID(co_await dependencies_.pool.Run(
          [this, handle] { return dependencies_.driver.Stop(handle, milliseconds(0)); }));
    }
  }
  for (const ServeRecord& old : record.retiring) {
    StartRetiring(old, nullptr);
  }
  if (adopted.has_value() && record.current->arguments != options_.arguments) {
    LogInfo("the data plane starts anew with other settings", {{"pid", adopted->pid}});
    co_await End(*record.current, std::exchange(adopted->connection, nullptr));
  }
  bool ended = adopted.has_value() && adopted->connection == nullptr;
  bool keep = adopted.has_value() && !ended && ListensOn(adopted->listeners, options_.listen);
  auto listeners = OpenListeners(
      options_.listen,
      adopted.has_value() ? std::move(adopted->listeners) : std::vector<NamedListener>{},
      record.current.has_value() ? record.current->endpoints
                                 : std::vector<runtime::SiteEndpoint>{});
  if (listeners.has_error()) co_return listeners.error();
  listeners_ = std::move(*listeners);
  if (keep) {
    LogInfo("adopted the running data plane", {{"pid", adopted->pid}});
    record.current->build_id = adopted->connection->status().build_id;
    Current(*record.current, adopted->pid, adopted->connection);
    if (current_->build_id != options_.build_id) group_.Start([this] { return HandOver(); });
    co_return Result<void>();
  }
  // One that listens elsewhere is of no use for long.
  bool retires = adopted.has_value() && !ended;
  CO_TRY_VOID(co_await Spawn(retires ? Predecessor::kRetires : Predecessor::kGone));
  if (retires) {
    StartRetiring(*record.current, adopted->connection);
  }
  co_return Result<void>();
}

// A serve that has only just been started may not listen yet.
Task<Result<ServeKeeper::Adopted>> ServeKeeper::Adopt(ServeRecord record) {
  SteadyTime deadline = dependencies_.clock.Steady() + options_.adopt_timeout;
  while (true) {
    auto adopted = co_await dependencies_.pool.Run([&] { return TryAdopt(record); });
    bool silent = adopted.has_error() && adopted.error().code() == Code::kUnavailable;
    if (!silent || dependencies_.clock.Steady() >= deadline) co_return adopted;
    if (!co_await SleepFor(kConnectPause)) co_return adopted;
  }
}

// On the blocking pool. UNAVAILABLE while it runs and does not answer.
Result<ServeKeeper::Adopted> ServeKeeper::TryAdopt(const ServeRecord& record) {
  TRY(pid, dependencies_.driver.Find(record.handle));
  if (!pid.has_value()) return NotFound("WORKLOAD_GONE", "the data plane does not run");
  TRY(connection, OpenTo(*pid, options_.folder, options_.adopt_timeout));
  TRY(listeners, connection->TakeListeners(options_.adopt_timeout));
  return Adopted{*pid, std::move(connection), std::move(listeners)};
}

Task<Result<void>> ServeKeeper::Spawn(Predecessor predecessor) {
  CO_TRY(handle, co_await dependencies_.pool.Run([&] { return SpawnNow(predecessor, 0); }));
  CRASH_POINT("agent.serve_started");
  auto pid =
      co_await dependencies_.pool.Run([this, handle] { return dependencies_.driver.Find(handle); });
  CO_TRY(found, std::move(pid));
  ServeRecord record{handle, options_.build_id, options_.arguments, endpoints()};
  Current(record, found.value_or(0), nullptr);
  LogInfo("started the data plane", {{"pid", pid_}});
  co_return Result<void>();
}

// On the blocking pool.
Result<WorkloadHandle> ServeKeeper::SpawnNow(Predecessor predecessor, int64_t pid) {
  std::string log = runtime::ServeLogPath(options_.folder);
  MoveLongLogAside(dependencies_.files, log);
  runtime::WorkloadSpec spec{.name = std::string(runtime::kServeName),
                             .program = options_.program,
                             .arguments = {"serve", "--site-folder", options_.folder},
                             .folder = options_.folder,
                             .log_path = log,
                             .descriptors = DescriptorsOf(listeners_)};
  // While a predecessor accepts connections there is no hurry.
  if (predecessor == Predecessor::kServes) {
    spec.environment.emplace_back(runtime::kPredecessorVariable, std::to_string(pid));
  } else if (predecessor == Predecessor::kRetires || predecessors_ > 0) {
    spec.environment.emplace_back(runtime::kListenWaitVariable,
                                  std::to_string(milliseconds(kLongestLoad).count()));
  }
  spec.arguments.insert(spec.arguments.end(), options_.arguments.begin(), options_.arguments.end());
  return dependencies_.driver.Start(spec, [&](const WorkloadHandle& handle) {
    CRASH_POINT("agent.serve_held");
    auto recorded = dependencies_.records.Update([&](SiteRecord& record) {
      ServeRecord started{handle, options_.build_id, options_.arguments, endpoints()};
      if (predecessor == Predecessor::kServes) {
        record.next = std::move(started);
        return;
      }
      if (predecessor == Predecessor::kRetires && record.current.has_value()) {
        record.retiring.push_back(*record.current);
      }
      record.current = std::move(started);
    });
    CRASH_POINT("agent.serve_recorded");
    return recorded;
  });
}

void ServeKeeper::Current(const ServeRecord& record, int64_t pid,
                          std::shared_ptr<ServeConnection> connection) {
  uint64_t incarnation = ++incarnation_;
  current_ = record;
  pid_ = pid;
  connection_.reset();
  status_.reset();
  message_.clear();
  if (record.build_id == options_.build_id) refusal_.clear();
  silence_.clear();
  lost_.clear();
  hung_.clear();
  watch_.Begin(dependencies_.clock.Steady());
  group_.Start([this, incarnation] { return Watch(incarnation); });
  group_.Start([this, incarnation] { return Ask(incarnation); });
  group_.Start([this, incarnation, connection = std::move(connection)] {
    return Follow(incarnation, connection);
  });
  events_.changed();
}

Task<void> ServeKeeper::Watch(uint64_t incarnation) {
  ServeRecord record = *current_;
  auto exit = co_await dependencies_.driver.WaitExit(record.handle);
  if (incarnation != incarnation_ || co_await IsCancelled()) co_return;
  std::string how = exit.has_value() ? exit->ToString() : exit.error().ToString();
  ServeEnd end{.how = exit.has_value() ? EndingOf(*exit) : Ending::kCrashed};
  if (!lost_.empty()) {
    how = std::exchange(lost_, {});
    end.how = Ending::kCrashed;
  }
  silence_.clear();
  LogError("the data plane ended by itself", {{"pid", pid_}, {"how", how}});
  end.last = std::exchange(status_, std::nullopt);
  figures_.clear();
  incarnation = ++incarnation_;  // nobody asks or follows it any more
  pid_ = 0;
  connection_.reset();
  message_ = "The data plane " + how + " and is being started again.";
  // The next one makes the page anew.
  end.blamed = co_await dependencies_.pool.Run(
      [path = runtime::BlamePath(options_.folder)] { return engine::TakeBlame(path); });
  if (end.blamed.empty()) end.blamed = std::exchange(hung_, {});
  if (incarnation != incarnation_) co_return;
  events_.ended(end);
  events_.changed();
  // What it started does not outlive it.
  auto cleaned = co_await dependencies_.pool.Run(
      [this, record] { return dependencies_.driver.Stop(record.handle, milliseconds(0)); });
  if (cleaned.has_error()) LogError("failed to clean up", {{"error", cleaned.error()}});
  co_await Restart(incarnation);
}

// Asks the current serve now and again whether it answers.
Task<void> ServeKeeper::Ask(uint64_t incarnation) {
  const WorkloadHandle handle = current_->handle;
  bool asked = false;
  bool held = false;
  while (co_await SleepFor(watch_.interval())) {
    if (incarnation != incarnation_) co_return;
    std::shared_ptr<ServeConnection> connection = connection_;
    if (asked || connection == nullptr) watch_.Turn(dependencies_.clock.Steady(), held);
    held = watch_.is_silent() && co_await IsHeld(handle);
    if (incarnation != incarnation_) co_return;
    if (watch_.is_silent() && answers()) {
      silent_runs_ = co_await dependencies_.pool.Run(
          [path = runtime::BlamePath(options_.folder)] { return engine::LookAtRuns(path); });
      if (incarnation != incarnation_) co_return;
    }
    Judge(held);
    if (!held && watch_.is_lost()) co_await EndTheLost(incarnation);
    asked = connection != nullptr;
    if (asked && !connection->is_asked()) co_await SendPing(connection);
    if (incarnation != incarnation_) co_return;
    // How long it took to put the question is nobody's silence.
    watch_.Pause(dependencies_.clock.Steady());
  }
}

Task<bool> ServeKeeper::IsHeld(WorkloadHandle handle) {
  auto held = co_await dependencies_.pool.Run(
      [this, handle] { return dependencies_.driver.IsHeld(handle); });
  co_return held.has_value() && *held;
}

Task<void> ServeKeeper::SendPing(std::shared_ptr<ServeConnection> connection) {
  connection->MarkAsked();
  auto sent = co_await dependencies_.pool.Run([connection] { return connection->SendPing(); });
  if (sent.has_error()) LogWarning("failed to ask the data plane", {{"error", sent.error()}});
}

void ServeKeeper::Judge(bool held) {
  std::string silence;
  if (watch_.is_silent()) silence = SilenceText(watch_, options_.answer, pid_, held);
  if (silence == silence_) return;
  if (silence.empty()) {
    LogInfo("the data plane answers again", {{"pid", pid_}});
  } else {
    LogError("the data plane does not answer", {{"pid", pid_}, {"held", held}});
  }
  silence_ = std::move(silence);
  events_.changed();
}

// What comes after is that of a serve that ended by itself: blame, back-off, the next one.
Task<void> ServeKeeper::EndTheLost(uint64_t incarnation) {
  WorkloadHandle handle = current_->handle;
  lost_ = "did not answer for " + Words(options_.answer.end_after) + ", was ended";
  LogError("the data plane is ended, for it does not answer", {{"pid", pid_}});
  // Before it is ended: what ends it leaves no note.
  std::string hung = co_await dependencies_.pool.Run(
      [path = runtime::BlamePath(options_.folder), runs = silent_runs_] {
        return engine::WhoRunsSince(path, runs);
      });
  if (incarnation != incarnation_) co_return;
  hung_ = std::move(hung);
  auto ended = co_await dependencies_.pool.Run(
      [this, handle] { return dependencies_.driver.Stop(handle, milliseconds(0)); });
  if (ended.has_value()) co_return;
  LogError("failed to end the data plane", {{"error", ended.error()}});
  if (incarnation != incarnation_) co_return;
  lost_.clear();
  hung_.clear();
}

Task<void> ServeKeeper::Restart(uint64_t incarnation) {
  while (co_await SleepFor(backoff_.Failed(dependencies_.clock.Steady()))) {
    if (incarnation != incarnation_) co_return;
    if (is_taking_over_) continue;
    // One that loads already is sooner there than another one.
    auto spawned =
        successor_ ? co_await TakeOver(Predecessor::kGone) : co_await Spawn(Predecessor::kGone);
    if (spawned.has_value()) co_return;
    LogError("failed to start the data plane", {{"error", spawned.error()}});
    message_ = "The data plane cannot be started: " + spawned.error().message() + ".";
    events_.changed();
  }
}

Task<void> ServeKeeper::Follow(uint64_t incarnation, std::shared_ptr<ServeConnection> connection) {
  milliseconds pause = kConnectPause;
  while (incarnation == incarnation_) {
    if (connection == nullptr) {
      auto opened = co_await dependencies_.pool.Run(
          [this, pid = pid_] { return OpenTo(pid, options_.folder, kFirstWordTimeout); });
      if (opened.has_value()) connection = std::move(*opened);
    }
    bool right = connection != nullptr && incarnation == incarnation_ &&
                 (pid_ == 0 || connection->status().pid == pid_);
    if (right) {
      pause = kConnectPause;
      co_await FollowConnection(incarnation, connection);
    }
    connection.reset();
    if (!co_await SleepFor(pause)) co_return;
    pause = std::min(pause * 2, kLongestConnectPause);
  }
}

Task<void> ServeKeeper::FollowConnection(uint64_t incarnation,
                                         std::shared_ptr<ServeConnection> connection) {
  connection_ = connection;
  Said(connection->status());
  if (connection->status().generation < generation_) co_await SendReload(connection);
  if (connection->status().held) co_await SendListen(connection);
  if (std::exchange(renew_, false)) co_await SendCertificate(connection);
  while (incarnation == incarnation_) {
    auto next = co_await connection->NextWord();
    if (incarnation != incarnation_) co_return;
    if (next.has_error()) {
      if (next.error().code() != Code::kCancelled) {
        LogInfo("the serving channel ended", {{"reason", next.error()}});
      }
      break;
    }
    if (auto answer = connection->TakeAnswer()) {
      Answered(*std::move(answer));
    } else {
      Said(connection->status());
    }
  }
  if (connection_ == connection) connection_.reset();
}

void ServeKeeper::Answered(runtime::ServingAnswer answer) {
  watch_.Answered(answer.silent_cores);
  if (!answers() && !watch_.is_silent()) Judge(/*held=*/false);
  const bool is_news = !answer.figures.empty() || !figures_.empty();
  figures_ = std::move(answer.figures);
  if (is_news) events_.changed();
}

void ServeKeeper::Said(const ServingStatus& status) {
  status_ = status;
  events_.changed();
}

void ServeKeeper::Reload(uint64_t generation) {
  generation_ = generation;
  if (connection_ == nullptr) return;
  group_.Start([this, connection = connection_] { return SendReload(connection); });
}

Task<void> ServeKeeper::SendReload(std::shared_ptr<ServeConnection> connection) {
  auto sent = co_await dependencies_.pool.Run([connection] { return connection->SendReload(); });
  if (sent.has_error()) LogWarning("failed to signal the data plane", {{"error", sent.error()}});
}

// As after a crash of the agent that had recorded it as the current one.
Task<void> ServeKeeper::SendListen(std::shared_ptr<ServeConnection> connection) {
  auto sent = co_await dependencies_.pool.Run([connection] { return connection->SendListen(); });
  if (sent.has_error()) LogWarning("failed to signal the data plane", {{"error", sent.error()}});
}

void ServeKeeper::RenewCertificate() {
  renew_ = connection_ == nullptr;
  if (renew_) return;
  group_.Start([this, connection = connection_] { return SendCertificate(connection); });
}

Task<void> ServeKeeper::SendCertificate(std::shared_ptr<ServeConnection> connection) {
  auto sent =
      co_await dependencies_.pool.Run([connection] { return connection->SendCertificate(); });
  if (sent.has_error()) LogWarning("failed to signal the data plane", {{"error", sent.error()}});
}

Task<void> ServeKeeper::Stop(bool end_serve) {
  std::shared_ptr<ServeConnection> connection = connection_;
  ++incarnation_;
  co_await group_.Stop();
  connection_.reset();
  if (!end_serve) co_return;
  SiteRecord record = dependencies_.records.Get();
  for (const ServeRecord& old : record.retiring) co_await End(old, nullptr);
  if (record.next.has_value()) co_await EndNext(record.next->handle);
  if (record.current.has_value()) co_await End(*record.current, connection);
  CRASH_POINT("agent.serve_ended");
  auto forgotten = co_await dependencies_.pool.Run([this] {
    return dependencies_.records.Update([](SiteRecord& site) {
      site.current.reset();
      site.retiring.clear();
    });
  });
  if (forgotten.has_error()) LogError("failed to write site.db", {{"error", forgotten.error()}});
  pid_ = 0;
  status_.reset();
  listeners_.clear();
}

}  // namespace slipway::agent
