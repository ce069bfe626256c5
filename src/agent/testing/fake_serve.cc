#include "agent/testing/fake_serve.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "runtime/serving_config.h"
#include "runtime/site_folder.h"

namespace slipway::agent {
namespace {

constexpr int kTurnMs = 5;

}  // namespace

FakeServe::FakeServe(runtime::FakeDriver& driver, runtime::WorkloadHandle handle,
                     const runtime::FakeDriver::Workload& workload, Options options)
    : driver_(driver),
      handle_(std::move(handle)),
      options_(std::move(options)),
      folder_(workload.spec.folder),
      pid_(workload.pid) {
  for (const runtime::PassedDescriptor& passed : workload.spec.descriptors) {
    names_.push_back(passed.name);
    sockets_.emplace_back(fcntl(passed.descriptor, F_DUPFD_CLOEXEC, 0));
  }
  state_.With([&](State& state) {
    state.phases = options_.phases;
    for (const auto& [name, value] : workload.spec.environment) {
      state.held = state.held || name == runtime::kPredecessorVariable;
    }
  });
  thread_ = std::thread([this] { Run(); });
}

FakeServe::~FakeServe() {
  driver_.End(handle_.id, {.exit_code = 0});
  thread_.join();
}

bool FakeServe::IsRunning() {
  auto found = driver_.Find(handle_);
  return found.has_value() && found->has_value();
}

void FakeServe::Run() {
  ReadConfig();
  auto listening = runtime::ListenChannel(is_held() ? runtime::NextSocketPath(folder_)
                                                    : runtime::SocketPath(folder_));
  CHECK(listening.has_value());
  Descriptor listener(*listening);
  while (IsRunning()) {
    pollfd wait{listener.get(), POLLIN, 0};
    if (poll(&wait, 1, kTurnMs) == 1) Accept(listener.get());
    bool again = state_.With([](State& state) { return std::exchange(state.say_again, false); });
    if (again) ReadConfig();
    for (auto& channel : channels_) {
      if (again) Say(*channel);
      auto message = channel->Receive(0);
      if (message.has_value()) Answer(*channel, *message);
    }
    if (state_.With([](const State& state) { return state.mute; })) continue;
    for (auto* channel : std::exchange(unanswered_, {})) Pong(*channel);
  }
  channels_.clear();
  sockets_.clear();
}

void FakeServe::Accept(int listener) {
  int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (accepted < 0) return;
  channels_.push_back(std::make_unique<runtime::ServingChannel>(accepted));
  state_.With([](State& state) { state.reloads = 0; });
  Say(*channels_.back());
}

void FakeServe::ReadConfig() {
  auto config = runtime::ReadServingConfig(PosixFileSystem(), runtime::ServingPath(folder_));
  if (config.has_error()) return;
  state_.With([&config](State& state) {
    state.generation = config->generation;
    state.loaded.clear();
    state.revisions.clear();
    for (const auto& service : config->services) {
      for (const auto& revision : service.revisions) {
        auto other = state.phases.find(revision.uid);
        std::string phase = other == state.phases.end() ? "Ready" : other->second;
        state.loaded.push_back(revision.number);
        state.revisions.push_back({.uid = revision.uid, .phase = phase, .load_ms = 1});
        if (phase != "Failed") continue;
        state.revisions.back().reason = "MODEL_INVALID";
        state.revisions.back().message = "The model cannot be loaded.";
      }
    }
  });
}

void FakeServe::Say(runtime::ServingChannel& channel) {
  if (options_.silent) return;
  runtime::ServingStatus status{.pid = pid_, .build_id = options_.build_id};
  state_.With([&status](const State& state) {
    status.generation = state.generation;
    status.revisions = state.revisions;
    status.held = state.held;
  });
  Json json = Encode(status);
  json["type"] = "status";
  (void)channel.Send(DumpJson(json));
}

void FakeServe::Pong(runtime::ServingChannel& channel) {
  Json pong = Encode(state_.With([](const State& state) {
    return runtime::ServingAnswer{.silent_cores = state.silent_cores};
  }));
  pong["type"] = "pong";
  (void)channel.Send(DumpJson(pong));
}

void FakeServe::Answer(runtime::ServingChannel& channel, const runtime::ChannelMessage& message) {
  auto json = ParseJson(message.json);
  CHECK(json.has_value());
  std::string type = (*json)["type"];
  if (type == "reload") {
    if (&channel == channels_.back().get()) {
      state_.With([](State& state) { ++state.reloads; });
    }
    ReadConfig();
    for (auto& each : channels_) Say(*each);
  } else if (type == "listeners" && !options_.silent) {
    std::vector<int> descriptors;
    for (const auto& socket : sockets_) descriptors.push_back(socket.get());
    (void)channel.Send(DumpJson({{"type", "listeners"}, {"names", names_}}), descriptors);
  } else if (type == "ping") {
    unanswered_.push_back(&channel);
  } else if (type == "certificate") {
    state_.With([](State& state) { ++state.certificates; });
  } else if (type == "listen" && is_held()) {
    CHECK(PosixFileSystem()
              .Rename(runtime::NextSocketPath(folder_), runtime::SocketPath(folder_))
              .has_value());
    state_.With([](State& state) { state.held = false; });
    for (auto& each : channels_) Say(*each);
  } else if (type == "stop") {
    state_.With([](State& state) { state.asked_to_stop = true; });
    driver_.End(handle_.id, {.exit_code = 0});
  }
}

void FakeServe::SetMute(bool mute) {
  state_.With([mute](State& state) { state.mute = mute; });
}

void FakeServe::SetSilentCores(std::vector<int64_t> cores) {
  state_.With([&cores](State& state) { state.silent_cores = std::move(cores); });
}

void FakeServe::SetPhase(const std::string& uid, const std::string& phase) {
  state_.With([&](State& state) {
    state.phases[uid] = phase;
    state.say_again = true;
  });
}

uint64_t FakeServe::generation() const {
  return state_.With([](const State& state) { return state.generation; });
}
std::vector<int64_t> FakeServe::loaded() const {
  return state_.With([](const State& state) { return state.loaded; });
}
int FakeServe::reloads() const {
  return state_.With([](const State& state) { return state.reloads; });
}
int FakeServe::certificates() const {
  return state_.With([](const State& state) { return state.certificates; });
}
bool FakeServe::is_held() const {
  return state_.With([](const State& state) { return state.held; });
}
bool FakeServe::asked_to_stop() const {
  return state_.With([](const State& state) { return state.asked_to_stop; });
}

}  // namespace slipway::agent
