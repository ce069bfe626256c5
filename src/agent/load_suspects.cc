#include "agent/load_suspects.h"

#include <algorithm>
#include <csignal>

#include "agent/limits.h"
#include "engine/plugin_host.h"
#include "runtime/site_state.h"

namespace slipway::agent {

namespace {

// The pause after so many crashes.
SteadyTime::duration PauseAfter(int crashes) {
  const int doublings = std::min(crashes - kMaxLoadCrashes, 20);
  return std::min<SteadyTime::duration>(kFirstLoadPause * (1 << doublings), kLongestLoadPause);
}

std::set<std::string> ElsewhereIn(const runtime::ServingConfig& config) {
  std::set<std::string> uids;
  for (const auto& service : config.services) {
    for (const auto& revision : service.revisions) {
      if (engine::RunsElsewhere(revision.format, revision.own_process)) uids.insert(revision.uid);
    }
  }
  return uids;
}

}  // namespace

Ending EndingOf(const runtime::WorkloadExit& exit) {
  if (exit.exit_code.has_value()) return Ending::kOrderly;
  if (!exit.by_signal.has_value()) return Ending::kCrashed;
  switch (*exit.by_signal) {
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
      return Ending::kOrderly;
    case SIGKILL:
      return Ending::kKilled;
    default:
      return Ending::kCrashed;
  }
}

std::string LoadSuspects::ServeEnded(const runtime::ServingConfig& config, const ServeEnd& end,
                                     SteadyTime now) {
  if (end.last.has_value()) ServeSaid(*end.last);
  if (end.how == Ending::kOrderly) return {};
  const std::set<std::string> suspects = SuspectsOf(config, end);
  if (end.how == Ending::kKilled && !end.last.has_value()) {
    // That early, the signal came from outside.
    if (suspects.size() > 1) one_at_a_time_ = true;
    return {};
  }
  return Blame(suspects, config, now);
}

std::set<std::string> LoadSuspects::SuspectsOf(const runtime::ServingConfig& config,
                                               const ServeEnd& end) {
  std::set<std::string> suspects;
  if (end.last.has_value()) {
    for (const auto& revision : end.last->revisions) {
      if (revision.phase == runtime::kPhaseLoading) suspects.insert(revision.uid);
    }
  } else if (end.how == Ending::kCrashed && end.blamed.empty() &&
             ++silent_ends_ >= kMaxSilentCrashes) {
    // What was Ready once may still be what ends it now, if nothing else explains its silence.
    silent_ends_ = 0;
    settled_.clear();
  }
  // It may have ended at what it was given since its last word.
  if (!end.last.has_value() || end.last->generation < config.generation) {
    for (const auto& service : config.services) {
      for (const auto& revision : service.revisions) {
        if (!settled_.contains(revision.uid)) suspects.insert(revision.uid);
      }
    }
  }
  if (end.how == Ending::kCrashed) {
    std::set<std::string> shared = suspects;
    for (const std::string& uid : ElsewhereIn(config)) shared.erase(uid);
    if (!shared.empty()) suspects = std::move(shared);
  }
  if (end.blamed.empty()) return suspects;
  // What ran where it ended was warming up, or was serving and the others are innocent.
  return suspects.contains(end.blamed) ? std::set<std::string>{end.blamed}
                                       : std::set<std::string>();
}

std::string LoadSuspects::Blame(const std::set<std::string>& suspects,
                                const runtime::ServingConfig& config, SteadyTime now) {
  if (suspects.size() > 1) {
    one_at_a_time_ = true;
    const std::set<std::string> elsewhere = ElsewhereIn(config);
    elsewhere_too_ = elsewhere_too_ || std::ranges::any_of(suspects, [&](const std::string& uid) {
                       return elsewhere.contains(uid);
                     });
  }
  if (suspects.size() != 1) return {};
  Crashes& crashes = crashes_[*suspects.begin()];
  if (++crashes.count < kMaxLoadCrashes) return {};
  crashes.again_at = now + PauseAfter(crashes.count);
  return *suspects.begin();
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
  return found != crashes_.end() && found->second.again_at.has_value();
}

void LoadSuspects::Pardon(SteadyTime now) {
  for (auto& [uid, crashes] : crashes_) {
    if (!crashes.again_at.has_value() || now < *crashes.again_at) continue;
    crashes.again_at.reset();
    settled_.erase(uid);
  }
}

std::set<std::string> LoadSuspects::Allowed(const std::vector<std::string>& uids,
                                            const std::set<std::string>& elsewhere) {
  std::set<std::string> allowed;
  bool unsettled = false;
  for (const std::string& uid : uids) {
    if (IsCondemned(uid)) continue;
    if (!settled_.contains(uid) && (elsewhere_too_ || !elsewhere.contains(uid))) {
      if (one_at_a_time_ && unsettled) continue;
      unsettled = true;
    }
    allowed.insert(uid);
  }
  if (!unsettled) one_at_a_time_ = elsewhere_too_ = false;
  return allowed;
}

}  // namespace slipway::agent
