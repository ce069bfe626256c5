// How resources go: with their indexes, hidden rows and dependents.
#include "base/format_check.h"
#include "resource/kinds/token.h"
#include "resource/limits.h"
#include "resource/resource_transaction.h"

namespace slipway::resource {
namespace {

Error TooLarge() {
  return FailedPrecondition("CASCADE_TOO_LARGE",
                            "more than " + std::to_string(kMaxCascade) +
                                " objects would go with it: delete some of them first");
}

}  // namespace

// A work list instead of recursion: ownership may be a long chain.
Result<void> ResourceTransaction::RemoveAll(Resource resource) {
  std::vector<Key> orphans;
  TRY_VOID(Remove(std::move(resource), orphans));
  for (size_t i = 0; i < orphans.size(); ++i) {
    if (orphans.size() > kMaxCascade) return TooLarge();
    TRY(found, Find(orphans[i]));
    if (found) TRY_VOID(Remove(*std::move(found), orphans));
  }
  return {};
}

// Takes one resource away; `orphans` gets those that are to follow.
Result<void> ResourceTransaction::Remove(Resource resource, std::vector<Key>& orphans) {
  const Resource old = resource;
  if (old.kind == "Project") TRY_VOID(RemoveTokensOf(old.metadata.name, orphans));
  if (old.kind == "Secret") TRY_VOID(transaction_.Delete(SecretRow(old.metadata.uid)));
  if (old.kind == "Token") {
    TRY(status, Decode<TokenStatus>(old.status, "status", UnknownFields::kIgnore));
    TRY_VOID(transaction_.Delete(TokenRow(status.id)));
  }
  TRY_VOID(Store(resource, &old, Write::kDeleted));
  TRY(dependents, Dependents(old.metadata.uid));
  for (const Resource& dependent : dependents) {
    TRY_VOID(LetGo(KeyOf(dependent), old.metadata.uid, orphans));
  }
  return {};
}

// A dependent loses one owner; without any left it goes too, or is marked if it has finalizers.
Result<void> ResourceTransaction::LetGo(const Key& dependent, const std::string& owner_uid,
                                        std::vector<Key>& orphans) {
  TRY(old, Get(dependent));
  Resource now = old;
  std::erase_if(now.metadata.owners,
                [&](const OwnerReference& owner) { return owner.uid == owner_uid; });
  TRY_VOID(transaction_.Delete(DependentRow(owner_uid, dependent)));
  bool orphaned = now.metadata.owners.empty();
  if (orphaned && old.metadata.finalizers.empty()) {
    orphans.push_back(dependent);
    return {};
  }
  if (orphaned && !now.metadata.deleted_at) {
    now.metadata.deleted_at = FormatRfc3339(clock_.Wall());
  }
  return Store(now, &old, Write::kMarked);
}

Result<void> ResourceTransaction::CheckProjectEmpty(std::string_view project) const {
  // Out of one that is held, what controllers and the registry made may still be on its way when it
  // is marked as deleted; it must be gone when the project goes.
  TRY(found, Find({"Project", "", std::string(project)}));
  const bool of_users = found && !found->metadata.finalizers.empty() && !found->metadata.deleted_at;
  for (const KindInfo& kind : Kinds()) {
    if (kind.global || (of_users && !kind.user_writable)) continue;
    std::string prefix = RowPrefix(kind.kind, project);
    TRY(rows, transaction_.Scan(prefix, store::PrefixEnd(prefix), 1));
    if (rows.empty()) continue;
    std::optional<Key> key = ParseRowKey(rows.front().key);
    return FailedPrecondition("PROJECT_NOT_EMPTY",
                              "the project " + Quoted(project) + " still holds " +
                                  (key ? DisplayName(*key) : std::string("resources")) +
                                  ": delete what is in it first, or all of it with cascade=1 "
                                  "(slipway delete --cascade)");
  }
  return {};
}

Result<void> ResourceTransaction::DeleteContents(const std::string& project) {
  size_t count = 0;
  for (const KindInfo& kind : Kinds()) {
    // What controllers and the registry make goes with what they made it for.
    if (kind.global || !kind.user_writable) continue;
    const std::string prefix = RowPrefix(kind.kind, project);
    TRY(rows, transaction_.Scan(prefix, store::PrefixEnd(prefix), kMaxCascade + 1));
    count += rows.size();
    if (count > kMaxCascade) return TooLarge();
    for (const store::KeyValue& row : rows) {
      const std::optional<Key> key = ParseRowKey(row.key);
      if (!key) return Internal("INDEX_CORRUPT", "a resource has a key that is no row key");
      TRY_VOID(Delete(*key));
    }
  }
  return {};
}

// A token of a project that is gone must not come to life with another of that name.
Result<void> ResourceTransaction::RemoveTokensOf(std::string_view project,
                                                 std::vector<Key>& orphans) {
  TRY(tokens, ListAll("Token", ""));
  for (const Resource& token : tokens) {
    TRY(spec, Decode<TokenSpec>(token.spec, "spec", UnknownFields::kIgnore));
    if (spec.project == project) orphans.push_back(KeyOf(token));
  }
  return {};
}

}  // namespace slipway::resource
