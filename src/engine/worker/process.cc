#include "engine/worker/process.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "engine/same_signature.h"
#include "engine/worker/channel.h"

namespace slipway::engine::worker {
namespace {

using std::chrono::milliseconds;

bool IsSame(const LoadedFrame& a, const LoadedFrame& b) {
  return a.platform == b.platform && a.decoupled == b.decoupled &&
         HaveSameTensors(a.signature, b.signature);
}

Error Unwanted() {
  return {Code::kCancelled, "LOAD_CANCELLED", "nobody wants the model any more"};
}

int PollTimeout(std::chrono::steady_clock::time_point when) {
  constexpr milliseconds kLongest{3'600'000};
  const auto now = std::chrono::steady_clock::now();
  if (when <= now) return 0;
  if (when - now > kLongest) return static_cast<int>(kLongest.count());
  return static_cast<int>(std::chrono::ceil<milliseconds>(when - now).count());
}

}  // namespace

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(WorkerOptions options) {
  std::unique_ptr<WorkerProcess> process(new WorkerProcess(std::move(options)));
  TRY_VOID(process->StartSupervisor());
  {
    const std::stop_callback unwanted(process->options_.stop,
                                      [raw = process.get()] { raw->Stop(false); });
    std::unique_lock lock(process->mutex_);
    process->changed_.wait(lock, [&] { return process->first_.has_value(); });
    lock.unlock();
  }
  std::unique_lock lock(process->mutex_);
  Result<void> first = *process->first_;
  if (first.has_value() && process->stopping_) first = Unwanted();
  lock.unlock();
  if (first.has_error()) return first.error();
  return process;
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::StartAnother(WorkerOptions options,
                                                                   LoadedFrame like) {
  std::unique_ptr<WorkerProcess> process(new WorkerProcess(std::move(options)));
  process->loaded_ = std::move(like);
  process->first_ = Result<void>();
  process->is_another_ = true;
  TRY_VOID(process->StartSupervisor());
  return process;
}

Result<void> WorkerProcess::StartSupervisor() {
  wake_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return SystemError(errno, "eventfd");
  supervisor_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "worker-keeper");
    Supervise();
    std::unique_lock lock(mutex_);
    const bool tells_end = tells_end_;
    lock.unlock();
    ended_.store(true, std::memory_order_release);
    if (tells_end) Tell();
  });
  return {};
}

WorkerProcess::~WorkerProcess() {
  Stop(false);
  if (supervisor_.joinable()) supervisor_.join();
}

void WorkerProcess::Stop(bool tell) {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    tells_end_ = tell;
  }
  changed_.notify_all();
  if (wake_) eventfd_write(wake_.get(), 1);
}

bool WorkerProcess::is_up() const {
  std::lock_guard lock(mutex_);
  return shared_.control && !shared_.is_gone;
}

exec::ProcessState WorkerProcess::state() const {
  std::unique_lock lock(mutex_);
  exec::ProcessState state = shared_.state;
  lock.unlock();
  if (state.pid != 0) state.memory_bytes = Child::ResidentBytes(static_cast<pid_t>(state.pid));
  return state;
}

Error WorkerProcess::Down() const {
  std::lock_guard lock(mutex_);
  const std::string& how = shared_.state.last_end;
  return Unavailable("WORKER_DOWN", "the process of this model " + (how.empty() ? "ended" : how) +
                                        " and is being started again: try again");
}

bool WorkerProcess::IsCurrent(const Line& line) const {
  std::lock_guard lock(mutex_);
  return shared_.control && line.life == shared_.life;
}

void WorkerProcess::NoteGone(const Line& line) {
  std::lock_guard lock(mutex_);
  if (line.life == shared_.life) shared_.is_gone = true;
}

Result<Line> WorkerProcess::Connect() {
  TRY(ends, MakeChannel());
  std::unique_lock lock(mutex_);
  if (!shared_.control) {
    lock.unlock();
    return Down();
  }
  Line line{.socket = std::move(ends.first), .session = ++shared_.sessions, .life = shared_.life};
  // A worker that takes no word is about to end.
  const Result<void> sent =
      SendFrame(shared_.control.get(), OpenFrame{.session = line.session}, {ends.second.get()});
  lock.unlock();
  if (sent.has_error()) {
    NoteGone(line);
    return Down();
  }
  return line;
}

void WorkerProcess::Interrupt(const Line& line, uint64_t run) {
  std::lock_guard lock(mutex_);
  if (!shared_.control || line.life != shared_.life) return;
  (void)SendFrame(shared_.control.get(), InterruptFrame{.session = line.session, .run = run});
}

void WorkerProcess::GiveUp(Line line) {
  {
    std::lock_guard lock(mutex_);
    if (!shared_.control || line.life != shared_.life) return;
    shared_.given_up.push_back({.socket = std::move(line.socket), .since = Clock::now()});
  }
  eventfd_write(wake_.get(), 1);
}

void WorkerProcess::Settle(Result<void> result) {
  {
    std::lock_guard lock(mutex_);
    if (first_.has_value()) return;
    first_ = std::move(result);
  }
  changed_.notify_all();
}

bool WorkerProcess::Pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

void WorkerProcess::Tell() const {
  if (options_.changed) options_.changed();
}

void WorkerProcess::Supervise() {
  milliseconds backoff = kFirstBackoff;
  while (true) {
    Descriptor control;
    Result<Child> child = Launch(control);
    const Clock::time_point start = Clock::now();
    std::string how;
    if (child.has_value()) {
      {
        std::lock_guard lock(mutex_);
        shared_.control = std::move(control);
        ++shared_.life;
        shared_.is_gone = false;
        shared_.state.pid = child->pid();
      }
      Settle({});
      if (is_another_ || shared_.life > 1) Tell();
      how = Watch(*child);
    } else {
      Settle(child.error());
      how = child.error().message();
    }
    {
      std::lock_guard lock(mutex_);
      // Sessions find that it is gone by their own sockets.
      shared_.control.Close();
      shared_.given_up.clear();
      shared_.state.pid = 0;
      if (stopping_ || first_->has_error()) return;
      ++shared_.state.restarts;
      shared_.state.last_end = how;
    }
    LogError("the process of a model ended by itself", {{"model", options_.name}, {"how", how}});
    Tell();
    if (Clock::now() - start >= kLasted) backoff = kFirstBackoff;
    if (!Pause(backoff)) return;
    backoff = std::min(backoff * 2, kLongestBackoff);
  }
}

Result<Child> WorkerProcess::Launch(Descriptor& control) {
  TRY(ends, MakeChannel());
  std::vector<std::string> arguments = {std::to_string(getpid()), options_.name};
  if (!options_.program.empty()) {
    arguments.insert(arguments.end(), {std::string(kProgramWord), options_.program});
  } else if (!options_.command.empty()) {
    for (const std::string& folder : options_.readable) {
      arguments.insert(arguments.end(), {"--read", folder});
    }
    arguments.emplace_back("--");
    arguments.insert(arguments.end(), options_.command.begin(), options_.command.end());
  }
  TRY(child, Child::Start(arguments, ends.second.get()));
  ends.second.Close();
  control = std::move(ends.first);
  const Result<void> sent = SendFrame(control.get(), options_.load);
  if (sent.has_error() && sent.error().code() != Code::kUnavailable) return sent.error();
  TRY(loaded, AwaitLoaded(child, control.get()));
  if (!loaded_) {
    TRY_VOID(tensor::CheckSignature(loaded.signature));
    loaded_ = std::move(loaded);
  } else if (!IsSame(loaded, *loaded_)) {
    return FailedPrecondition("WORKER_CHANGED",
                              "came back with other inputs or outputs than it had before");
  }
  LogInfo("a model runs in a process of its own",
          {{"model", options_.name}, {"pid", static_cast<int64_t>(child.pid())}});
  return child;
}

Result<LoadedFrame> WorkerProcess::AwaitLoaded(Child& child, int control) {
  const Clock::time_point end = Clock::now() + kLoadTime;
  while (true) {
    std::array<pollfd, 2> waits = {pollfd{.fd = control, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    if (poll(waits.data(), waits.size(), PollTimeout(end)) < 0 && errno != EINTR) {
      return SystemError(errno, "poll");
    }
    if (Clock::now() >= end) {
      return FailedPrecondition("WORKER_HUNG",
                                "the process of this model had not loaded it after " +
                                    std::to_string(kLoadTime.count()) + " s");
    }
    if (waits[1].revents != 0) {
      eventfd_t count = 0;
      eventfd_read(wake_.get(), &count);
      std::lock_guard lock(mutex_);
      if (stopping_) return Unwanted();
    }
    if (waits[0].revents == 0) continue;
    Result<Packet> packet = ReceiveFrame(control);
    if (packet.has_error() && packet.error().code() == Code::kUnavailable) {
      child.Kill();
      return FailedPrecondition("WORKER_CRASHED", "the process of this model " + child.Reap() +
                                                      " while it loaded the model; the log of the "
                                                      "data plane says more");
    }
    if (packet.has_error()) return packet.error();
    if (auto* failed = std::get_if<FailedFrame>(&packet->frame)) {
      return Error(failed->code, failed->reason.empty() ? "ENGINE_BUG" : failed->reason,
                   std::move(failed->message));
    }
    auto* loaded = std::get_if<LoadedFrame>(&packet->frame);
    if (loaded != nullptr && loaded->protocol == kProtocol) return std::move(*loaded);
    return FailedPrecondition("WORKER_PROTOCOL", "the worker speaks another protocol");
  }
}

std::string WorkerProcess::Watch(Child& child) {
  const int control = shared_.control.get();  // only this thread closes it
  while (true) {
    std::vector<pollfd> waits = {{.fd = child.pidfd(), .events = POLLIN, .revents = 0},
                                 {.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = control, .events = POLLIN, .revents = 0}};
    Clock::time_point look = Clock::time_point::max();
    {
      std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    std::string hung = FindHung(look);
    if (!hung.empty()) {
      child.Kill();
      (void)child.Reap();
      return hung;
    }
    {
      std::lock_guard lock(mutex_);
      for (const GivenUp& one : shared_.given_up) {
        waits.push_back({.fd = one.socket.get(), .events = POLLIN, .revents = 0});
      }
    }
    (void)poll(waits.data(), waits.size(), PollTimeout(look));
    if (waits[1].revents != 0) {
      eventfd_t count = 0;
      eventfd_read(wake_.get(), &count);
    }
    if (waits[0].revents != 0) return child.Reap();
    if (waits[2].revents != 0) {
      // It has nothing more to say here: it closed its end, which means its own end.
      pollfd end{.fd = child.pidfd(), .events = POLLIN, .revents = 0};
      if (poll(&end, 1, static_cast<int>(kEndGrace.count())) > 0) return child.Reap();
      child.Kill();
      (void)child.Reap();
      return "broke the protocol and was ended";
    }
  }
  EndGently(child);
  return {};
}

std::string WorkerProcess::FindHung(Clock::time_point& look) {
  std::lock_guard lock(mutex_);
  std::erase_if(shared_.given_up, [](const GivenUp& one) {
    // An answer that nobody wants, or the end: the run is over, and so is its session.
    char byte = 0;
    return recv(one.socket.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0 || errno != EAGAIN;
  });
  if (shared_.given_up.size() > kMaxGivenUp) {
    return "was ended, for " + std::to_string(shared_.given_up.size()) +
           " runs in it went on after their time was over";
  }
  for (const GivenUp& one : shared_.given_up) {
    const Clock::time_point end = one.since + options_.hung_grace;
    if (Clock::now() >= end) {
      return "was ended, for a run in it went on for " +
             std::to_string(options_.hung_grace.count() / 1000) + " s after its time was over";
    }
    look = std::min(look, end);
  }
  return {};
}

// The worker ends when its control socket does.
void WorkerProcess::EndGently(Child& child) {
  {
    std::lock_guard lock(mutex_);
    shared_.control.Close();
  }
  pollfd end{.fd = child.pidfd(), .events = POLLIN, .revents = 0};
  if (poll(&end, 1, static_cast<int>(kEndGrace.count())) <= 0) child.Kill();
  (void)child.Reap();
}

}  // namespace slipway::engine::worker
