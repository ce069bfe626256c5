// Progress of long work on standard error: a bar on a terminal, plain lines in a pipe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace slipway::cli {

// Of one step, such as "pushing", with all its files. Not thread-safe. Update is called as often as
// there is news; what is shown is limited in rate.
class Progress {
 public:
  struct Options {
    bool terminal = false;  // draw a bar
    int columns = 80;
    bool quiet = false;
    void (*write)(std::string_view text) = nullptr;  // nullptr: standard error
  };
  // As standard error is. `step` is "pushing" or the like.
  Progress(Clock& clock, std::string step);
  Progress(Clock& clock, std::string step, Options options);
  ~Progress();  // clears an unfinished bar

  // `done_bytes` of `total_bytes` of a file. The bar is that of all files that were told so far.
  void Update(std::string_view file, uint64_t done_bytes, uint64_t total_bytes);
  // Takes the bar away before other output.
  void Finish() { ClearBar(); }
  bool is_bar() const { return options_.terminal; }

 private:
  struct File {
    uint64_t done_bytes = 0;
    uint64_t total_bytes = 0;
    bool is_told = false;  // that it is done
  };

  void Draw();
  void Write(std::string_view text);
  void ClearBar();

  Clock& clock_;
  const std::string step_;
  Options options_;
  SteadyTime last_drawn_;
  bool bar_drawn_ = false;
  std::map<std::string, File, std::less<>> files_;
  uint64_t done_bytes_ = 0;  // of all files
  uint64_t total_bytes_ = 0;
  size_t files_done_ = 0;
};

// Its Update, for those who call with news of files. It outlives them.
std::function<void(std::string_view, uint64_t, uint64_t)> UpdatesOf(Progress& progress);

}  // namespace slipway::cli
