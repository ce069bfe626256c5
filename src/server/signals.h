// The wish of the user, or of whoever started this program, that it ends or reads its files again.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>

namespace slipway::server {

// What SIGHUP means: a terminal that was closed, unless the program was started to survive that
// (nohup), or the wish that files are read again.
enum class HangUp : uint8_t { kStops, kReloads };

// Asks this program alone to end: the control centre leaves the data plane to its successor.
inline constexpr int kLeaveSignal = SIGUSR1;

// Between construction and destruction SIGINT, SIGTERM, SIGUSR1 and SIGHUP do not end the process,
// SIGPIPE is ignored. One object at a time.
class StopSignals {
 public:
  explicit StopSignals(HangUp hang_up);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Blocks until one came, now or before, that asks for the end; returns its number. `reload` is
  // called for each SIGHUP that does not.
  int Wait(const std::function<void()>& reload);
  // Whether Wait would return at once, or has returned. From any thread.
  static bool IsEndAsked();
  // From now on the stop has so long; then the process says so and ends with exit code 1.
  void EndAfter(unsigned seconds);
  // Lets Wait return, as if SIGTERM had come: for a part that cannot go on.
  static void Raise();

 private:
  int WaitForOne();

  const HangUp hang_up_;
};

}  // namespace slipway::server
