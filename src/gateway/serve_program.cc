#include "gateway/serve_program.h"

#include <malloc.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "async/guarded.h"
#include "base/descriptor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "gateway/agent_link.h"
#include "gateway/core_pulse.h"
#include "gateway/repository/model_repository.h"
#include "gateway/telemetry/telemetry.h"
#include "runtime/site_folder.h"
#include "trust/access.h"

namespace slipway::gateway {

namespace {

// Larger blocks come from the system and go back to it; so much of the heap's free end stays.
constexpr int kLargestHeapBlockBytes = 8 << 20;
constexpr int kKeptHeapBytes = 32 << 20;

// The process that serves while this one starts, if there is one.
class Predecessor {
 public:
  explicit Predecessor(std::optional<int64_t> pid) : is_given_(pid.has_value()) {
    if (pid.value_or(0) == 0) return;
    process_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(*pid), 0)));
    is_gone_ = !process_ && errno == ESRCH;
  }
  bool is_given() const { return is_given_; }
  bool has_ended() const {
    if (is_gone_ || !process_) return is_gone_;
    pollfd wait{.fd = process_.get(), .events = POLLIN, .revents = 0};
    return poll(&wait, 1, 0) == 1;
  }

 private:
  const bool is_given_;
  bool is_gone_ = false;
  Descriptor process_;
};

}  // namespace

void TuneProcess() {
  // The threads allocate and free for each other: more arenas cost memory only.
  // NOLINTBEGIN(concurrency-mt-unsafe): there are no other threads yet
  mallopt(M_ARENA_MAX, 2);
  // Requests of megabytes come one after the other: to give their memory back after each and have
  // it zeroed anew costs more than to read them.
  mallopt(M_MMAP_THRESHOLD, kLargestHeapBlockBytes);
  mallopt(M_TRIM_THRESHOLD, kKeptHeapBytes);
  // NOLINTEND(concurrency-mt-unsafe)
}

struct ServeProgram::State {
  State(CorePool& cores, ServeOptions given)
      : options(std::move(given)),
        pulse(cores),
        repository(MakeRepository(cores)),
        plane(cores, Complete(options.plane)) {}

  std::unique_ptr<ModelRepository> MakeRepository(CorePool& cores) {
    if (!options.stand_alone) return nullptr;
    return std::make_unique<ModelRepository>(
        cores, *options.stand_alone,
        ModelRepository::Plane{
            .apply = [this](runtime::ServingConfig config) { plane.Apply(std::move(config)); },
            .status = [this] { return plane.status(); }});
  }

  DataPlaneOptions Complete(DataPlaneOptions plane_options) {
    if (options.stand_alone) {
      const StandAloneOptions& alone = *options.stand_alone;
      plane_options.models = repository.get();
      plane_options.shared_memory = alone.shared_memory;
      plane_options.control = {
          .is_managed = false,
          .token_sha256 = alone.token.empty() ? std::string() : trust::HashToken(alone.token),
          .is_open_on_loopback = alone.allow_control};
    }
    plane_options.changed = [this] {
      link.With([](auto& open) {
        if (open != nullptr) open->StatusChanged();
      });
      {
        std::lock_guard lock(changed_mutex);
        ++changes;
      }
      changed.notify_all();
    };
    return plane_options;
  }

  Result<void> Begin() {
    if (options.stand_alone) {
      TRY_VOID(repository->Open());
      TRY_VOID(WaitForTheModels());
    } else {
      TRY_VOID(ReadConfig());
      predecessor.emplace(runtime::InheritedPredecessor());
      held = predecessor->is_given();
      TRY_VOID(OpenLink());
      TRY_VOID(WaitForThePredecessor());
      Wait(std::chrono::steady_clock::now() + runtime::InheritedListenWait(),
           [this] { return listen_asked || plane.settled(); });
    }
    for (const ServeListener& listener : options.listeners) {
      TRY_VOID(plane.Listen(listener.name, listener.listener));
    }
    return {};
  }

  // Until the place is its own.
  Result<void> WaitForThePredecessor() {
    if (!held) return {};
    constexpr auto kAnyTime = std::chrono::steady_clock::time_point::max();
    if (!Wait(kAnyTime, [this] { return listen_asked || predecessor->has_ended(); })) {
      return Error(Code::kCancelled, "INTERRUPTED", "the data plane before goes on");
    }
    const std::string& folder = options.site_folder;
    TRY_VOID(
        PosixFileSystem().Rename(runtime::NextSocketPath(folder), runtime::SocketPath(folder)));
    // Without it nobody is blamed.
    const Result<void> blame =
        PosixFileSystem().Rename(runtime::NextBlamePath(folder), runtime::BlamePath(folder));
    if (blame.has_error()) LogWarning("there is no page of blame", {{"error", blame.error()}});
    held = false;
    LogInfo("takes the place of the data plane before", {{"asked", listen_asked.load()}});
    link.With([](auto& open) { open->StatusChanged(); });
    return {};
  }

  runtime::ServingStatus Status() {
    runtime::ServingStatus status = plane.status();
    status.held = held;
    return status;
  }

  // Until `is_reached`; false where the time was over or somebody wanted the end before.
  bool Wait(std::chrono::steady_clock::time_point end, const std::function<bool()>& is_reached) {
    constexpr std::chrono::milliseconds kLook{50};
    std::unique_lock lock(changed_mutex);
    while (!is_reached()) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= end || stop_asked || (options.interrupted && options.interrupted())) return false;
      changed.wait_until(lock, std::min(end, now + kLook),
                         [&, before = changes] { return changes != before; });
    }
    return true;
  }

  Result<void> WaitForTheModels() {
    Error interrupted(Code::kCancelled, "INTERRUPTED", "interrupted while the model was loading");
    constexpr auto kAnyTime = std::chrono::steady_clock::time_point::max();
    if (!Wait(kAnyTime, [this] { return plane.settled(); })) return interrupted;
    TRY_VOID(repository->Settle());
    // Nobody is to be told of models that are listed no more.
    if (!Wait(kAnyTime, [this] { return repository->IsInEffect(); })) return interrupted;
    return {};
  }

  Result<void> ReadConfig() {
    const std::string path = runtime::ServingPath(options.site_folder);
    Result<runtime::ServingConfig> config = runtime::ReadServingConfig(PosixFileSystem(), path);
    if (config.has_value()) {
      plane.Apply(*std::move(config));
      return {};
    }
    if (config.error().code() != Code::kNotFound) return config.error();
    plane.Apply({});
    return {};
  }

  Result<void> OpenLink() {
    std::vector<NamedDescriptor> descriptors;
    for (const ServeListener& listener : options.listeners) {
      descriptors.push_back({.name = listener.name, .descriptor = listener.listener.descriptor()});
    }
    const std::string path = held ? runtime::NextSocketPath(options.site_folder)
                                  : runtime::SocketPath(options.site_folder);
    TRY(opened, AgentLink::Open(path, std::move(descriptors),
                                {.status = [this] { return Status(); },
                                 .reload = [this] { Reload(); },
                                 .certificate = [this] { ReloadFiles(); },
                                 .listen = [this] { listen_asked = true; },
                                 .stop =
                                     [this](std::chrono::milliseconds drain) {
                                       stop_asked = true;
                                       if (options.stop_requested) options.stop_requested(drain);
                                     },
                                 .answer = [this] { return Answer(); }}));
    link.With([&](auto& open) { open = std::move(opened); });
    return {};
  }

  runtime::ServingAnswer Answer() {
    runtime::ServingAnswer answer;
    for (const size_t core : pulse.Ask()) {
      answer.silent_cores.push_back(static_cast<int64_t>(core));
    }
    answer.figures = plane.figures();
    return answer;
  }

  // A file that cannot be read changes nothing: what is served goes on.
  void Reload() {
    const Result<void> read = ReadConfig();
    if (read.has_error()) LogError("cannot read the configuration", {{"error", read.error()}});
  }

  void ReloadFiles() {
    if (options.plane.telemetry != nullptr) options.plane.telemetry->ReopenLog();
    const Result<void> read = plane.ReloadTls();
    if (read.has_error()) {
      LogError("the TLS certificate of before stays in use", {{"error", read.error()}});
    }
  }

  // Before the plane goes, and not under the lock: its thread may be telling the status.
  void CloseLink() {
    std::unique_ptr<AgentLink> closing;
    link.With([&](auto& open) { closing = std::move(open); });
  }

  const ServeOptions options;
  std::mutex changed_mutex;
  std::condition_variable changed;
  uint64_t changes = 0;  // of the status
  std::atomic<bool> stop_asked{false};
  std::atomic<bool> listen_asked{false};
  std::atomic<bool> held{false};  // does not listen, for the predecessor serves
  std::optional<Predecessor> predecessor;
  Guarded<std::unique_ptr<AgentLink>> link;
  CorePulse pulse;                              // of the link's thread
  std::unique_ptr<ModelRepository> repository;  // stand-alone
  DataPlane plane;
};

ServeProgram::ServeProgram(std::unique_ptr<State> state) : state_(std::move(state)) {}

ServeProgram::~ServeProgram() {
  state_->CloseLink();
}

Result<std::unique_ptr<ServeProgram>> ServeProgram::Start(CorePool& cores, ServeOptions options) {
  std::unique_ptr<ServeProgram> program(
      new ServeProgram(std::make_unique<State>(cores, std::move(options))));
  const Result<void> begun = program->state_->Begin();
  if (begun.has_value()) return program;
  // Some listener may have connections already.
  asio::co_spawn(cores.context(0), program->Stop(std::chrono::milliseconds(0)), asio::use_future)
      .get();
  return begun.error();
}

DataPlane& ServeProgram::plane() {
  return state_->plane;
}

void ServeProgram::ReloadFiles() {
  state_->ReloadFiles();
}

Task<void> ServeProgram::Stop(std::chrono::milliseconds drain) {
  if (state_->repository != nullptr) state_->repository->EndChanges();
  co_await state_->plane.Stop(drain);
  if (state_->repository != nullptr) co_await state_->repository->Stop();
}

}  // namespace slipway::gateway
