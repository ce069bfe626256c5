#include "engine/program/program.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "engine/program/child.h"
#include "engine/program/folders.h"
#include "engine/program/http_model.h"
#include "engine/program/limits.h"
#include "engine/program/v2_model.h"
#include "engine/worker/descendants.h"

namespace slipway::engine::program {
namespace {

using std::chrono::milliseconds;

// Of the one program of this process; never destroyed.
struct Running {
  Running(Folders made, uint16_t chosen) : folders(std::move(made)), port(chosen) {}

  Folders folders;
  const uint16_t port;
  std::function<bool()> is_alive;
  pid_t pid = 0;
  std::atomic<bool> is_ending{false};
  std::mutex mutex;
  std::condition_variable changed;
  bool is_suspect = false;  // a run in it had no answer in time
  std::thread keeper;       // both last as long as the process
  std::thread doubt;
};

std::unique_ptr<Running>& TheProgram() {
  static auto* running = new std::unique_ptr<Running>();
  return *running;
}

void RemoveFolders(Running& running) {
  // Leaves the lock to the end of the process.
  const Folders gone = std::move(running.folders);
}

// The program and what it started have no parent-death signal of their own.
void EndWithParent() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  // For all threads that come.
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  // It lasts as long as the process.
  static const auto* const watch = new std::thread([ends] {
    pthread_setname_np(pthread_self(), "parent-watch");
    int signal = 0;
    while (sigwait(&ends, &signal) != 0) continue;
    worker::KillDescendants(getpid());
    kill(0, SIGKILL);
  });
  (void)watch;
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) kill(0, SIGKILL);
}

void SetEnvironment(const Places& places, const std::string& temporary) {
  const std::pair<const char*, const std::string*> words[] = {{"SLIPWAY_PROGRAM", &places.program},
                                                              {"SLIPWAY_MODELS", &places.models},
                                                              {"SLIPWAY_PORT", &places.port},
                                                              {"TMPDIR", &temporary}};
  // Nobody reads it meanwhile: there is one thread.
  for (const auto& [name, value] : words) {
    setenv(name, value->c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
}

void Watch(Running& running) {
  running.keeper = std::thread([&running] {
    pthread_setname_np(pthread_self(), "program-keeper");
    Child::AwaitEnd(running.pid);
    if (running.is_ending) return;
    RemoveFolders(running);
    Child::FollowToItsEnd(running.pid);
  });
  running.doubt = std::thread([&running] {
    pthread_setname_np(pthread_self(), "program-doubt");
    while (true) {
      {
        std::unique_lock lock(running.mutex);
        running.changed.wait(lock, [&running] { return running.is_suspect; });
        running.is_suspect = false;
      }
      if (running.is_alive()) continue;
      LogError("a program does not answer any more and is ended",
               {{"pid", static_cast<int64_t>(running.pid)}});
      kill(running.pid, SIGKILL);
    }
  });
}

// Waits until the program is ready.
Result<std::unique_ptr<exec::Model>> Connect(const Settings& settings, Running& running) {
  const milliseconds start_timeout(settings.start_timeout_ms);
  const auto ended_within = [pid = running.pid](milliseconds time) {
    return Child::EndedWithin(pid, time);
  };
  const auto overdue = [&running] {
    {
      std::lock_guard lock(running.mutex);
      running.is_suspect = true;
    }
    running.changed.notify_all();
  };
  if (settings.speaks_http) {
    running.is_alive = [port = running.port, path = settings.ready_path] {
      return IsHttpAlive(port, path, kLifeTime);
    };
    return ConnectHttp({.port = running.port,
                        .ready_path = settings.ready_path,
                        .start_timeout = start_timeout,
                        .ended_within = ended_within,
                        .overdue = overdue});
  }
  running.is_alive = [port = running.port] { return IsAlive(port, kLifeTime); };
  V2Options options{.port = running.port,
                    .names = {},
                    .start_timeout = start_timeout,
                    .ended_within = ended_within,
                    .overdue = overdue};
  for (const GivenModel& model : settings.models) options.names.push_back(model.name);
  return ConnectV2(std::move(options));
}

}  // namespace

Result<std::unique_ptr<exec::Model>> StartProgram(const Settings& settings) {
  EndWithParent();
  TRY(port, FindPort());
  TRY(folders, Folders::Make(settings));
  TheProgram() = std::make_unique<Running>(std::move(folders), port);
  Running& running = *TheProgram();
  const Places places{.program = settings.folder,
                      .models = running.folders.models(),
                      .repository = running.folders.repository(),
                      .port = std::to_string(port)};
  worker::Reach reach{.readable = settings.readable,
                      .writable = {running.folders.temporary(), "/dev/shm"},
                      .bare = {"/tmp"},
                      .port = port};
  reach.readable.push_back(settings.folder);
  reach.readable.push_back(running.folders.root());
  for (const GivenModel& model : settings.models) reach.readable.push_back(model.path);
  SetEnvironment(places, running.folders.temporary());
  TRY(pid, Child::Start(Filled(settings.command, places), settings.folder, reach));
  running.pid = pid;
  TRY(model, Connect(settings, running));
  Watch(running);
  return model;
}

void EndProgram() {
  if (!TheProgram() || TheProgram()->pid == 0) return;
  Running& running = *TheProgram();
  running.is_ending = true;
  Child::AskToEnd(running.pid);
  RemoveFolders(running);
}

}  // namespace slipway::engine::program
