#include "resource/resource_transaction.h"

#include <algorithm>
#include <set>

#include "base/format_check.h"
#include "resource/change_record.h"
#include "resource/events.h"
#include "resource/limits.h"
#include "resource/terms.h"
#include "resource/validation.h"

namespace slipway::resource {
namespace {

constexpr size_t kScanPage = 1000;

Error Unknown(const Key& key) {
  return NotFound("RESOURCE_UNKNOWN", "there is no " + DisplayName(key));
}

Error Conflict(std::string_view reason, const Key& key, const std::string& what) {
  return Error(Code::kAborted, reason,
               DisplayName(key) + " " + what + ": read it again and repeat the change");
}

Error Deleting(const Key& key) {
  return FailedPrecondition("RESOURCE_DELETING",
                            DisplayName(key) + " is being deleted: wait until it is gone");
}

Result<Resource> ParseRow(const std::string& value) {
  TRY(json, ParseJson(value, {.max_bytes = 4 * kMaxResourceBytes}));
  return ResourceFromStored(json);
}

}  // namespace

Result<void> ResourceTransaction::CheckOwners(const Resource& resource) const {
  for (size_t i = 0; i < resource.metadata.owners.size(); ++i) {
    const OwnerReference& owner = resource.metadata.owners[i];
    TRY(row, transaction_.Get(UidRow(owner.uid)));
    std::optional<Key> key = row ? ParseRowKey(*row) : std::nullopt;
    bool near = key && (key->project.empty() || key->project == resource.metadata.project);
    if (near && key->kind == owner.kind && key->name == owner.name) continue;
    std::string field = "metadata.owners[" + std::to_string(i) + "]";
    return NotFound("OWNER_UNKNOWN",
                    field + ": there is no " + owner.kind + " " + owner.name + " with this uid")
        .With("field", field);
  }
  return {};
}

Result<void> ResourceTransaction::CheckNew(const KindInfo& kind, const Resource& resource) const {
  TRY_VOID(CheckMetadata(kind, resource.metadata));
  if (!kind.global) {
    TRY(project, Find({"Project", "", resource.metadata.project}));
    if (!project) {
      return NotFound("PROJECT_UNKNOWN", "there is no project " +
                                             Quoted(resource.metadata.project) +
                                             ": create it first, or take another")
          .With("field", "metadata.project");
    }
    if (project->metadata.deleted_at) return Deleting(KeyOf(*project));
  }
  TRY(existing, Find(KeyOf(resource)));
  if (existing) {
    return AlreadyExists("RESOURCE_EXISTS", DisplayName(KeyOf(resource)) + " exists already");
  }
  return CheckOwners(resource);
}

Result<Resource> ResourceTransaction::Create(Resource resource) {
  TRY(kind, RequireKind(resource.kind));
  resource.kind = kind->kind;
  TRY_VOID(CheckNew(*kind, resource));
  TRY(spec, Normalised(*kind->spec, resource.spec, "spec"));
  TRY(status, Normalised(*kind->status, resource.status, "status"));
  resource.spec = std::move(spec);
  resource.status = std::move(status);
  if (kind->validate != nullptr) TRY_VOID(kind->validate(resource, nullptr));

  Metadata& metadata = resource.metadata;
  metadata.uid = RandomHexId(random_);
  metadata.generation = 1;
  metadata.created_at = FormatRfc3339(clock_.Wall());
  metadata.created_by = context_.identity.subject;
  metadata.deleted_at.reset();
  StampConditions(resource.status, Json(), metadata.created_at);
  TRY_VOID(KeepSecretValues(resource, nullptr));
  TRY_VOID(Store(resource, nullptr, Write::kAdded));
  return resource;
}

Result<std::optional<Resource>> ResourceTransaction::Find(const Key& key) const {
  TRY(row, transaction_.Get(RowKey(key)));
  if (!row) return std::optional<Resource>();
  TRY(resource, ParseRow(*row));
  return std::optional<Resource>(std::move(resource));
}

Result<Resource> ResourceTransaction::Get(const Key& key) const {
  TRY(found, Find(key));
  if (!found) return Unknown(key);
  return *std::move(found);
}

Result<Resource> ResourceTransaction::GetAt(const Key& key,
                                            std::optional<uint64_t> if_version) const {
  TRY(resource, Get(key));
  if (if_version && *if_version != resource.metadata.version) {
    return Conflict("VERSION_CONFLICT", key,
                    "is at version " + std::to_string(resource.metadata.version) + ", not " +
                        std::to_string(*if_version));
  }
  return resource;
}

Result<Resource> ResourceTransaction::Update(Resource resource,
                                             std::optional<uint64_t> if_version) {
  TRY(kind, RequireKind(resource.kind));
  resource.kind = kind->kind;
  const Key key = KeyOf(resource);
  TRY(old, GetAt(key, if_version));
  if (!resource.metadata.uid.empty() && resource.metadata.uid != old.metadata.uid) {
    return Conflict("UID_CONFLICT", key, "has another uid: it was deleted and made again")
        .With("field", "metadata.uid");
  }
  Resource now = old;
  now.metadata.labels = std::move(resource.metadata.labels);
  now.metadata.annotations = std::move(resource.metadata.annotations);
  TRY_VOID(CheckMetadata(*kind, now.metadata));
  TRY(spec, Normalised(*kind->spec, resource.spec, "spec"));
  now.spec = std::move(spec);
  TRY(secret_changed, KeepSecretValues(now, &old));
  const bool spec_changed = secret_changed || now.spec != old.spec;
  if (!spec_changed && now.metadata.labels == old.metadata.labels &&
      now.metadata.annotations == old.metadata.annotations) {
    return old;
  }
  if (old.metadata.deleted_at) return Deleting(key);
  if (spec_changed && kind->spec_immutable) {
    std::vector<std::string> fields = ChangedFields(old.spec, now.spec, "spec", 1);
    std::string field = fields.empty() ? "spec" : fields.front();
    return FailedPrecondition("IMMUTABLE", field + ": the spec of a " + std::string(kind->kind) +
                                               " never changes; make another one")
        .With("field", field);
  }
  if (kind->validate != nullptr) TRY_VOID(kind->validate(now, &old));
  if (spec_changed) ++now.metadata.generation;
  TRY_VOID(Store(now, &old, Write::kModified));
  return now;
}

Result<Resource> ResourceTransaction::UpdateStatus(const Key& key, Json status) {
  TRY(kind, RequireKind(key.kind));
  TRY(old, Get(key));
  Resource now = old;
  TRY(normalised, Normalised(*kind->status, status, "status"));
  now.status = std::move(normalised);
  StampConditions(now.status, old.status, FormatRfc3339(clock_.Wall()));
  if (now.status == old.status) return old;
  TRY_VOID(Store(now, &old, Write::kModified));
  return now;
}

Result<Resource> ResourceTransaction::SetFinalizers(const Key& key,
                                                    std::vector<std::string> finalizers) {
  TRY(old, Get(key));
  for (size_t i = 0; i < finalizers.size(); ++i) {
    TRY_VOID(
        CheckFormat("label-key", finalizers[i], "metadata.finalizers[" + std::to_string(i) + "]"));
    bool known =
        std::ranges::find(old.metadata.finalizers, finalizers[i]) != old.metadata.finalizers.end();
    if (old.metadata.deleted_at && !known) return Deleting(key);
  }
  Resource now = old;
  now.metadata.finalizers = std::move(finalizers);
  if (now.metadata.finalizers.empty() && now.metadata.deleted_at) {
    if (now.kind == "Project") TRY_VOID(CheckProjectEmpty(now.metadata.name));
    TRY_VOID(RemoveAll(now));
    return now;
  }
  if (now.metadata.finalizers == old.metadata.finalizers) return old;
  TRY_VOID(Store(now, &old, Write::kMarked));
  return now;
}

Result<Resource> ResourceTransaction::CheckDelete(const Key& key,
                                                  std::optional<uint64_t> if_version) const {
  TRY(kind, RequireKind(key.kind));
  TRY(found, GetAt({std::string(kind->kind), key.project, key.name}, if_version));
  if (kind->validate_delete != nullptr) TRY_VOID(kind->validate_delete(found));
  return found;
}

Result<void> ResourceTransaction::Delete(const Key& key, std::optional<uint64_t> if_version) {
  TRY(old, CheckDelete(key, if_version));
  const bool is_held = !old.metadata.finalizers.empty();
  if (is_held && old.metadata.deleted_at) return {};
  if (old.kind == "Project") TRY_VOID(CheckProjectEmpty(old.metadata.name));
  if (!is_held) return RemoveAll(std::move(old));
  Resource now = old;
  now.metadata.deleted_at = FormatRfc3339(clock_.Wall());
  return Store(now, &old, Write::kMarked);
}

Result<std::vector<Resource>> ResourceTransaction::ListAll(std::string_view kind_name,
                                                           std::string_view project) const {
  TRY(kind, RequireKind(kind_name));
  bool all = kind->global || project.empty();
  std::string prefix =
      RowPrefix(kind->kind, all ? std::nullopt : std::optional<std::string_view>(project));
  std::string begin = prefix;
  std::vector<Resource> out;
  while (true) {
    TRY(rows, transaction_.Scan(begin, store::PrefixEnd(prefix), kScanPage));
    for (const store::KeyValue& row : rows) {
      TRY(resource, ParseRow(row.value));
      out.push_back(std::move(resource));
    }
    if (rows.size() < kScanPage) return out;
    begin = rows.back().key + '\0';
  }
}

Result<std::vector<Resource>> ResourceTransaction::Dependents(std::string_view owner_uid) const {
  std::string prefix = DependentPrefix(owner_uid);
  // One more than may go at once, so that whoever counts them sees that there are too many.
  TRY(rows, transaction_.Scan(prefix, store::PrefixEnd(prefix), kMaxCascade + 1));
  std::vector<Resource> out;
  for (const store::KeyValue& row : rows) {
    std::optional<Key> key = ParseRowKey(std::string_view(row.key).substr(prefix.size()));
    if (!key) return Internal("INDEX_CORRUPT", "a row of the owner index is no row key");
    TRY(resource, Get(*key));
    out.push_back(std::move(resource));
  }
  return out;
}

Result<void> ResourceTransaction::Store(Resource& now, const Resource* old, Write write) {
  TRY(version, transaction_.NextVersion());
  now.metadata.version = version;
  const Key key = KeyOf(now);
  const bool gone = write == Write::kDeleted;
  ChangeRecord record{.type = gone                     ? EventType::kDeleted
                              : write == Write::kAdded ? EventType::kAdded
                                                       : EventType::kModified,
                      .resource = now,
                      .old_labels = (old == nullptr ? now : *old).metadata.labels};
  if (gone) {
    TRY_VOID(transaction_.Delete(RowKey(key)));
  } else {
    std::string text = DumpJson(ToJson(now));
    if (write != Write::kMarked) TRY_VOID(CheckSize(text));
    TRY_VOID(transaction_.Put(RowKey(key), text));
  }
  TRY_VOID(WriteIndexes(gone ? nullptr : &now, old));
  TRY_VOID(WriteTerms(gone ? nullptr : &now, old));
  TRY_VOID(transaction_.LogChange(version, RowKey(key), EncodeChange(record), gone));

  std::vector<Event> events = EventsBetween(old, gone ? nullptr : &now);
  for (Event& event : events) {
    event.time = FormatRfc3339(clock_.Wall());
    event.kind = key.kind;
    event.project = key.project;
    event.name = key.name;
    event.actor = context_.identity.subject;
    event.request_id = context_.request_id;
    event.version = version;
  }
  return AppendEvents(transaction_, key, gone, events);
}

Result<void> ResourceTransaction::WriteIndexes(const Resource* now, const Resource* old) {
  const Key key = KeyOf(now == nullptr ? *old : *now);
  const std::map<std::string, std::string> none;
  const auto& labels = now == nullptr ? none : now->metadata.labels;
  const auto& old_labels = old == nullptr ? none : old->metadata.labels;
  for (const auto& [label, value] : old_labels) {
    auto kept = labels.find(label);
    if (kept != labels.end() && kept->second == value) continue;
    TRY_VOID(transaction_.Delete(LabelRow(key, label, value)));
  }
  for (const auto& [label, value] : labels) {
    auto before = old_labels.find(label);
    if (before != old_labels.end() && before->second == value) continue;
    TRY_VOID(transaction_.Put(LabelRow(key, label, value), ""));
  }
  // Uid and owners are there from the first write to the last.
  if (now != nullptr && old == nullptr) {
    TRY_VOID(transaction_.Put(UidRow(now->metadata.uid), RowKey(key)));
    for (const OwnerReference& owner : now->metadata.owners) {
      TRY_VOID(transaction_.Put(DependentRow(owner.uid, key), ""));
    }
  }
  if (now == nullptr) {
    TRY_VOID(transaction_.Delete(UidRow(old->metadata.uid)));
    for (const OwnerReference& owner : old->metadata.owners) {
      TRY_VOID(transaction_.Delete(DependentRow(owner.uid, key)));
    }
  }
  return {};
}

Result<void> ResourceTransaction::WriteTerms(const Resource* now, const Resource* old) {
  const Key key = KeyOf(now == nullptr ? *old : *now);
  const std::set<std::string> before = TermsOf(old);
  const std::set<std::string> after = TermsOf(now);
  for (const std::string& term : before) {
    if (!after.contains(term)) TRY_VOID(transaction_.Delete(TermRow(key, term)));
  }
  for (const std::string& term : after) {
    if (!before.contains(term)) TRY_VOID(transaction_.Put(TermRow(key, term), ""));
  }
  return {};
}

}  // namespace slipway::resource
