// Reconciler: the loop that every controller runs. Watches feed a set of keys; one worker takes key
// after key and makes that object right.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"
#include "resource/resource_store.h"

namespace slipway::controller {

struct ReconcilerOptions {
  std::string name;  // for logs
  // Makes one object right; level-triggered and idempotent. An error is logged and the key tried
  // again, after 100 ms, 200 ms, ... up to 30 s.
  std::function<Task<Result<void>>(resource::Key)> reconcile;
  // Called before a kind is listed, first and again after its watch was lost: what was deleted
  // meanwhile is told by no event. May be empty.
  std::function<void()> listing = {};
};

// All calls, and all callbacks, on the executor (one core).
class Reconciler {
 public:
  using ToKey = std::function<std::optional<resource::Key>(const resource::WatchEvent&)>;

  Reconciler(asio::any_io_executor executor, resource::ResourceStore& store,
             ReconcilerOptions options);
  ~Reconciler();

  // Lists and then watches a kind in all projects; `to_key` names the object to look at, if any.
  // Called before Start.
  void Watch(std::string kind, ToKey to_key);
  void Enqueue(resource::Key key);
  void Start();
  Task<void> Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::controller
