// LoadSuspects: which revision made serve end while it was loading. Pure decision logic.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "runtime/driver.h"
#include "runtime/serving_channel.h"
#include "runtime/serving_config.h"

namespace slipway::agent {

// How a process ended.
enum class Ending : uint8_t {
  kOrderly,  // it exited, or followed a signal that asks for the end: no model does that to it
  kKilled,   // by SIGKILL: somebody outside, or the system for want of memory
  kCrashed,  // by another signal, in a way that nobody saw, or because it did not answer
};
Ending EndingOf(const runtime::WorkloadExit& exit);

// The end of a serve that nobody asked to end.
struct ServeEnd {
  std::optional<runtime::ServingStatus> last;  // its last word, if it had said any
  std::string blamed;  // uid of the revision that ran where it ended, if that is known
  Ending how = Ending::kCrashed;
};

// A model whose loading ends the process must not take the others down for ever. When serve
// crashes, the revisions that it was loading are suspects, and those that it was given and has said
// nothing of, unless it is known which revision ran where it ended. If there are several, they are
// tried one at a time from then on; one that ended it kMaxLoadCrashes times is condemned: it is not
// given to serve before a pause is over, which doubles with each further time. Those in processes
// of their own crash there: they come under suspicion where nobody else does, or where serve was
// killed, perhaps for the memory that they took; else nobody waits for them.
class LoadSuspects {
 public:
  // Serve ended by itself with `config` in its hands. The uid of the revision that is condemned for
  // it, empty if none is.
  std::string ServeEnded(const runtime::ServingConfig& config, const ServeEnd& end, SteadyTime now);
  // What serve says of its revisions.
  void ServeSaid(const runtime::ServingStatus& status);
  // Forgets all revisions but these.
  void Keep(const std::set<std::string>& uids);

  // Those whose pause is over may be given again.
  void Pardon(SteadyTime now);
  bool IsCondemned(const std::string& uid) const;
  // Which of these, in the order in which serve loads them, it may be given now; `elsewhere`: those
  // of them that get processes of their own.
  std::set<std::string> Allowed(const std::vector<std::string>& uids,
                                const std::set<std::string>& elsewhere = {});

 private:
  struct Crashes {
    int count = 0;
    std::optional<SteadyTime> again_at;  // while it is condemned
  };
  std::set<std::string> SuspectsOf(const runtime::ServingConfig& config, const ServeEnd& end);
  std::string Blame(const std::set<std::string>& suspects, const runtime::ServingConfig& config,
                    SteadyTime now);

  std::set<std::string> settled_;  // were Ready, or Failed without harm
  std::map<std::string, Crashes> crashes_;
  bool one_at_a_time_ = false;
  bool elsewhere_too_ = false;  // that holds for those in processes of their own, too
  int silent_ends_ = 0;
};

}  // namespace slipway::agent
