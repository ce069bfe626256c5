#include "agent/serve_connection.h"

#include <unistd.h>

#include <utility>

#include <nlohmann/json.hpp>

#include "async/descriptor.h"
#include "base/descriptor.h"
#include "runtime/limits.h"

namespace slipway::agent {
namespace {

using runtime::ChannelMessage;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Message {
  std::string type;
  Json json;
};

Result<Message> ParseMessage(const ChannelMessage& message) {
  TRY(json, ParseJson(message.json, {.max_bytes = runtime::kMaxMessageBytes}));
  auto type = json.find("type");
  if (!json.is_object() || type == json.end() || !type->is_string()) {
    return DataLoss("MESSAGE_INVALID", "message on the serving channel without a type");
  }
  std::string text = type->get<std::string>();
  json.erase("type");
  return Message{std::move(text), std::move(json)};
}

int LeftUntil(steady_clock::time_point deadline) {
  auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

// Takes the descriptors over, whatever the names turn out to be.
Result<std::vector<NamedListener>> ListenersOf(const Json& json, ChannelMessage& message) {
  std::vector<Descriptor> descriptors;
  for (int descriptor : std::exchange(message.descriptors, {})) {
    descriptors.emplace_back(descriptor);
  }
  auto names = json.find("names");
  if (names == json.end() || !names->is_array() || names->size() != descriptors.size()) {
    return DataLoss("MESSAGE_INVALID", "serve handed back " + std::to_string(descriptors.size()) +
                                           " sockets, but not as many names");
  }
  std::vector<NamedListener> out;
  for (size_t i = 0; i < descriptors.size(); ++i) {
    if (!(*names)[i].is_string()) {
      return DataLoss("MESSAGE_INVALID", "the name of a socket is no text");
    }
    TRY(listener, net::Listener::Adopt(descriptors[i].get()));
    descriptors[i].Release();
    out.push_back({(*names)[i].get<std::string>(), std::move(listener)});
  }
  return out;
}

void CloseAll(ChannelMessage& message) {
  for (int descriptor : std::exchange(message.descriptors, {})) close(descriptor);
}

}  // namespace

// A serve of another build may say more than this agent knows.
Result<ServeConnection::Word> ServeConnection::Take(const ChannelMessage& message) {
  TRY(parsed, ParseMessage(message));
  if (parsed.type == "status") {
    TRY(status, Decode<runtime::ServingStatus>(parsed.json, "status", UnknownFields::kIgnore));
    status_ = std::move(status);
    return Word::kStatus;
  }
  if (parsed.type == "pong") {
    TRY(answer, Decode<runtime::ServingAnswer>(parsed.json, "pong", UnknownFields::kIgnore));
    answer_ = std::move(answer);
    is_asked_ = false;
    return Word::kAnswer;
  }
  return Word::kOther;
}

Result<std::unique_ptr<ServeConnection>> ServeConnection::Open(const std::string& socket_path,
                                                               milliseconds timeout) {
  auto deadline = steady_clock::now() + timeout;
  TRY(channel, runtime::ServingChannel::Connect(socket_path));
  std::unique_ptr<ServeConnection> connection(new ServeConnection(std::move(channel)));
  while (true) {
    TRY(message, connection->channel_->Receive(LeftUntil(deadline)));
    CloseAll(message);
    TRY(word, connection->Take(message));
    if (word == Word::kStatus) return connection;
  }
}

Task<Result<void>> ServeConnection::NextWord() {
  while (true) {
    auto message = channel_->Receive(0);
    if (message.has_value()) {
      CloseAll(*message);
      CO_TRY(word, Take(*message));
      if (word != Word::kOther) co_return Result<void>();
      continue;
    }
    if (message.error().reason() != "TIMEOUT") co_return message.error();
    CO_TRY_VOID(co_await WaitReadable(channel_->descriptor()));
  }
}

Result<void> ServeConnection::SendPing() {
  return channel_->Send(R"({"type":"ping"})");
}

Result<void> ServeConnection::SendReload() {
  return channel_->Send(R"({"type":"reload"})");
}

Result<void> ServeConnection::SendCertificate() {
  return channel_->Send(R"({"type":"certificate"})");
}

Result<void> ServeConnection::SendListen() {
  return channel_->Send(R"({"type":"listen"})");
}

Result<void> ServeConnection::SendStop(milliseconds drain) {
  Json json = {{"type", "stop"}, {"drainMs", drain.count()}};
  return channel_->Send(DumpJson(json));
}

Result<std::vector<NamedListener>> ServeConnection::TakeListeners(milliseconds timeout) {
  auto deadline = steady_clock::now() + timeout;
  TRY_VOID(channel_->Send(R"({"type":"listeners"})"));
  while (true) {
    TRY(message, channel_->Receive(LeftUntil(deadline)));
    auto parsed = ParseMessage(message);
    if (parsed.has_value() && parsed->type == "listeners") {
      return ListenersOf(parsed->json, message);
    }
    CloseAll(message);
    TRY_VOID(Take(message));
  }
}

}  // namespace slipway::agent
