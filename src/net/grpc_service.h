// GrpcService: the methods that a gRPC server has, and what they may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "async/task.h"
#include "base/error.h"
#include "net/grpc_call.h"
#include "net/memory_budget.h"

namespace slipway::net {

// Exactly one of both handlers is set.
struct GrpcMethod {
  std::string path;  // "/package.Service/Method"
  // One message, one answer. Called on the connection's core when the message is there; before it
  // returns it has called Finish or Fail, or has begun a task (GrpcCall::Start) that will.
  std::function<void(GrpcCall& call)> unary;
  // Any number of messages and answers (GrpcCall::Read, Write). Begins with the call; what it has
  // not finished at its end is an internal error.
  std::function<Task<void>(GrpcCall& call)> stream;
  // Of one message, where less than the service's limit is enough; 0: that one.
  size_t max_message_bytes = 0;
};

// Is told of each call, on its core; must not wait.
class GrpcObserver {
 public:
  virtual ~GrpcObserver() = default;
  // Its head is there, right or wrong.
  virtual void OnBegin(GrpcCall& call) = 0;
  // How it ends is decided; it may still have a task. `status` is the number of gRPC.
  virtual void OnEnd(GrpcCall& call, int status) = 0;
};

struct GrpcServiceOptions {
  size_t max_message_bytes = size_t{64} << 20;  // of one message, decompressed: RESOURCE_EXHAUSTED
  // Of the messages that are in memory; outlives the service. nullptr: they are not counted.
  MemoryBudget* memory = nullptr;
  GrpcObserver* observer = nullptr;  // outlives the service
  // What an error is called on the wire: a number of gRPC, 1 to 16.
  int (*status_of)(const Error& error) = [](const Error& error) {
    return static_cast<int>(error.code());
  };
};

// Immutable once a server has it.
class GrpcService {
 public:
  explicit GrpcService(GrpcServiceOptions options = {}) : options_(options) {}

  void Add(GrpcMethod method);
  // nullptr if there is none.
  const GrpcMethod* Find(std::string_view path) const;
  // Whether it has a method of "package.Service".
  bool Has(std::string_view service) const;
  size_t MaxMessageBytes(const GrpcMethod& method) const {
    return method.max_message_bytes > 0 ? method.max_message_bytes : options_.max_message_bytes;
  }
  const GrpcServiceOptions& options() const { return options_; }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  const GrpcServiceOptions options_;
  std::unordered_map<std::string, GrpcMethod, TextHash, std::equal_to<>> methods_;
};

}  // namespace slipway::net
