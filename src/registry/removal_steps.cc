#include "registry/removal_steps.h"

#include "async/deadline.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "registry/core.h"
#include "registry/limits.h"

namespace slipway::registry {
namespace {

// False when nothing of it is left.
Task<Result<bool>> Step(Core& core, const std::string& repository) {
  const CallContext context = CallContext::System("registry/removal");
  bool more = false;
  CO_TRY_VOID(
      co_await core.meta().Mutate(context, [&](store::Transaction& transaction) -> Result<void> {
        RepositoryWriter writer(transaction, context, repository, *core.options.clock,
                                *core.options.random);
        TRY(left, writer.ContinueRemoval());
        more = left;
        return {};
      }));
  co_return more;
}

// Empty: there is none.
Task<Result<std::string>> FindRemoved(Core& core) {
  std::string repository;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(rows, snapshot.ScanSizes(kRemovingPrefix, store::PrefixEnd(kRemovingPrefix), 1));
    if (!rows.empty()) repository = rows.front().key.substr(kRemovingPrefix.size());
    return {};
  }));
  co_return repository;
}

}  // namespace

Task<Result<void>> FinishRemoval(Core& core, std::string repository) {
  while (true) {
    CO_TRY(more, co_await Step(core, repository));
    CRASH_POINT("registry.rows_removed");
    if (!more) co_return Result<void>();
  }
}

Task<Result<void>> FinishRemovals(Core& core) {
  while (true) {
    CO_TRY(repository, co_await FindRemoved(core));
    if (repository.empty()) co_return Result<void>();
    CRASH_POINT("registry.removal_begun");
    CO_TRY_VOID(co_await FinishRemoval(core, std::move(repository)));
  }
}

Task<void> RemoveNowAndThen(std::shared_ptr<Core> core) {
  do {
    const Result<void> done = co_await FinishRemovals(*core);
    if (!done) {
      LogWarning("what is left of a deleted repository was not removed, and will be later",
                 {{"error", done.error()}});
    }
  } while (co_await SleepFor(kRemovalInterval));
}

}  // namespace slipway::registry
