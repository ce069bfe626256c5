// Poller: readiness of a core's sockets, many at a time.
//
// Asio asks the kernel once more per wait and socket (a read that finds nothing, or epoll_ctl), and
// does not see a client that leaves while its request is worked on. Here each socket is registered
// once, edge-triggered, in an epoll instance of the core's own, which hangs in the core's
// io_context: a request costs one read and one write, and leaving clients are seen at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>

#include "async/task.h"
#include "async/task_group.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/result.h"

struct epoll_event;

namespace slipway::net {

class PolledSocket;

// Used on one core only, but for construction.
class Poller {
 public:
  // `clock` outlives the poller.
  explicit Poller(asio::any_io_executor executor, Clock& clock = SystemClock());
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  Result<void> Open();
  // Turns events into wake-ups until it is cancelled.
  Task<void> Run();

 private:
  friend class PolledSocket;
  Result<void> Add(int descriptor, PolledSocket* socket);
  void Remove(int descriptor, PolledSocket* socket);
  // True if there may be more events.
  bool Dispatch();
  void Defer(PolledSocket* socket);
  // Whether those that wait for the end of the turn have waited enough.
  bool IsDeferralOver() const;
  void WakeDeferred();

  const asio::any_io_executor executor_;
  Clock& clock_;
  int epoll_ = -1;

  // The batch that is dispatched, for Remove in the middle of it.
  std::span<epoll_event> batch_;
  size_t events_left_ = 0;               // in the batch
  std::vector<PolledSocket*> deferred_;  // those that wait for its end
  std::vector<PolledSocket*> woken_;     // of those, the ones that are woken now
  SteadyTime deferred_since_;            // when the first of them began to wait
};

enum class Direction : uint8_t { kRead, kWrite };
enum class WaitOutcome : uint8_t { kReady, kTimedOut, kCancelled };

// Holds the completion handler of one wait, without an allocation.
class WaitHandler {
 public:
  WaitHandler() = default;
  WaitHandler(const WaitHandler&) = delete;
  WaitHandler& operator=(const WaitHandler&) = delete;
  ~WaitHandler() {
    if (operate_ != nullptr) operate_(storage_.data(), nullptr);
  }

  template <class H>
  void Set(H handler) {
    static_assert(sizeof(H) <= kBytes && std::is_nothrow_move_constructible_v<H>);
    CHECK(operate_ == nullptr);
    new (storage_.data()) H(std::move(handler));
    operate_ = [](void* held, const WaitOutcome* outcome) {
      H taken(std::move(*static_cast<H*>(held)));
      static_cast<H*>(held)->~H();
      if (outcome != nullptr) std::move(taken)(*outcome);
    };
  }
  bool empty() const { return operate_ == nullptr; }
  // Calls it, which may set the next one.
  void Call(WaitOutcome outcome) { std::exchange(operate_, nullptr)(storage_.data(), &outcome); }

 private:
  static constexpr size_t kBytes = 48;
  alignas(std::max_align_t) std::array<std::byte, kBytes> storage_;
  void (*operate_)(void* held, const WaitOutcome* outcome) = nullptr;
};

// A connected, non-blocking socket, owned, on one core. One wait at a time.
class PolledSocket {
 public:
  // Told about a peer that closed its end (or broke off) while nobody waits.
  class Observer {
   public:
    virtual void OnPeerClosed() = 0;
    // The socket takes bytes again, after one write that would have blocked, and no task waits for
    // that (one may wait to read).
    virtual void OnWritable() {}

   protected:
    ~Observer() = default;
  };

  PolledSocket(Poller& poller, int descriptor, Observer* observer);
  ~PolledSocket();  // closes
  PolledSocket(const PolledSocket&) = delete;
  PolledSocket& operator=(const PolledSocket&) = delete;

  Result<void> Register();
  int descriptor() const { return descriptor_; }
  // What the last event and the last attempt say; a read or write that would block clears it.
  bool ready(Direction direction) const {
    return direction == Direction::kRead ? readable_ : writable_;
  }
  void ClearReady(Direction direction) {
    (direction == Direction::kRead ? readable_ : writable_) = false;
  }
  bool peer_closed() const { return peer_closed_; }
  bool broken() const { return broken_; }
  // Whether input of the peer lies unread in the socket.
  bool HasUnreadInput() const;

  // co_await socket.Wait(Direction::kRead, ...): for a socket that is not ready. It is ended by
  // Wake, and if it is `cancellable` also by the cancellation of the task.
  auto Wait(Direction direction, bool cancellable) {
    return asio::async_initiate<const asio::deferred_t, void(WaitOutcome)>(
        Initiate{this, direction, cancellable}, asio::deferred);
  }
  // Whether other sockets of this turn have not had theirs: then a short answer had better wait
  // for the end of the turn. A peer that sleeps is woken by the first of several answers, which
  // costs more than an answer; it finds the others when it looks. The wait ends earlier when many
  // wait, or the first has waited for long (net/limits.h).
  bool others_wait() const { return poller_.events_left_ > 0; }
  // co_await socket.WaitForTurnEnd(): ended by the poller, or by Wake.
  auto WaitForTurnEnd() {
    return asio::async_initiate<const asio::deferred_t, void(WaitOutcome)>(Defer{this},
                                                                           asio::deferred);
  }
  // Ends the wait that runs, if any, with kTimedOut or kCancelled.
  void Wake(WaitOutcome outcome);

 private:
  friend class Poller;
  void OnEvents(uint32_t events);

  // Ends one wait from the loop, as Asio does: whoever cancels is not entered again meanwhile.
  struct CancelWait {
    std::shared_ptr<PolledSocket*> self;
    uint64_t number;
    void operator()(asio::cancellation_type) const;
  };
  struct Initiate {
    PolledSocket* socket;
    Direction direction;
    bool cancellable;
    template <class Handler>
    void operator()(Handler handler) {
      ++socket->wait_number_;
      if (cancellable) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) slot.assign(CancelWait{socket->self_, socket->wait_number_});
      }
      socket->waits_for_ = direction;
      socket->handler_.Set(std::move(handler));
    }
  };
  struct Defer {
    PolledSocket* socket;
    template <class Handler>
    void operator()(Handler handler) {
      ++socket->wait_number_;
      socket->deferred_ = true;
      socket->handler_.Set(std::move(handler));
      socket->poller_.Defer(socket);
    }
  };
  Poller& poller_;
  const int descriptor_;
  Observer* const observer_;
  bool registered_ = false;
  bool readable_ = true;
  bool writable_ = true;
  bool peer_closed_ = false;
  bool broken_ = false;
  bool deferred_ = false;
  Direction waits_for_ = Direction::kRead;
  uint64_t wait_number_ = 0;
  const std::shared_ptr<PolledSocket*> self_;  // nullptr in it once the socket is gone
  WaitHandler handler_;
};

}  // namespace slipway::net
