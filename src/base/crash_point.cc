#include "base/crash_point.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace slipway {
namespace {

struct Setting {
  std::string_view name;
  unsigned count = 1;
};

// Points are constructed by one thread, before main or while a plugin is opened.
constinit std::atomic<crash_point::Point*> first_point{nullptr};

// "name" or "name:N"; nothing if N is no count.
std::optional<Setting> ParseSetting(std::string_view text) {
  Setting setting;
  const size_t colon = text.find(':');
  setting.name = text.substr(0, colon);
  if (colon == std::string_view::npos) return setting;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, setting.count);
  if (error != std::errc() || rest != end || setting.count == 0) return std::nullopt;
  return setting;
}

const char* SettingText() {
  static const char* const text = std::getenv("SLIPWAY_CRASH_AT");
  return text;
}

}  // namespace

namespace crash_point {

std::atomic<bool> armed{SettingText() != nullptr};

Point::Point(const char* name) : name_(name), next_(first_point.load()) {
  first_point = this;
}

void Point::Hit() {
  const std::optional<Setting> setting = ParseSetting(SettingText());
  if (!setting || setting->name != name_) return;
  if (hits_.fetch_add(1) + 1 != setting->count) return;
  // Without the log and its buffers: nothing of them survives.
  const std::string line = "killed at crash point " + std::string(name_) + "\n";
  static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
  kill(getpid(), SIGKILL);
  while (true) pause();
}

}  // namespace crash_point

std::vector<std::string> CrashPointNames() {
  std::vector<std::string> names;
  for (const crash_point::Point* point = first_point.load(); point != nullptr;
       point = point->next_) {
    names.emplace_back(point->name_);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool CrashPointSettingIsValid() {
  if (SettingText() == nullptr) return true;
  const std::optional<Setting> setting = ParseSetting(SettingText());
  if (!setting) return false;
  for (const crash_point::Point* point = first_point.load(); point != nullptr;
       point = point->next_) {
    if (setting->name == point->name_) return true;
  }
  return false;
}

}  // namespace slipway
