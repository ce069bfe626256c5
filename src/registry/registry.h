// Registry: OCI distribution over an ObjectStore and a MetaStore.
#pragma once

#include <memory>
#include <vector>

#include "async/blocking_pool.h"
#include "async/deadline.h"
#include "async/task.h"
#include "async/task_group.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/router.h"
#include "registry/collector.h"
#include "registry/limits.h"
#include "registry/projection.h"
#include "registry/publish.h"
#include "registry/repository_writer.h"
#include "registry/scrubber.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

struct RegistryOptions {
  store::MetaStore* meta = nullptr;
  store::ObjectStore* objects = nullptr;
  BlockingPool* pool = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  FactsOf facts_of;          // may be empty: no format is recognised
  CheckUnused check_unused;  // of a manifest that is to be deleted
  // The access token that a request came with; empty: none ever does.
  std::function<std::shared_ptr<const trust::AccessClaims>(const net::HttpRequest&)> claims_of;
  uint64_t max_manifest_bytes = kDefaultMaxManifestBytes;
  // How long a blob that nothing names yet is held for those who push; semantics of collection:
  // collector.h.
  std::chrono::milliseconds hold = kDefaultHold;
  // From the beginning of one collection, or scrub, to the next; 0: only on request.
  std::chrono::milliseconds collection_interval = kDefaultCollectionInterval;
  std::chrono::milliseconds scrub_interval = kDefaultScrubInterval;
  // Rows and files a second, bytes a second; 0: as fast as it goes.
  uint64_t collection_rate = kDefaultCollectionRate;
  uint64_t scrub_rate = kDefaultScrubRate;
  // Between two steps of those; false if the task was cancelled.
  std::function<Task<bool>(std::chrono::milliseconds)> sleep = SleepFor;
};

// Changes rows of one repository, in one transaction.
using RepositoryChange = std::function<Result<void>(RepositoryWriter&, const CheckUnused&)>;

// Who composes it adds Routes() to a router, sets MakeErrorWriter's (challenge.h) as its error
// writer for "/v2", and a guard that understands the access rules of the registry.
class Registry {
 public:
  // Reads the key of upload sessions, or makes it: blocking. What `options` points to outlives the
  // registry.
  static Result<std::unique_ptr<Registry>> Open(RegistryOptions options);
  ~Registry();

  // Valid as long as the registry lives or longer: the routes share what they use.
  std::vector<net::Route> Routes() const;

  // What a client does with uploads and a PUT of the manifest, as one: nothing of it is seen before
  // all is there, durably. The caller's rights were checked, but for a project that is missing: it
  // is made as a push makes it. INVALID_ARGUMENT / DIGEST_MISMATCH for content that is not what its
  // digest says; errors of `read`, of the object store and of RepositoryWriter.
  Task<Result<Digest>> Publish(CallContext context, std::string repository, NewArtifact artifact);
  // The repository may have one segment. INVALID_ARGUMENT / NAME_INVALID, and what `change` says.
  Task<Result<void>> Change(CallContext context, std::string repository, RepositoryChange change);

  // Takes all rows of repositories that were deleted; what Start does now and then.
  Task<Result<void>> FinishRemovals();

  // Versions that an older program pushed tell what this one reads of their metadata; what Start
  // does once.
  Task<Result<void>> Reproject();

  // A collection of garbage that its owner drives; the registry outlives it.
  std::unique_ptr<Collector> MakeCollector(bool dry_run);
  // Likewise: a way through all objects that goes on with `pass`.
  std::unique_ptr<Scrubber> MakeScrubber(ScrubPass pass);
  Holds& holds();
  // Objects that are damaged, as far as it is known.
  uint64_t damaged() const;

  // Removes expired uploads and what is left of deleted repositories now and then, collects garbage
  // and scrubs, on `executor`, until Stop.
  void Start(asio::any_io_executor executor);
  Task<void> Stop();

 private:
  struct State;
  explicit Registry(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::registry
