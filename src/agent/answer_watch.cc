#include "agent/answer_watch.h"

#include <algorithm>

#include "agent/limits.h"

namespace slipway::agent {

using std::chrono::milliseconds;

milliseconds AnswerWatch::interval() const {
  // Several questions fit in the limit, so that one slow turn is not the whole of it.
  constexpr int kTurns = 5;
  return std::clamp(options_.limit / kTurns, kShortestAskInterval, kAskInterval);
}

void AnswerWatch::Begin(SteadyTime now) {
  has_answered_ = false;
  turned_ = now;
  silence_ = hung_ = milliseconds(0);
  cores_.clear();
}

void AnswerWatch::Turn(SteadyTime now, bool held) {
  auto passed = std::chrono::duration_cast<milliseconds>(now - turned_);
  milliseconds step = std::clamp(passed, milliseconds(0), 2 * interval());
  turned_ = now;
  // Counted from the limit on: before, nobody looks whether it is held.
  hung_ = held || !is_silent() ? milliseconds(0) : hung_ + step;
  silence_ += step;
  for (auto& [core, silence] : cores_) silence += step;
}

void AnswerWatch::Answered(const std::vector<int64_t>& silent_cores) {
  has_answered_ = true;
  silence_ = milliseconds(0);
  std::map<int64_t, milliseconds> still;
  for (int64_t core : silent_cores) {
    auto before = cores_.find(core);
    still[core] = before == cores_.end() ? milliseconds(0) : before->second;
  }
  cores_ = std::move(still);
  if (cores_.empty()) hung_ = milliseconds(0);
}

milliseconds AnswerWatch::Silence() const {
  milliseconds longest = silence_;
  for (const auto& [core, silence] : cores_) longest = std::max(longest, silence);
  return longest;
}

std::optional<int64_t> AnswerWatch::silent_core() const {
  auto longest = std::ranges::max_element(cores_, {}, [](const auto& core) { return core.second; });
  if (longest == cores_.end() || silence_ >= limit()) return std::nullopt;
  return longest->first;
}

bool AnswerWatch::is_lost() const {
  return options_.end_after.count() > 0 && is_silent() && hung_ >= options_.end_after;
}

}  // namespace slipway::agent
