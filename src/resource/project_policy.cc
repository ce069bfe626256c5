#include "resource/project_policy.h"

#include <chrono>
#include <memory>
#include <optional>

#include "async/guarded.h"
#include "base/format_check.h"
#include "base/json.h"
#include "resource/envelope.h"
#include "resource/kinds/project.h"
#include "resource/limits.h"
#include "resource/row_keys.h"
#include "trust/recent.h"

namespace slipway::resource {
namespace {

constexpr std::chrono::milliseconds kCacheFor{2'000};

struct Answer {
  bool allowed = false;
  SteadyTime looked_up;
};

class AnonymousPull {
 public:
  AnonymousPull(store::MetaStore& meta, Clock& clock) : meta_(meta), clock_(clock) {}

  std::optional<bool> Recent(const std::string& project) {
    const SteadyTime now = clock_.Steady();
    return answers_.With([&](const auto& all) -> std::optional<bool> {
      const Answer* found = all.Find(project);
      if (found == nullptr || found->looked_up < now - kCacheFor) return {};
      return found->allowed;
    });
  }

  Task<Result<bool>> Read(const std::string& project) {
    const SteadyTime now = clock_.Steady();
    bool allowed = false;
    CO_TRY_VOID(co_await meta_.Read([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(found, AllowsAnonymousPull(snapshot, project));
      allowed = found;
      return {};
    }));
    answers_.With([&](auto& all) { all.Insert(project, {.allowed = allowed, .looked_up = now}); });
    co_return allowed;
  }

 private:
  store::MetaStore& meta_;
  Clock& clock_;
  Guarded<trust::Recent<Answer>> answers_{trust::Recent<Answer>(kMaxCachedPolicies)};
};

Task<Result<bool>> Ask(std::shared_ptr<AnonymousPull> policy, std::string project) {
  if (FormatProblem("repository", project)) co_return false;  // nor is it to be remembered
  if (const auto recent = policy->Recent(project)) co_return *recent;
  co_return co_await policy->Read(project);
}

}  // namespace

Result<bool> AllowsAnonymousPull(const store::Snapshot& snapshot, std::string_view project) {
  TRY(row, snapshot.Get(RowKey({.kind = "Project", .project = "", .name = std::string(project)})));
  if (!row) return false;
  TRY(json, ParseJson(*row));
  TRY(resource, ResourceFromStored(json));
  if (resource.metadata.deleted_at) return false;
  TRY(spec, Decode<ProjectSpec>(resource.spec, "spec", UnknownFields::kIgnore));
  return spec.registry.anonymous_pull;
}

std::function<Task<Result<bool>>(std::string project)> MakeAnonymousPull(store::MetaStore& meta,
                                                                         Clock& clock) {
  auto policy = std::make_shared<AnonymousPull>(meta, clock);
  return [policy](std::string project) { return Ask(policy, std::move(project)); };
}

}  // namespace slipway::resource
