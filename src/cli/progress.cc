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

Progress::Progress(Clock& clock, std::string step)
    : Progress(clock, std::move(step), OptionsOfStandardError()) {}

Progress::Progress(Clock& clock, std::string step, Options options)
    : clock_(clock), step_(std::move(step)), options_(options) {}

Progress::~Progress() {
  ClearBar();
}

void Progress::Update(std::string_view name, uint64_t done_bytes, uint64_t total_bytes) {
  if (options_.quiet) return;
  const bool is_first = files_.empty();
  File& file = files_.try_emplace(std::string(name)).first->second;
  // A transfer that begins anew takes back what it had done.
  done_bytes_ += done_bytes - file.done_bytes;
  total_bytes_ += total_bytes - file.total_bytes;
  file.done_bytes = done_bytes;
  file.total_bytes = total_bytes;
  const bool is_news = !file.is_told && done_bytes > 0 && done_bytes >= total_bytes;
  if (is_news) {
    file.is_told = true;
    ++files_done_;
    ClearBar();
    Write(fmt::format("{} {}: {}\n", step_, Printable(name), FormatBytes(total_bytes)));
  }
  if (!options_.terminal || (is_news && files_done_ == files_.size())) return;
  if (is_first || is_news || clock_.Steady() - last_drawn_ >= kRedrawEvery) Draw();
}

void Progress::Draw() {
  last_drawn_ = clock_.Steady();
  const double share =
      total_bytes_ == 0
          ? 0
          : std::min(1.0, static_cast<double>(done_bytes_) / static_cast<double>(total_bytes_));
  const int filled = static_cast<int>(share * kBarWidth);
  const std::string what = files_.size() == 1
                               ? Printable(files_.begin()->first)
                               : fmt::format("file {} of {}", files_done_ + 1, files_.size());
  std::string line =
      fmt::format("[{:#<{}}{:<{}}] {:3.0f}% {} {} {}", "", filled, "", kBarWidth - filled,
                  share * 100, FormatBytes(done_bytes_), step_, what);
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

std::function<void(std::string_view, uint64_t, uint64_t)> UpdatesOf(Progress& progress) {
  return [&progress](std::string_view file, uint64_t done_bytes, uint64_t total_bytes) {
    progress.Update(file, done_bytes, total_bytes);
  };
}

}  // namespace slipway::cli
