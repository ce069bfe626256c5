// AgentLink: serve's end of the sockets to its agents.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/serving_channel.h"

namespace slipway::gateway {

// A listening socket that agents may ask back; the descriptor stays the owner's.
struct NamedDescriptor {
  std::string name;
  int descriptor = -1;
};

struct AgentLinkEvents {
  // All on the link's thread.
  std::function<runtime::ServingStatus()> status;
  std::function<void()> reload;
  std::function<void()> certificate;  // its files are there anew
  std::function<void()> listen;       // its predecessor makes room
  std::function<void(std::chrono::milliseconds drain)> stop;
  // An agent asks whether the data plane answers: what is true of it.
  std::function<runtime::ServingAnswer()> answer;
};

// Takes agents one after the other, or several at once (an old and a new one): tells each the
// status when it connects and at each change, and does what they ask. An agent that goes away is no
// event. One thread.
class AgentLink {
 public:
  // Listens on `path`, which is taken over if it is there.
  static Result<std::unique_ptr<AgentLink>> Open(const std::string& path,
                                                 std::vector<NamedDescriptor> listeners,
                                                 AgentLinkEvents events);
  // Closes all connections; the socket file stays for its next owner.
  ~AgentLink();

  // The status is another one: every agent is told. Any thread.
  void StatusChanged();

 private:
  struct State;
  explicit AgentLink(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::gateway
