// LoadSuspects: which revision made serve end while it was loading. Pure decision logic.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/serving_channel.h"
#include "runtime/serving_config.h"

namespace slipway::agent {

// A model whose loading ends the process must not take the others down for ever. When serve ends,
// the revisions that it was loading are suspects, and those that it was given and has said nothing
// of; if there are several, they are tried one at a time from then on; one that ended it
// kMaxLoadCrashes times is condemned and never given to it again.
class LoadSuspects {
 public:
  // Serve ended by itself with `config` in its hands. `last` is its last word, nullptr if it never
  // said any.
  void ServeEnded(const runtime::ServingConfig& config, const runtime::ServingStatus* last);
  // What serve says of its revisions.
  void ServeSaid(const runtime::ServingStatus& status);
  // Forgets all revisions but these.
  void Keep(const std::set<std::string>& uids);

  bool IsCondemned(const std::string& uid) const;
  // Which of these, in the order in which serve loads them, it may be given now.
  std::set<std::string> Allowed(const std::vector<std::string>& uids);

 private:
  void Blame(const std::set<std::string>& suspects);

  std::set<std::string> settled_;  // were Ready, or Failed without harm
  std::map<std::string, int> crashes_;
  bool one_at_a_time_ = false;
  int silent_ends_ = 0;
};

}  // namespace slipway::agent
