// BlamePage: which revision runs on each thread, in a file that outlives the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::engine {

class BlamePage {
 public:
  // Makes the file anew and notes in it from now on, what a fatal signal hits included. Once in a
  // process, before it has other threads. The file of another process that still runs is not
  // touched.
  static Result<void> Open(const std::string& path);
  // A number for the revision, as long as it is loaded; 0 where there is no page or no room in it:
  // then it is never blamed.
  static uint32_t Enter(std::string_view uid);
  static void Leave(uint32_t number);
};

// While this is there, its thread runs the revision.
class BlameNote {
 public:
  explicit BlameNote(uint32_t number);
  ~BlameNote();
  BlameNote(const BlameNote&) = delete;
  BlameNote& operator=(const BlameNote&) = delete;

 private:
  uint64_t before_ = 0;
  bool is_noted_ = false;
};

// Who is to blame for the end of the process that wrote the file: the revision that ran on the
// thread which the signal hit; where none did there, the one that ran at all, if it was one alone.
// Empty where the process ended in another way, or there is no such file. It is taken away: nobody
// is blamed twice for one end.
std::string TakeBlame(const std::string& path);

// The runs under way in the process that writes the file, by their threads: a number that no other
// run of that thread has soon. Empty where there is no such file.
using RunsUnderWay = std::map<size_t, uint64_t>;
RunsUnderWay LookAtRuns(const std::string& path);

// The revision whose run has gone on since `before`; empty where there is none, or runs of several
// have.
std::string WhoRunsSince(const std::string& path, const RunsUnderWay& before);

}  // namespace slipway::engine
