// ResourceStore: create, read, update, delete, list and watch over a MetaStore.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/call_context.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/random.h"
#include "resource/change_record.h"
#include "resource/kinds.h"
#include "resource/resource_transaction.h"
#include "store/meta/meta_store.h"

namespace slipway::resource {

struct ListOptions {
  std::string label;           // selector: "a=b,c!=d,e,!f"; empty: all
  std::string where;           // an Expression; empty: all
  size_t limit = 500;          // 1 to 5,000
  std::string continue_token;  // of the page before
};
struct ListPage {
  std::vector<Resource> items;
  std::string continue_token;  // empty on the last page
  uint64_t version = 0;        // watch from here
  // Of those that were looked at: PROJECT/NAME of what neither is nor is not what `where` asks for,
  // as far as the database knows.
  std::vector<std::string> undecided;
};

// A member of the document that `where` is asked of: what another module knows of a resource,
// whose JSON is given. Only called for expressions that read it.
struct SearchPart {
  std::string member;
  std::function<Result<Json>(const store::Snapshot& snapshot, const Json& resource)> read;
  // Whether there may be more than Read gives, which is told of what it gave.
  size_t complete_below = SIZE_MAX;
};

// Members of the status that another module knows by what it keeps itself: read with the resource,
// in the same snapshot, and never written. They take the place of what the row says.
using StatusPart =
    std::function<Result<Json>(const store::Snapshot& snapshot, const Resource& resource)>;

struct WatchEvent {
  EventType type = EventType::kAdded;
  uint64_t version = 0;
  Resource resource;  // of a deletion: the last state; empty for a bookmark
};

// Runs inside the transaction of a user's create or update, after the fields are checked and before
// the whole is: may change `now.spec` (a tag is pinned), or refuse. `old` is null on create.
using Admission = std::function<Result<void>(ResourceTransaction& transaction, Resource& now,
                                             const Resource* old)>;

// Whether a deletion takes along what would otherwise stand in its way.
enum class Cascade : uint8_t { kNo, kYes };

// Runs inside the transaction of a user's deletion, before the resource goes: may refuse, and takes
// along what its module keeps beside the resource. The resource itself may be gone after it.
using Removal =
    std::function<Result<void>(ResourceTransaction& transaction, const Resource& now, Cascade)>;

// Thread-safe.
class ResourceStore {
 public:
  // `secrets` may be null where kind Secret is not used; all outlive the store.
  ResourceStore(store::MetaStore& meta, Clock& clock, Random& random,
                const trust::SecretBox* secrets = nullptr);
  ~ResourceStore();

  // For all users' writes of a kind: those of Create and Update below, not those made inside of
  // Transact. Call it before the store is used.
  void AddAdmission(std::string kind, Admission admission);
  // For all users' deletions of a kind: those of Delete below. Called as AddAdmission is.
  void AddRemoval(std::string kind, Removal removal);
  // For lists of a kind with `where`. Called as AddAdmission is.
  void AddSearchPart(std::string kind, SearchPart part);
  // For what Get, List and watches tell of a kind; watches tell what holds when they tell it.
  // Called as AddAdmission is.
  void AddStatusPart(std::string kind, StatusPart part);

  Task<Result<Resource>> Create(CallContext context, Resource resource);
  Task<Result<Resource>> Get(Key key);
  Task<Result<Resource>> Update(CallContext context, Resource resource,
                                std::optional<uint64_t> if_version);
  Task<Result<Resource>> UpdateStatus(CallContext context, Key key, Json status);
  // A Project with Cascade::kYes goes with all that users made in it.
  Task<Result<void>> Delete(CallContext context, Key key, std::optional<uint64_t> if_version,
                            Cascade cascade = Cascade::kNo);
  // Kind, project (empty: all projects or a global kind).
  Task<Result<ListPage>> List(std::string kind, std::string project, ListOptions options);
  // Any number of reads and writes as one; runs on the writer.
  Task<Result<void>> Transact(CallContext context,
                              std::function<Result<void>(ResourceTransaction&)> body);
  // The same, blocking: for start-up, tests and blocking threads.
  Result<void> TransactNow(const CallContext& context,
                           const std::function<Result<void>(ResourceTransaction&)>& body);
  // What Create and Update do inside of their transaction, admission included.
  Result<Resource> AdmitCreate(ResourceTransaction& transaction, Resource resource) const;
  Result<Resource> AdmitUpdate(ResourceTransaction& transaction, Resource resource,
                               std::optional<uint64_t> if_version) const;
  // What Delete does inside of its transaction, removals included.
  Result<void> AdmitDelete(ResourceTransaction& transaction, Key key,
                           std::optional<uint64_t> if_version, Cascade cascade) const;
  // Volatile status fields (rates, heartbeats): in memory, merged by Get and List, no version; left
  // out when they were not set again for kVolatileStatusAge.
  void SetVolatileStatus(const Key& key, Json fields);

  // Events after `version` (0: now), oldest first; waits for the next one. OUT_OF_RANGE / EXPIRED:
  // list again. Of `filter` only the label counts (INVALID_ARGUMENT / WHERE_WATCHED for a where):
  // an object that enters the selection is added, one that leaves it deleted. Bookmarks move on a
  // watch that sees few events. One reader; destroy to end.
  class Watch {
   public:
    virtual ~Watch() = default;
    // CANCELLED / WATCH_CANCELLED when the awaiting task is cancelled.
    virtual Task<Result<std::vector<WatchEvent>>> Next() = 0;
  };
  // EXPIRED also if `epoch` is given and is not this store's. RESOURCE_EXHAUSTED / WATCHES_FULL
  // above kMaxWatches.
  Result<std::unique_ptr<Watch>> StartWatch(std::string kind, std::string project,
                                            ListOptions filter, uint64_t after,
                                            std::string_view epoch = {});

  store::MetaStore& meta() { return meta_; }
  Clock& clock() { return clock_; }
  Random& random() { return random_; }

 private:
  struct State;
  void MergeVolatileStatus(Resource& resource) const;
  std::span<const StatusPart> StatusPartsOf(std::string_view kind) const;

  store::MetaStore& meta_;
  Clock& clock_;
  Random& random_;
  const trust::SecretBox* secrets_;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::resource
