// CRASH_POINT("name"): a place where tests kill the process, to see that what was acknowledged is
// there afterwards and that nothing half-done is visible.
//
// SLIPWAY_CRASH_AT=name kills it with SIGKILL when the place is reached, name:3 at the third time,
// after the line "killed at crash point name" on standard error. Otherwise a point costs one
// relaxed load. Names are written area.step, each used in one place.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The names of all points linked into this program, sorted; reached or not.
std::vector<std::string> CrashPointNames();

// True if SLIPWAY_CRASH_AT is unset, or names a point of this program and a count from 1.
bool CrashPointSettingIsValid();

namespace crash_point {

// Set before main when SLIPWAY_CRASH_AT is set; never changes after.
extern std::atomic<bool> armed;

// A name as a template argument: lower-case letters, digits, dots and underscores.
template <size_t kSize>
struct Name {
  // NOLINTNEXTLINE(google-explicit-constructor): a string literal becomes a template argument.
  consteval Name(const char (&literal)[kSize]) {
    for (size_t i = 0; i + 1 < kSize; ++i) {
      const char c = literal[i];
      const bool valid = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
      if (!valid) throw "a crash point's name has lower-case letters, digits, dots and underscores";
      text[i] = c;
    }
  }
  char text[kSize] = {};
};

// One point. Constructed before main, so that the list is complete without reaching any.
class Point {
 public:
  explicit Point(const char* name);
  void Reached() {
    if (armed.load(std::memory_order_relaxed)) Hit();
  }

 private:
  friend std::vector<std::string> slipway::CrashPointNames();
  friend bool slipway::CrashPointSettingIsValid();
  void Hit();

  const char* name_;
  std::atomic<unsigned> hits_{0};
  Point* next_;
};

template <Name kName>
struct Site {
  static inline Point point{kName.text};
};

}  // namespace crash_point
}  // namespace slipway

#define CRASH_POINT(name) ::slipway::crash_point::Site<name>::point.Reached()
