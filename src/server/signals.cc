#include "server/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "base/check.h"

namespace slipway::server {
namespace {

constexpr std::string_view kTookTooLong = "slipway: the stop took too long and was cut short\n";

// The pipe carries the signal's number from the handler, which may do nothing else, to Wait.
std::array<int, 2> pipe_ends = {-1, -1};
bool hang_up_stops = true;  // set before the handlers are
std::atomic<bool> end_asked = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a handler writes it");

void OnSignal(int number) {
  int saved = errno;
  if (number != SIGHUP || hang_up_stops) end_asked = true;
  auto byte = static_cast<char>(number);
  (void)!::write(pipe_ends[1], &byte, 1);
  errno = saved;
}

void OnAlarm(int) {
  (void)!::write(STDERR_FILENO, kTookTooLong.data(), kTookTooLong.size());
  _exit(1);
}

void SetHandler(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(number, &action, nullptr) == 0);
}

bool IsIgnored(int number) {
  struct sigaction action = {};
  CHECK(sigaction(number, nullptr, &action) == 0);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

StopSignals::StopSignals(HangUp hang_up) : hang_up_(hang_up) {
  CHECK(pipe_ends[0] == -1);
  hang_up_stops = hang_up_ == HangUp::kStops;
  end_asked = false;
  CHECK(::pipe2(pipe_ends.data(), O_CLOEXEC) == 0);
  // The handler must never block; one pending byte is enough.
  CHECK(::fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK) == 0);
  SetHandler(SIGINT, OnSignal);
  SetHandler(SIGTERM, OnSignal);
  SetHandler(kLeaveSignal, OnSignal);
  if (hang_up_ == HangUp::kReloads || !IsIgnored(SIGHUP)) SetHandler(SIGHUP, OnSignal);
  // A connection that closed, and a file at its size limit, are errors of the call that wrote.
  SetHandler(SIGPIPE, SIG_IGN);
  SetHandler(SIGXFSZ, SIG_IGN);
}

StopSignals::~StopSignals() {
  ::alarm(0);
  SetHandler(SIGINT, SIG_DFL);
  SetHandler(SIGTERM, SIG_DFL);
  SetHandler(kLeaveSignal, SIG_DFL);
  if (!IsIgnored(SIGHUP)) SetHandler(SIGHUP, SIG_DFL);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  pipe_ends = {-1, -1};
}

int StopSignals::Wait(const std::function<void()>& reload) {
  while (true) {
    const int number = WaitForOne();
    if (number != SIGHUP || hang_up_ == HangUp::kStops) return number;
    reload();
  }
}

int StopSignals::WaitForOne() {
  char number = 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe_ends[0], &number, 1);
  } while (count < 0 && errno == EINTR);
  return count == 1 ? number : SIGTERM;
}

bool StopSignals::IsEndAsked() {
  return end_asked;
}

void StopSignals::EndAfter(unsigned seconds) {
  SetHandler(SIGALRM, OnAlarm);
  ::alarm(seconds);
}

void StopSignals::Raise() {
  OnSignal(SIGTERM);
}

}  // namespace slipway::server
