// ObjectGate: who publishes bytes and who removes those bytes take turns, object by object.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "base/digest.h"

namespace slipway::registry {

// Publishers of an object pass together: from before its file appears, or is found to be there,
// until the transaction with the rows that use it has ended. Whoever removes the file closes the
// gate meanwhile, and looks at the committed rows behind it. Thread-safe.
class ObjectGate {
  struct State;

 public:
  ObjectGate();
  ~ObjectGate();

  // Ends when it is destroyed. May outlive the gate.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept = default;
    Pass& operator=(Pass&& other) noexcept;
    ~Pass() { End(); }

   private:
    friend class ObjectGate;
    Pass(std::shared_ptr<State> state, Digest object)
        : state_(std::move(state)), object_(std::move(object)) {}
    void End();

    std::shared_ptr<State> state_;
    std::optional<Digest> object_;
  };

  // For a publisher. Blocks while the gate is closed: that is, for a removal of one file.
  Pass Enter(const Digest& object);
  // For a remover; nothing while publishers are inside, or another remover.
  std::optional<Pass> Close(const Digest& object);

 private:
  std::shared_ptr<State> state_;
};

}  // namespace slipway::registry
