#include "gateway/agent_link.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

using runtime::ChannelMessage;
using runtime::ServingChannel;

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

}  // namespace

struct AgentLink::State {
  State(int listening_descriptor, int wake_descriptor, std::vector<NamedDescriptor> named,
        AgentLinkEvents what)
      : listening(listening_descriptor),
        wake(wake_descriptor),
        listeners(std::move(named)),
        events(std::move(what)) {}

  void Loop() {
    while (!stopping) {
      std::vector<pollfd> polled = {{.fd = wake.get(), .events = POLLIN, .revents = 0},
                                    {.fd = listening.get(), .events = POLLIN, .revents = 0}};
      for (const auto& agent : agents) {
        polled.push_back({.fd = agent->descriptor(), .events = POLLIN, .revents = 0});
      }
      if (poll(polled.data(), polled.size(), -1) < 0) {
        CHECK(errno == EINTR);
        continue;
      }
      // Agents first: their positions are those of `polled`.
      for (size_t i = agents.size(); i-- > 0;) {
        if (polled[i + 2].revents != 0 && !Serve(*agents[i])) {
          agents.erase(agents.begin() + static_cast<ptrdiff_t>(i));
        }
      }
      if (polled[0].revents != 0) TellAll();
      if (polled[1].revents != 0) Accept();
    }
  }

  void Accept() {
    const int descriptor = accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    auto agent = std::make_unique<ServingChannel>(descriptor);
    // The oldest of too many is one that does not go although nobody is there.
    if (agents.size() >= kMaxAgents) agents.erase(agents.begin());
    if (!Tell(*agent)) return;
    agents.push_back(std::move(agent));
  }

  void TellAll() {
    eventfd_t count = 0;
    eventfd_read(wake.get(), &count);
    std::erase_if(agents, [&](const auto& agent) { return !Tell(*agent); });
  }

  bool Tell(ServingChannel& agent) {
    Json message = {{"type", "status"}};
    message.update(Encode(events.status()));
    return agent.Send(DumpJson(message)).has_value();
  }

  // Answers one message; false when the agent is gone or talks nonsense.
  bool Serve(ServingChannel& agent) {
    Result<ChannelMessage> message = agent.Receive(0);
    if (message.has_error()) return message.error().code() == Code::kDeadlineExceeded;
    for (int unexpected : message->descriptors) close(unexpected);
    const Result<Json> json = ParseJson(message->json);
    if (json.has_error() || !json->is_object() || !json->contains("type") ||
        !(*json)["type"].is_string()) {
      LogWarning("an agent sent something that is no message");
      return false;
    }
    const std::string type = (*json)["type"];
    if (type == "reload") {
      events.reload();
    } else if (type == "certificate") {
      events.certificate();
    } else if (type == "listen") {
      if (events.listen) events.listen();
    } else if (type == "listeners") {
      return SendListeners(agent);
    } else if (type == "ping") {
      return Pong(agent);
    } else if (type == "stop") {
      const auto drain = json->find("drainMs");
      const bool given = drain != json->end() && drain->is_number_unsigned();
      events.stop(std::chrono::milliseconds(given ? drain->get<uint32_t>() : 0));
    } else {
      // A newer agent may know more than this serve.
      LogWarning("an agent asked for something unknown", {{"type", type}});
    }
    return true;
  }

  bool Pong(ServingChannel& agent) {
    Json message = {{"type", "pong"}};
    message.update(Encode(events.answer()));
    return agent.Send(DumpJson(message)).has_value();
  }

  bool SendListeners(ServingChannel& agent) {
    Json message = {{"type", "listeners"}, {"names", Json::array()}};
    std::vector<int> descriptors;
    for (const NamedDescriptor& listener : listeners) {
      message["names"].push_back(listener.name);
      descriptors.push_back(listener.descriptor);
    }
    return agent.Send(DumpJson(message), descriptors).has_value();
  }

  Descriptor listening;
  Descriptor wake;
  const std::vector<NamedDescriptor> listeners;
  const AgentLinkEvents events;
  std::vector<std::unique_ptr<ServingChannel>> agents;
  std::atomic<bool> stopping{false};
  std::thread thread;
};

AgentLink::AgentLink(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([running = state_.get()] {
    pthread_setname_np(pthread_self(), "agent-link");
    running->Loop();
  });
}

AgentLink::~AgentLink() {
  state_->stopping = true;
  StatusChanged();
  state_->thread.join();
}

Result<std::unique_ptr<AgentLink>> AgentLink::Open(const std::string& path,
                                                   std::vector<NamedDescriptor> listeners,
                                                   AgentLinkEvents events) {
  TRY(listening, runtime::ListenChannel(path));
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    Error error = SystemError(errno, "eventfd");
    close(listening);
    return error;
  }
  return std::unique_ptr<AgentLink>(new AgentLink(
      std::make_unique<State>(listening, wake, std::move(listeners), std::move(events))));
}

void AgentLink::StatusChanged() {
  // Fails only when the counter is full, and then the thread is awake anyway.
  eventfd_write(state_->wake.get(), 1);
}

}  // namespace slipway::gateway
