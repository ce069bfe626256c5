#include "resource/resource_store.h"

#include "base/check.h"
#include "resource/kinds/service.h"
#include "resource/limits.h"
#include "resource/list.h"
#include "resource/resource_state.h"
#include "resource/validation.h"

namespace slipway::resource {
namespace {

Result<void> AdmitAccess(ResourceTransaction& transaction, Resource& now, const Resource*) {
  TRY(spec, Decode<ServiceSpec>(now.spec, "spec"));
  TRY(project, transaction.Find({"Project", "", now.metadata.project}));
  return project ? CheckAccessAllowed(spec.access, *project) : Result<void>();
}

}  // namespace

ResourceStore::ResourceStore(store::MetaStore& meta, Clock& clock, Random& random,
                             const trust::SecretBox* secrets)
    : meta_(meta),
      clock_(clock),
      random_(random),
      secrets_(secrets),
      state_(std::make_unique<State>()) {
  AddAdmission("Service", AdmitAccess);
}

ResourceStore::~ResourceStore() {
  CHECK_NOTE(state_->watches.load() == 0, "a watch outlives its store");
}

void ResourceStore::AddAdmission(std::string kind, Admission admission) {
  CHECK_NOTE(FindKind(kind) != nullptr, kind);
  state_->admissions[std::string(FindKind(kind)->kind)].push_back(std::move(admission));
}

void ResourceStore::AddRemoval(std::string kind, Removal removal) {
  CHECK_NOTE(FindKind(kind) != nullptr, kind);
  state_->removals[std::string(FindKind(kind)->kind)].push_back(std::move(removal));
}

void ResourceStore::AddSearchPart(std::string kind, SearchPart part) {
  CHECK_NOTE(FindKind(kind) != nullptr, kind);
  state_->parts[std::string(FindKind(kind)->kind)].push_back(std::move(part));
}

void ResourceStore::AddStatusPart(std::string kind, StatusPart part) {
  CHECK_NOTE(FindKind(kind) != nullptr, kind);
  state_->status_parts[std::string(FindKind(kind)->kind)].push_back(std::move(part));
}

Result<Resource> ResourceStore::AdmitCreate(ResourceTransaction& transaction,
                                            Resource resource) const {
  TRY(kind, RequireKind(resource.kind));
  TRY_VOID(CheckMetadata(*kind, resource.metadata));
  TRY(spec, Normalised(*kind->spec, resource.spec, "spec"));
  resource.spec = std::move(spec);
  auto found = state_->admissions.find(std::string(kind->kind));
  if (found != state_->admissions.end()) {
    for (const Admission& admit : found->second) {
      TRY_VOID(admit(transaction, resource, nullptr));
    }
  }
  return transaction.Create(std::move(resource));
}

Result<Resource> ResourceStore::AdmitUpdate(ResourceTransaction& transaction, Resource resource,
                                            std::optional<uint64_t> if_version) const {
  TRY(kind, RequireKind(resource.kind));
  resource.kind = kind->kind;
  TRY(spec, Normalised(*kind->spec, resource.spec, "spec"));
  resource.spec = std::move(spec);
  auto found = state_->admissions.find(resource.kind);
  if (found != state_->admissions.end()) {
    TRY(old, transaction.Get(KeyOf(resource)));
    for (const Admission& admit : found->second) TRY_VOID(admit(transaction, resource, &old));
  }
  return transaction.Update(std::move(resource), if_version);
}

Result<void> ResourceStore::AdmitDelete(ResourceTransaction& transaction, Key key,
                                        std::optional<uint64_t> if_version, Cascade cascade) const {
  transaction.raw().MarkDeletion();
  TRY(now, transaction.CheckDelete(key, if_version));
  key.kind = now.kind;
  if (key.kind == "Project" && cascade == Cascade::kYes) {
    TRY_VOID(transaction.DeleteContents(key.name));
  }
  auto found = state_->removals.find(key.kind);
  if (found != state_->removals.end()) {
    for (const Removal& remove : found->second) TRY_VOID(remove(transaction, now, cascade));
  }
  TRY(left, transaction.Find(key));
  return left ? transaction.Delete(key) : Result<void>();
}

Task<Result<void>> ResourceStore::Transact(CallContext context,
                                           std::function<Result<void>(ResourceTransaction&)> body) {
  auto mutation = [this, &context, &body](store::Transaction& raw) {
    ResourceTransaction transaction(raw, context, clock_, random_, secrets_);
    return body(transaction);
  };
  // The lambda's references live in this frame, which waits for it.
  co_return co_await meta_.Mutate(context, mutation);
}

Result<void> ResourceStore::TransactNow(
    const CallContext& context, const std::function<Result<void>(ResourceTransaction&)>& body) {
  return meta_.MutateNow(context, [&](store::Transaction& raw) {
    ResourceTransaction transaction(raw, context, clock_, random_, secrets_);
    return body(transaction);
  });
}

namespace {

// A mutation's answer beside its Result<void>.
using Slot = std::optional<Resource>;

Result<void> Fill(Slot& slot, Result<Resource> resource) {
  if (!resource.has_value()) return resource.error();
  slot = std::move(*resource);
  return {};
}

}  // namespace

Task<Result<Resource>> ResourceStore::Create(CallContext context, Resource resource) {
  Slot made;
  CO_TRY_VOID(co_await Transact(std::move(context), [&](ResourceTransaction& transaction) {
    return Fill(made, AdmitCreate(transaction, resource));
  }));
  co_return *std::move(made);
}

Task<Result<Resource>> ResourceStore::Update(CallContext context, Resource resource,
                                             std::optional<uint64_t> if_version) {
  Slot made;
  CO_TRY_VOID(co_await Transact(std::move(context), [&](ResourceTransaction& transaction) {
    return Fill(made, AdmitUpdate(transaction, resource, if_version));
  }));
  co_return *std::move(made);
}

Task<Result<Resource>> ResourceStore::UpdateStatus(CallContext context, Key key, Json status) {
  Slot made;
  CO_TRY_VOID(co_await Transact(std::move(context), [&](ResourceTransaction& transaction) {
    return Fill(made, transaction.UpdateStatus(key, status));
  }));
  co_return *std::move(made);
}

Task<Result<void>> ResourceStore::Delete(CallContext context, Key key,
                                         std::optional<uint64_t> if_version, Cascade cascade) {
  co_return co_await Transact(std::move(context), [&](ResourceTransaction& transaction) {
    return AdmitDelete(transaction, key, if_version, cascade);
  });
}

Task<Result<Resource>> ResourceStore::Get(Key key) {
  CO_TRY(kind, RequireKind(key.kind));
  key.kind = kind->kind;
  Slot resource;
  CO_TRY_VOID(co_await meta_.Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(row, snapshot.Get(RowKey(key)));
    if (!row) return NotFound("RESOURCE_UNKNOWN", "there is no " + DisplayName(key));
    TRY(json, ParseJson(*row, {.max_bytes = 4 * kMaxResourceBytes}));
    TRY_VOID(Fill(resource, ResourceFromStored(json)));
    return ReadStatusParts(StatusPartsOf(key.kind), snapshot, *resource);
  }));
  MergeVolatileStatus(*resource);
  co_return *std::move(resource);
}

Task<Result<ListPage>> ResourceStore::List(std::string kind_name, std::string project,
                                           ListOptions options) {
  CO_TRY(kind, RequireKind(kind_name));
  ListPage page;
  const auto parts = state_->parts.find(std::string(kind->kind));
  const ListSource source{
      .epoch = meta_.epoch(),
      .kind = *kind,
      .project = project,
      .parts = parts == state_->parts.end() ? std::span<const SearchPart>() : parts->second};
  CO_TRY_VOID(co_await meta_.Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ReadList(snapshot, source, options));
    page = std::move(found);
    for (Resource& resource : page.items) {
      TRY_VOID(ReadStatusParts(StatusPartsOf(kind->kind), snapshot, resource));
    }
    return {};
  }));
  for (Resource& resource : page.items) MergeVolatileStatus(resource);
  co_return page;
}

std::span<const StatusPart> ResourceStore::StatusPartsOf(std::string_view kind) const {
  const auto parts = state_->status_parts.find(std::string(kind));
  if (parts == state_->status_parts.end()) return {};
  return parts->second;
}

Result<void> ReadStatusParts(std::span<const StatusPart> parts, const store::Snapshot& snapshot,
                             Resource& resource) {
  for (const StatusPart& part : parts) {
    TRY(fields, part(snapshot, resource));
    for (const auto& [name, value] : fields.items()) resource.status[name] = value;
  }
  return {};
}

void ResourceStore::SetVolatileStatus(const Key& key, Json fields) {
  const SteadyTime now = clock_.Steady();
  state_->volatile_status.With([&](std::map<Key, VolatileStatus>& all) {
    std::erase_if(
        all, [&](const auto& entry) { return entry.second.set_at + kVolatileStatusAge < now; });
    all.insert_or_assign(key, VolatileStatus{.fields = std::move(fields), .set_at = now});
  });
}

void ResourceStore::MergeVolatileStatus(Resource& resource) const {
  const SteadyTime now = clock_.Steady();
  state_->volatile_status.With([&](const std::map<Key, VolatileStatus>& all) {
    auto found = all.find(KeyOf(resource));
    if (found == all.end() || found->second.set_at + kVolatileStatusAge < now) return;
    for (const auto& [name, value] : found->second.fields.items()) resource.status[name] = value;
  });
}

}  // namespace slipway::resource
