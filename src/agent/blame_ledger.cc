#include "agent/blame_ledger.h"

#include "agent/limits.h"

namespace slipway::agent {

bool BlameLedger::Blamed(const std::string& uid, SteadyTime now) {
  if (isolated_.contains(uid)) return false;
  std::deque<SteadyTime>& times = blames_[uid];
  times.push_back(now);
  while (now - times.front() > kBlameWindow) times.pop_front();
  if (times.size() < kMaxBlames) return false;
  blames_.erase(uid);
  isolated_.insert(uid);
  return true;
}

bool BlameLedger::Hangs(const std::string& uid, int64_t runs, SteadyTime now) {
  int64_t& known = hung_[uid];
  bool isolates = false;
  for (; known < runs; ++known) isolates = Blamed(uid, now) || isolates;
  known = runs;
  if (runs == 0) hung_.erase(uid);
  return isolates;
}

bool BlameLedger::Isolate(const std::string& uid) {
  blames_.erase(uid);
  return isolated_.insert(uid).second;
}

bool BlameLedger::Keep(const std::set<std::string>& uids) {
  std::erase_if(hung_, [&uids](const auto& entry) { return !uids.contains(entry.first); });
  std::erase_if(blames_, [&uids](const auto& entry) { return !uids.contains(entry.first); });
  return std::erase_if(isolated_, [&uids](const std::string& uid) { return !uids.contains(uid); }) >
         0;
}

}  // namespace slipway::agent
