#include "controller/site/desired_input.h"

#include "resource/kinds/project.h"
#include "resource/limits.h"
#include "resource/list.h"

namespace slipway::controller {
namespace {

using resource::InferenceTokens;
using resource::Key;
using resource::Resource;

constexpr size_t kPage = 5'000;

// All resources of a kind, in all projects.
Result<std::vector<Resource>> ReadAll(const store::Snapshot& snapshot, const std::string& epoch,
                                      std::string_view kind) {
  std::vector<Resource> out;
  resource::ListOptions options{.limit = kPage};
  do {
    TRY(page, resource::ReadList(
                  snapshot,
                  {.epoch = epoch, .kind = *resource::FindKind(kind), .project = {}, .parts = {}},
                  options));
    std::move(page.items.begin(), page.items.end(), std::back_inserter(out));
    options.continue_token = page.continue_token;
  } while (!options.continue_token.empty());
  return out;
}

Result<std::optional<Resource>> ReadOne(const store::Snapshot& snapshot, const std::string& row) {
  TRY(text, snapshot.Get(row));
  if (!text) return std::optional<Resource>();
  TRY(json, ParseJson(*text));
  TRY(found, resource::ResourceFromStored(json));
  return std::optional(std::move(found));
}

Result<void> AddProject(const Resource& project, DesiredInput& input) {
  TRY(spec, Decode<resource::ProjectSpec>(project.spec, "spec", UnknownFields::kIgnore));
  if (!spec.allow_anonymous) input.token_only_projects.insert(project.metadata.name);
  return {};
}

// After its project: that decides whether it needs keys.
Result<std::string> AddService(const Resource& resource, const InferenceTokens& tokens,
                               DesiredInput& input) {
  TRY(service, Service::From(resource));
  const std::pair name(service.metadata.project, service.metadata.name);
  if (AccessOf(input, service) == resource::InferenceAccess::kToken) {
    std::vector<runtime::ServingKey>& keys = input.keys[name];
    for (const resource::InferenceKey& token : tokens.KeysOf(name.first, name.second)) {
      runtime::ServingKey key{
          .sha256 = token.secret_sha256, .name = token.name, .limits = token.limits};
      if (token.expires_at) key.expires_at_ms = token.expires_at->time_since_epoch().count();
      keys.push_back(std::move(key));
    }
  }
  std::string uid = service.metadata.uid;
  input.services.push_back(std::move(service));
  return uid;
}

Result<void> AddRevision(const Resource& resource, DesiredInput& input) {
  TRY(revision, Revision::From(resource));
  input.revisions.push_back(std::move(revision));
  return {};
}

}  // namespace

Result<DesiredInput> ReadDesiredInput(const store::Snapshot& snapshot, const std::string& epoch,
                                      resource::InferenceAccess default_access,
                                      const InferenceTokens& tokens) {
  DesiredInput input{.default_access = default_access};
  TRY(projects, ReadAll(snapshot, epoch, "Project"));
  for (const Resource& project : projects) TRY_VOID(AddProject(project, input));
  TRY(services, ReadAll(snapshot, epoch, "Service"));
  for (const Resource& service : services) TRY_VOID(AddService(service, tokens, input));
  TRY(revisions, ReadAll(snapshot, epoch, "Revision"));
  for (const Resource& revision : revisions) TRY_VOID(AddRevision(revision, input));
  return input;
}

Result<DesiredInput> ReadDesiredInput(const store::Snapshot& snapshot, const Key& service,
                                      resource::InferenceAccess default_access,
                                      const InferenceTokens& tokens) {
  DesiredInput input{.default_access = default_access};
  TRY(found, ReadOne(snapshot, resource::RowKey(service)));
  if (!found) return input;
  TRY(project, ReadOne(snapshot, resource::RowKey({"Project", "", service.project})));
  if (project) TRY_VOID(AddProject(*project, input));
  TRY(uid, AddService(*found, tokens, input));
  const std::string owned = resource::DependentPrefix(uid);
  TRY(rows, snapshot.Scan(owned, store::PrefixEnd(owned), resource::kMaxCascade));
  for (const store::KeyValue& row : rows) {
    TRY(dependent, ReadOne(snapshot, row.key.substr(owned.size())));
    if (dependent && dependent->kind == "Revision") TRY_VOID(AddRevision(*dependent, input));
  }
  return input;
}

}  // namespace slipway::controller
