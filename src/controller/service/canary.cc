#include "controller/service/canary.h"

#include <algorithm>

#include <fmt/format.h>

#include "runtime/site_state.h"

namespace slipway::controller {
namespace {

using resource::CanaryCounts;
using resource::CanaryStatus;
using resource::CanaryStep;
using resource::CanaryWindow;
using std::chrono::milliseconds;

const Revision* Find(const std::vector<Revision>& revisions, int64_t number) {
  const auto found = std::ranges::find_if(
      revisions, [number](const Revision& revision) { return revision.spec.number == number; });
  return found == revisions.end() ? nullptr : &*found;
}

std::string FailureOf(const Revision& revision) {
  for (const resource::Condition& condition : revision.status.conditions) {
    if (condition.type == "Ready" && !condition.message.empty()) return condition.message;
  }
  return "no reason was given";
}

CanaryStatus Begun(int64_t stable, int64_t revision) {
  return {.phase = std::string(resource::kCanaryWaiting),
          .stable = stable,
          .revision = revision,
          .reason = "WAITING",
          .message = fmt::format("revision {} gets its first share when it is ready", revision)};
}

// The end of a canary, either way.
void End(CanaryStatus& status, std::string_view phase, std::string_view reason,
         std::string message) {
  status.phase = phase;
  status.reason = reason;
  status.message = std::move(message);
  status.weight = 0;
  status.observed_ms = 0;
  status.measured.reset();
  status.measured_stable.reset();
}

void Promote(CanaryStatus& status, std::string_view reason, const std::string& why) {
  const int64_t before = std::exchange(status.stable, status.revision);
  End(status, resource::kCanaryPromoted, reason,
      fmt::format("revision {} has all requests in the place of revision {}: {}", status.revision,
                  before, why));
}

void RollBack(CanaryStatus& status, std::string_view reason, const std::string& why) {
  End(status, resource::kCanaryRolledBack, reason,
      fmt::format("revision {} was rolled back: {}; revision {} has all requests", status.revision,
                  why, status.stable));
}

// The steps of one canary whose revision is ready.
class Trial {
 public:
  explicit Trial(const CanaryInput& input) : spec_(*input.service.spec.canary), input_(input) {}

  CanaryPlan Begin(CanaryStatus status) const {
    const std::string share = ShareText(0);
    Enter(status, 0, fmt::format("{}: revision {} gets {}", PlaceText(1), status.revision, share));
    return {.status = std::move(status), .progress = {}};
  }

  CanaryPlan GoOn(const CanaryStatus& before) const {
    CanaryStatus next = before;
    // The steps may be others than when this one began.
    const size_t step =
        std::min(static_cast<size_t>(std::max(before.step, 1)) - 1, spec_.steps.size() - 1);
    next.step = static_cast<int32_t>(step) + 1;
    next.weight = spec_.steps[step].weight;
    const std::optional<CanaryCounts> counts = CountsOfRevision(before.revision);
    // Before the first report nothing is known, and so nothing is decided.
    if (counts) Look(*counts, step, next);
    if (!spec_.paused && next.phase == resource::kCanaryPaused) {
      next.phase = resource::kCanaryStepping;
      next.reason = ReasonOf(step);
      next.message = fmt::format("{}: revision {} gets {}", PlaceText(next.step), next.revision,
                                 ShareText(step));
    }
    if (spec_.paused && next.phase == resource::kCanaryStepping) {
      next.phase = resource::kCanaryPaused;
      next.reason = "PAUSED";
      next.message = fmt::format("paused in {}: revision {} keeps {}", PlaceText(next.step),
                                 next.revision, ShareText(step));
    }
    CanaryPlan plan{.status = next, .progress = counts ? ProgressText(next, step) : std::string()};
    if (counts && !spec_.paused) Decide(step, plan);
    if (!IsWorthWriting(before, plan.status)) plan.status = before;
    return plan;
  }

 private:
  static std::string ReasonOf(size_t step) { return fmt::format("STEP_{}", step + 1); }
  std::string PlaceText(int32_t step) const {
    return fmt::format("step {} of {}", step, spec_.steps.size());
  }
  std::string ShareText(size_t step) const {
    return fmt::format("{:.4g} %", spec_.steps[step].weight / 100.0);
  }

  std::optional<CanaryCounts> CountsOfRevision(int64_t number) const {
    const Revision* revision = Find(input_.revisions, number);
    if (revision == nullptr) return std::nullopt;
    const auto found = input_.figures.find(revision->metadata.uid);
    if (found == input_.figures.end()) return std::nullopt;
    return CountsOf(spec_, found->second);
  }

  void Enter(CanaryStatus& status, size_t step, std::string message) const {
    status.phase = resource::kCanaryStepping;
    status.step = static_cast<int32_t>(step) + 1;
    status.weight = spec_.steps[step].weight;
    status.held_ms = 0;
    status.observed_ms = input_.now.time_since_epoch().count();
    status.reason = ReasonOf(step);
    status.message = std::move(message);
    status.measured = CanaryWindow{.sum = {}, .last = CountsOfRevision(status.revision)};
    status.measured_stable = CanaryWindow{.sum = {}, .last = CountsOfRevision(status.stable)};
  }

  // Adds what was counted and the time since the last look.
  void Look(const CanaryCounts& counts, size_t step, CanaryStatus& next) const {
    const int64_t now_ms = input_.now.time_since_epoch().count();
    const milliseconds gap(next.observed_ms > 0 ? now_ms - next.observed_ms : 0);
    if (!spec_.paused && gap > milliseconds(0) && gap <= kLongestCanaryGap) {
      const int64_t hold_ms = resource::HoldOf(spec_.steps[step]).count();
      next.held_ms = std::min(next.held_ms + gap.count(), std::max(hold_ms, next.held_ms));
    }
    next.observed_ms = now_ms;
    if (!next.measured) next.measured.emplace();
    Observe(counts, *next.measured);
    if (const auto stable = CountsOfRevision(next.stable)) {
      if (!next.measured_stable) next.measured_stable.emplace();
      Observe(*stable, *next.measured_stable);
    }
  }

  CanaryVerdict VerdictOf(const CanaryStatus& status) const {
    const bool has_stable = status.weight < routing::kWholeWeight;
    const CanaryCounts none;
    const CanaryCounts& stable = status.measured_stable ? status.measured_stable->sum : none;
    return Judge(spec_, status.measured->sum, has_stable ? &stable : nullptr);
  }

  std::string ProgressText(const CanaryStatus& status, size_t step) const {
    const CanaryVerdict verdict = VerdictOf(status);
    std::string text = fmt::format("{}, {} for {} s of {} s, {:.0f} requests",
                                   PlaceText(status.step), ShareText(step), status.held_ms / 1000,
                                   resource::HoldOf(spec_.steps[step]).count() / 1000,
                                   status.measured->sum.requests);
    if (verdict.kind == CanaryVerdict::Kind::kNotYet) text += "; waits: " + verdict.reason;
    if (!verdict.figures.empty()) text += "; " + verdict.figures;
    return text;
  }

  void Decide(size_t step, CanaryPlan& plan) const {
    CanaryStatus& status = plan.status;
    const CanaryVerdict verdict = VerdictOf(status);
    const std::string requests = fmt::format("{:.0f} requests", status.measured->sum.requests);
    if (verdict.kind == CanaryVerdict::Kind::kFailed) {
      RollBack(status, "CONDITION_VIOLATED",
               fmt::format("{} in {} of {} ({})", verdict.reason, requests, PlaceText(status.step),
                           ShareText(step)));
      plan.progress.clear();
      return;
    }
    if (verdict.kind == CanaryVerdict::Kind::kNotYet ||
        milliseconds(status.held_ms) < resource::HoldOf(spec_.steps[step])) {
      return;
    }
    const std::string passed =
        fmt::format("{} passed with {}{}{}", PlaceText(status.step), requests,
                    verdict.figures.empty() ? "" : ", ", verdict.figures);
    plan.progress.clear();
    if (step + 1 == spec_.steps.size()) {
      Promote(status, "STEPS_PASSED", passed);
      return;
    }
    Enter(status, step + 1,
          fmt::format("{}: revision {} gets {}; {}", PlaceText(status.step + 1), status.revision,
                      ShareText(step + 1), passed));
  }

  static bool HasSameStart(const std::optional<CanaryWindow>& a,
                           const std::optional<CanaryWindow>& b) {
    const bool has_a = a && a->last;
    const bool has_b = b && b->last;
    return has_a == has_b && (!has_a || a->last->since_ms == b->last->since_ms);
  }

  static bool IsWorthWriting(const CanaryStatus& before, const CanaryStatus& next) {
    const milliseconds age(next.observed_ms - before.observed_ms);
    return before.phase != next.phase || before.step != next.step || before.weight != next.weight ||
           before.reason != next.reason || (before.observed_ms == 0) != (next.observed_ms == 0) ||
           age < milliseconds(0) || age >= kCanaryWriteInterval ||
           !HasSameStart(before.measured, next.measured) ||
           !HasSameStart(before.measured_stable, next.measured_stable);
  }

  const resource::CanarySpec& spec_;
  const CanaryInput& input_;
};

// Whether a canary that was rolled back is to be tried again.
bool IsToBeTriedAgain(const CanaryInput& input, const Revision* revision) {
  if (input.service.spec.canary->promote == input.latest) return true;
  if (revision == nullptr) return false;
  const std::string& phase = revision->status.phase;
  return phase != runtime::kPhaseFailed && phase != runtime::kPhaseRetired;
}

}  // namespace

CanaryPlan PlanCanary(const CanaryInput& input) {
  const resource::CanarySpec& spec = *input.service.spec.canary;
  CanaryStatus status = input.service.status.canary.value_or(CanaryStatus());
  if (status.stable == 0) status.stable = input.ready;
  if (status.stable == 0 || status.stable == input.latest) {
    if (status.phase != resource::kCanaryPromoted) {
      status = {.phase = std::string(resource::kCanaryIdle), .stable = status.stable};
    }
    return {.status = std::move(status), .progress = {}};
  }
  const Revision* revision = Find(input.revisions, input.latest);
  if (status.revision != input.latest ||
      (status.phase == resource::kCanaryRolledBack && IsToBeTriedAgain(input, revision))) {
    status = Begun(status.stable, input.latest);
  }
  if (status.phase == resource::kCanaryRolledBack) {
    return {.status = std::move(status), .progress = {}};
  }
  if (spec.abort == input.latest) {
    RollBack(status, "ABORTED", "it was aborted by hand");
  } else if (revision != nullptr && revision->status.phase == runtime::kPhaseFailed) {
    RollBack(status, "REVISION_FAILED", FailureOf(*revision));
  } else if (revision != nullptr && revision->status.phase == runtime::kPhaseReady) {
    if (spec.promote == input.latest) {
      Promote(status, "PROMOTED_BY_HAND", "it was promoted by hand");
    } else if (status.phase == resource::kCanaryWaiting) {
      return Trial(input).Begin(std::move(status));
    } else {
      return Trial(input).GoOn(status);
    }
  } else {
    // What is not there is not watched.
    status.observed_ms = 0;
  }
  return {.status = std::move(status), .progress = {}};
}

resource::Condition CanaryCondition(const resource::CanaryStatus& canary) {
  std::string_view status = "Unknown";
  if (canary.phase == resource::kCanaryPromoted) status = "True";
  if (canary.phase == resource::kCanaryRolledBack) status = "False";
  return {.type = "Canary",
          .status = std::string(status),
          .reason = canary.reason,
          .message = canary.message,
          .changed_at = ""};
}

}  // namespace slipway::controller
