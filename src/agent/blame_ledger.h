// BlameLedger: which revisions made serve end while it ran them, or hang in it. Pure decision
// logic.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>

#include "base/clock.h"

namespace slipway::agent {

// A revision that is blamed kMaxBlames times within kBlameWindow gets a process of its own.
class BlameLedger {
 public:
  // Those that have one already, of earlier days.
  explicit BlameLedger(std::set<std::string> isolated = {}) : isolated_(std::move(isolated)) {}

  // Whether it is to have one from now on.
  bool Blamed(const std::string& uid, SteadyTime now);
  // So many runs of it hang in serve now: each that is new counts as a blame. Whether it is to have
  // one from now on.
  bool Hangs(const std::string& uid, int64_t runs, SteadyTime now);
  // Another serve, in which no run hangs yet.
  void ServeEnded() { hung_.clear(); }
  // It is to have one, whatever it was blamed for; whether that is news.
  bool Isolate(const std::string& uid);
  bool IsIsolated(const std::string& uid) const { return isolated_.contains(uid); }
  const std::set<std::string>& isolated() const { return isolated_; }
  // Forgets all revisions but these; whether any that has a process of its own was among them.
  bool Keep(const std::set<std::string>& uids);

 private:
  std::map<std::string, std::deque<SteadyTime>> blames_;
  std::map<std::string, int64_t> hung_;  // runs, at the last word
  std::set<std::string> isolated_;
};

}  // namespace slipway::agent
