// Progress of long work on standard error: a bar on a terminal, plain lines in a pipe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace slipway::cli {

// Not thread-safe. Update is called as often as there is news; what is shown is limited in rate.
class Progress {
 public:
  struct Options {
    bool terminal = false;  // draw a bar
    int columns = 80;
    bool quiet = false;
    void (*write)(std::string_view text) = nullptr;  // nullptr: standard error
  };
  explicit Progress(Clock& clock);  // as standard error is
  Progress(Clock& clock, Options options);
  ~Progress();  // clears an unfinished bar

  // `done_bytes` of `total_bytes` of the thing called `what`; a total of 0 is "not known".
  void Update(std::string_view what, uint64_t done_bytes, uint64_t total_bytes);
  // Takes the bar away before other output.
  void Finish() { ClearBar(); }
  bool is_bar() const { return options_.terminal; }

 private:
  void Draw(std::string_view what, uint64_t done_bytes, uint64_t total_bytes);
  void Write(std::string_view text);
  void ClearBar();

  Clock& clock_;
  Options options_;
  SteadyTime last_drawn_;
  bool bar_drawn_ = false;
  std::map<std::string, bool, std::less<>> seen_;  // what -> said to be done
};

}  // namespace slipway::cli
