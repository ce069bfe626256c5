#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "cli/text.h"

namespace slipway::cli {
namespace {

constexpr std::chrono::milliseconds kRedrawEvery{100};
constexpr int kBarWidth = 30;

Progress::Options OptionsOfStandardError() {
  Progress::Options options;
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  options.terminal =
      isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
  winsize size{};
  if (options.terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    options.columns = size.ws_col;
  }
  return options;
}

}  // namespace

Progress::Progress(Clock& clock) : Progress(clock, OptionsOfStandardError()) {}

Progress::Progress(Clock& clock, Options options) : clock_(clock), options_(options) {}

Progress::~Progress() {
  ClearBar();
}

void Progress::Update(std::string_view what, uint64_t done_bytes, uint64_t total_bytes) {
  if (options_.quiet) return;
  auto [entry, is_new] = seen_.try_emplace(std::string(what), false);
  bool complete = total_bytes > 0 && done_bytes >= total_bytes && !entry->second;
  if (options_.terminal) {
    if (is_new || complete || clock_.Steady() - last_drawn_ >= kRedrawEvery) {
      Draw(what, done_bytes, total_bytes);
    }
  }
  if (complete) {
    entry->second = true;
    ClearBar();
    Write(fmt::format("{}: {}\n", Printable(what), FormatBytes(total_bytes)));
  }
}

void Progress::Draw(std::string_view what, uint64_t done_bytes, uint64_t total_bytes) {
  last_drawn_ = clock_.Steady();
  double share =
      total_bytes == 0
          ? 0
          : std::min(1.0, static_cast<double>(done_bytes) / static_cast<double>(total_bytes));
  int filled = static_cast<int>(share * kBarWidth);
  std::string line =
      fmt::format("[{:#<{}}{:<{}}] {:3.0f}% {} {}", "", filled, "", kBarWidth - filled, share * 100,
                  FormatBytes(done_bytes), Printable(what));
  if (line.size() >= static_cast<size_t>(options_.columns)) {
    line.resize(static_cast<size_t>(std::max(options_.columns - 1, 1)));
  }
  Write("\r\x1b[K" + line);
  bar_drawn_ = true;
}

void Progress::ClearBar() {
  if (bar_drawn_) Write("\r\x1b[K");
  bar_drawn_ = false;
}

void Progress::Write(std::string_view text) {
  if (options_.write != nullptr) return options_.write(text);
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace slipway::cli
