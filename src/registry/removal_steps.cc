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

// The first row behind `after` that says what is being removed, without kRemovingPrefix. Empty:
// there is none.
Task<Result<std::string>> FindRemoving(Core& core, const std::string* after) {
  std::string removing;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    std::string begin(kRemovingPrefix);
    if (!after->empty()) begin.append(*after).push_back('\0');
    TRY(rows, snapshot.ScanSizes(begin, store::PrefixEnd(kRemovingPrefix), 1));
    if (!rows.empty()) removing = rows.front().key.substr(kRemovingPrefix.size());
    return {};
  }));
  co_return removing;
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
  Result<void> all;
  std::string removing;
  while (true) {
    CO_TRY(next, co_await FindRemoving(core, &removing));
    removing = std::move(next);
    if (removing.empty()) co_return all;
    CRASH_POINT("registry.removal_begun");
    // One that cannot be finished keeps no other from going.
    Result<void> done = co_await FinishRemoval(core, removing.substr(0, removing.find('@')));
    if (!done) all = done.error().Prefixed(removing + ": ");
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
