#include "cli/prompt.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace slipway::cli {
namespace {

constexpr size_t kMaxLineBytes = 8 << 10;
constexpr char kCtrlC = 3;

// The terminal of this process. What was changed of it is put back.
class Terminal {
 public:
  Terminal() : descriptor_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {}
  ~Terminal() {
    if (hidden_) ::tcsetattr(descriptor_, TCSAFLUSH, &before_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  bool is_open() const { return descriptor_ >= 0; }

  // Ctrl-C comes as a character from here on: there is no moment in which it leaves the terminal
  // mute.
  bool Hide() {
    if (::tcgetattr(descriptor_, &before_) != 0) return false;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    quiet.c_lflag |= ECHONL;
    quiet.c_cc[VEOL] = kCtrlC;  // ends the line, so that it is seen at once
    hidden_ = ::tcsetattr(descriptor_, TCSAFLUSH, &quiet) == 0;
    return hidden_;
  }

  bool Write(std::string_view text) const {
    return ::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }

  // A line without its end; nothing at the end of the input.
  Result<std::string> ReadLine() const {
    std::string line;
    char c = 0;
    while (true) {
      const ssize_t count = ::read(descriptor_, &c, 1);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SystemError(errno, "read from the terminal");
      if (count == 0 || c == kCtrlC) {
        return Error(Code::kCancelled, "INTERRUPTED", "interrupted");
      }
      if (c == '\n' || c == '\r') return line;
      line.push_back(c);
      if (line.size() > kMaxLineBytes) {
        return InvalidArgument(
            "LINE_TOO_LONG", "the line has more than " + std::to_string(kMaxLineBytes) + " bytes");
      }
    }
  }

 private:
  const int descriptor_;
  termios before_{};
  bool hidden_ = false;
};

}  // namespace

Result<std::string> Ask(std::string_view question, Echo echo) {
  Terminal terminal;
  if (!terminal.is_open() || (echo == Echo::kHidden && !terminal.Hide())) {
    return FailedPrecondition("TERMINAL_MISSING", "there is no terminal to ask at");
  }
  if (!terminal.Write(question)) return SystemError(errno, "write to the terminal");
  return terminal.ReadLine();
}

}  // namespace slipway::cli
