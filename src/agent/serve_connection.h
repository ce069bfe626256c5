// ServeConnection: the agent's end of the channel to one serve process.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "net/http_server.h"
#include "runtime/serving_channel.h"

namespace slipway::agent {

struct NamedListener {
  std::string name;
  net::Listener listener;
};

// Used by one coroutine at a time; the blocking calls are made on the blocking pool.
class ServeConnection {
 public:
  // Blocking. Connects, and waits for the first status. UNAVAILABLE / CHANNEL_CLOSED where nobody
  // listens, DEADLINE_EXCEEDED / TIMEOUT.
  static Result<std::unique_ptr<ServeConnection>> Open(const std::string& socket_path,
                                                       std::chrono::milliseconds timeout);

  // The last status that came.
  const runtime::ServingStatus& status() const { return status_; }
  // Waits for the next one, or for an answer to a ping. UNAVAILABLE / CHANNEL_CLOSED, CANCELLED.
  Task<Result<void>> NextWord();
  // The answer that came, once.
  std::optional<runtime::ServingAnswer> TakeAnswer() {
    return std::exchange(answer_, std::nullopt);
  }
  // Whether a ping is on its way or without an answer yet: one at a time is enough, and more would
  // fill the socket of a serve that does not read.
  bool is_asked() const { return is_asked_; }
  void MarkAsked() { is_asked_ = true; }

  // Blocking.
  Result<void> SendPing();
  Result<void> SendReload();
  Result<void> SendCertificate();
  Result<void> SendListen();
  Result<void> SendStop(std::chrono::milliseconds drain);
  // Blocking. Copies of the sockets that serve listens on.
  Result<std::vector<NamedListener>> TakeListeners(std::chrono::milliseconds timeout);

 private:
  explicit ServeConnection(std::unique_ptr<runtime::ServingChannel> channel)
      : channel_(std::move(channel)) {}
  enum class Word : uint8_t { kStatus, kAnswer, kOther };
  // Takes a status or an answer in; other messages, of a newer serve maybe, are passed over.
  Result<Word> Take(const runtime::ChannelMessage& message);

  std::unique_ptr<runtime::ServingChannel> channel_;
  runtime::ServingStatus status_;
  std::optional<runtime::ServingAnswer> answer_;
  bool is_asked_ = false;
};

}  // namespace slipway::agent
