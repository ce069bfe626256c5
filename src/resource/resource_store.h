// ResourceStore: typed create, read, update, delete, list and watch over a MetaStore.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/call_context.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/random.h"
#include "resource/kinds.h"
#include "store/meta/meta_store.h"

namespace slipway::resource {

struct Key {
  std::string kind;
  std::string project;  // empty for global kinds
  std::string name;
  auto operator<=>(const Key&) const = default;
};

struct ListOptions {
  std::string label;           // selector: "a=b,c!=d,e,!f"; empty: all
  size_t limit = 500;          // 1 to 5,000
  std::string continue_token;  // of the page before
};
struct ListPage {
  std::vector<Resource> items;
  std::string continue_token;  // empty on the last page
  uint64_t version = 0;        // watch from here
};

enum class EventType : uint8_t { kAdded, kModified, kDeleted, kBookmark };
struct WatchEvent {
  EventType type = EventType::kAdded;
  uint64_t version = 0;
  Resource resource;  // of a deletion: the last state; empty for a bookmark
};

// Inside one transaction of the store: what mutations of other modules (registry projections,
// controllers) use. Validates, fills metadata, writes the change log.
class ResourceTransaction {
 public:
  ResourceTransaction(store::Transaction& transaction, const CallContext& context, Clock& clock,
                      Random& random);

  // ALREADY_EXISTS / RESOURCE_EXISTS. NOT_FOUND / PROJECT_UNKNOWN for a missing project.
  Result<Resource> Create(Resource resource);
  // NOT_FOUND / RESOURCE_UNKNOWN.
  Result<Resource> Get(const Key& key) const;
  Result<std::optional<Resource>> Find(const Key& key) const;
  // Replaces spec, labels, annotations; unchanged content changes nothing. With `if_version`:
  // ABORTED / VERSION_CONFLICT unless it is the current version.
  Result<Resource> Update(Resource resource, std::optional<uint64_t> if_version = std::nullopt);
  // Replaces the status alone; unchanged content changes nothing.
  Result<Resource> UpdateStatus(const Key& key, Json status);
  // Replaces the finalizers alone; the last one gone from a deleted resource removes it.
  Result<Resource> SetFinalizers(const Key& key, std::vector<std::string> finalizers);
  // With finalizers: marks it deleted; without: removes it and its dependents (owners by uid).
  Result<void> Delete(const Key& key, std::optional<uint64_t> if_version = std::nullopt);
  // All of one kind in one project (empty: in all), without paging; for planners.
  Result<std::vector<Resource>> ListAll(std::string_view kind, std::string_view project) const;
  store::Transaction& raw() { return transaction_; }

 private:
  store::Transaction& transaction_;
  const CallContext& context_;
  Clock& clock_;
  Random& random_;
};

// Thread-safe.
class ResourceStore {
 public:
  ResourceStore(store::MetaStore& meta, Clock& clock, Random& random);
  ~ResourceStore();

  Task<Result<Resource>> Create(CallContext context, Resource resource);
  Task<Result<Resource>> Get(Key key);
  Task<Result<Resource>> Update(CallContext context, Resource resource,
                                std::optional<uint64_t> if_version);
  Task<Result<Resource>> UpdateStatus(CallContext context, Key key, Json status);
  Task<Result<void>> Delete(CallContext context, Key key, std::optional<uint64_t> if_version);
  // Kind, project (empty: all projects or a global kind).
  Task<Result<ListPage>> List(std::string kind, std::string project, ListOptions options);
  // Any number of reads and writes as one; runs on the writer.
  Task<Result<void>> Transact(CallContext context,
                              std::function<Result<void>(ResourceTransaction&)> body);
  // Volatile status fields (rates, heartbeats): in memory, merged on read, no version.
  void SetVolatileStatus(const Key& key, Json fields);

  // Events after `version` (0: now), oldest first; waits for the next one. OUT_OF_RANGE / EXPIRED:
  // list again. Filtered watches get bookmarks. One reader; destroy to end.
  class Watch {
   public:
    virtual ~Watch() = default;
    virtual Task<Result<std::vector<WatchEvent>>> Next() = 0;
  };
  Result<std::unique_ptr<Watch>> StartWatch(std::string kind, std::string project,
                                            ListOptions filter, uint64_t after);

  store::MetaStore& meta() { return meta_; }
  Clock& clock() { return clock_; }
  Random& random() { return random_; }

 private:
  struct State;
  store::MetaStore& meta_;
  Clock& clock_;
  Random& random_;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::resource
