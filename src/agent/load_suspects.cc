#include "agent/load_suspects.h"

#include "agent/limits.h"
#include "runtime/site_state.h"

namespace slipway::agent {

void LoadSuspects::ServeEnded(const runtime::ServingConfig& config,
                              const runtime::ServingStatus* last) {
  std::set<std::string> suspects;
  if (last != nullptr) {
    ServeSaid(*last);
    for (const auto& revision : last->revisions) {
      if (revision.phase == runtime::kPhaseLoading) suspects.insert(revision.uid);
    }
  } else if (++silent_ends_ >= kMaxSilentCrashes) {
    // What was Ready once may still be what ends it now, if nothing else explains its silence.
    silent_ends_ = 0;
    settled_.clear();
  }
  // It may have ended at what it was given since its last word.
  if (last == nullptr || last->generation < config.generation) {
    for (const auto& service : config.services) {
      for (const auto& revision : service.revisions) {
        if (!settled_.contains(revision.uid)) suspects.insert(revision.uid);
      }
    }
  }
  Blame(suspects);
}

void LoadSuspects::Blame(const std::set<std::string>& suspects) {
  if (suspects.size() > 1) {
    one_at_a_time_ = true;
    return;
  }
  for (const std::string& uid : suspects) ++crashes_[uid];
}

void LoadSuspects::ServeSaid(const runtime::ServingStatus& status) {
  silent_ends_ = 0;
  for (const auto& revision : status.revisions) {
    bool ready = revision.phase == runtime::kPhaseReady;
    if (ready) crashes_.erase(revision.uid);
    if (ready || revision.phase == runtime::kPhaseFailed) settled_.insert(revision.uid);
  }
}

void LoadSuspects::Keep(const std::set<std::string>& uids) {
  std::erase_if(settled_, [&uids](const std::string& uid) { return !uids.contains(uid); });
  std::erase_if(crashes_, [&uids](const auto& entry) { return !uids.contains(entry.first); });
}

bool LoadSuspects::IsCondemned(const std::string& uid) const {
  auto found = crashes_.find(uid);
  return found != crashes_.end() && found->second >= kMaxLoadCrashes;
}

std::set<std::string> LoadSuspects::Allowed(const std::vector<std::string>& uids) {
  std::set<std::string> allowed;
  bool unsettled = false;
  for (const std::string& uid : uids) {
    if (IsCondemned(uid)) continue;
    if (!settled_.contains(uid)) {
      if (one_at_a_time_ && unsettled) continue;
      unsettled = true;
    }
    allowed.insert(uid);
  }
  if (!unsettled) one_at_a_time_ = false;
  return allowed;
}

}  // namespace slipway::agent
