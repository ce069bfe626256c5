// ResourceTransaction: reads and writes of resources inside one transaction of the MetaStore.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/call_context.h"
#include "base/clock.h"
#include "base/random.h"
#include "resource/kinds.h"
#include "resource/row_keys.h"
#include "store/meta/meta_store.h"
#include "trust/secret_box.h"

namespace slipway::resource {

// What mutations of other modules (registry projections, controllers) use. Validates, fills
// metadata, keeps the indexes, writes events and the change log. After an error nothing of the
// failed call may be committed: return it from the mutation.
class ResourceTransaction {
 public:
  // `secrets` may be null where no Secret is written.
  ResourceTransaction(store::Transaction& transaction, const CallContext& context, Clock& clock,
                      Random& random, const trust::SecretBox* secrets = nullptr)
      : transaction_(transaction),
        context_(context),
        clock_(clock),
        random_(random),
        secrets_(secrets) {}

  // Takes labels, annotations, owners, finalizers, spec and status as they are given, the rest of
  // metadata is filled in. ALREADY_EXISTS / RESOURCE_EXISTS; NOT_FOUND / PROJECT_UNKNOWN for a
  // missing project, KIND_UNKNOWN, OWNER_UNKNOWN; INVALID_ARGUMENT / FIELD_...
  Result<Resource> Create(Resource resource);
  // NOT_FOUND / RESOURCE_UNKNOWN.
  Result<Resource> Get(const Key& key) const;
  Result<std::optional<Resource>> Find(const Key& key) const;
  // Replaces spec, labels, annotations; unchanged content changes nothing. With `if_version`:
  // ABORTED / VERSION_CONFLICT unless it is the current version. ABORTED / UID_CONFLICT if
  // metadata.uid is given and is another's. FAILED_PRECONDITION / IMMUTABLE, or RESOURCE_DELETING
  // once deletion has begun.
  Result<Resource> Update(Resource resource, std::optional<uint64_t> if_version = std::nullopt);
  // Replaces the status alone; unchanged content changes nothing. A condition's changedAt is kept
  // while its status stays the same, and is set to now otherwise.
  Result<Resource> UpdateStatus(const Key& key, Json status);
  // Replaces the finalizers alone; the last one gone from a deleted resource removes it. Of a
  // deleted resource none can be added (FAILED_PRECONDITION / RESOURCE_DELETING).
  Result<Resource> SetFinalizers(const Key& key, std::vector<std::string> finalizers);
  // With finalizers: marks it deleted; without: removes it and its dependents (owners by uid). A
  // dependent with another owner that lives stays. FAILED_PRECONDITION / PROJECT_NOT_EMPTY.
  Result<void> Delete(const Key& key, std::optional<uint64_t> if_version = std::nullopt);
  // What Delete checks before anything goes: the resource, if it may be deleted as it is.
  Result<Resource> CheckDelete(const Key& key, std::optional<uint64_t> if_version) const;
  // Deletes what users made in a project, as Delete does. FAILED_PRECONDITION / CASCADE_TOO_LARGE.
  Result<void> DeleteContents(const std::string& project);
  // All of one kind in one project (empty: in all), without paging; for planners.
  Result<std::vector<Resource>> ListAll(std::string_view kind, std::string_view project) const;
  // Those that name this uid as an owner.
  Result<std::vector<Resource>> Dependents(std::string_view owner_uid) const;
  // The values of a Secret, for programs that use them. FAILED_PRECONDITION / SECRET_KEY_MISSING
  // without a SecretBox.
  Result<std::map<std::string, std::string>> SecretValues(const Key& key) const;

  store::Transaction& raw() { return transaction_; }
  const CallContext& context() const { return context_; }
  Clock& clock() { return clock_; }
  Random& random() { return random_; }

 private:
  // kMarked: modified on its way out, by finalizers, deletedAt or owners alone. What exists may
  // always be marked, however full it is.
  enum class Write : uint8_t { kAdded, kModified, kMarked, kDeleted };

  Result<void> CheckNew(const KindInfo& kind, const Resource& resource) const;
  Result<void> CheckOwners(const Resource& resource) const;
  Result<Resource> GetAt(const Key& key, std::optional<uint64_t> if_version) const;
  // Takes the next version, writes row, indexes and change log.
  Result<void> Store(Resource& now, const Resource* old, Write write);
  Result<void> WriteIndexes(const Resource* now, const Resource* old);
  Result<void> WriteTerms(const Resource* now, const Resource* old);
  Result<void> Remove(Resource resource, std::vector<Key>& orphans);
  Result<void> RemoveAll(Resource resource);
  Result<void> LetGo(const Key& dependent, const std::string& owner_uid, std::vector<Key>& orphans);
  Result<void> CheckProjectEmpty(std::string_view project) const;
  Result<void> RemoveTokensOf(std::string_view project, std::vector<Key>& orphans);
  // Moves spec.data of a Secret out of the resource; whether the values changed.
  Result<bool> KeepSecretValues(Resource& now, const Resource* old);

  store::Transaction& transaction_;
  const CallContext& context_;
  Clock& clock_;
  Random& random_;
  const trust::SecretBox* secrets_;
};

}  // namespace slipway::resource
