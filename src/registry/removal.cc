#include "registry/removal.h"

#include <nlohmann/json.hpp>

#include "registry/limits.h"
#include "resource/kinds/model.h"
#include "resource/limits.h"

namespace slipway::registry {
namespace {

using resource::Cascade;
using resource::Resource;
using resource::ResourceTransaction;

// A writer of one repository inside of a transaction of resources.
class Writer {
 public:
  Writer(ResourceTransaction& transaction, std::string repository)
      : repository_(std::move(repository)),
        writer_(transaction.raw(), transaction.context(), repository_, transaction.clock(),
                transaction.random()) {}
  RepositoryWriter* operator->() { return &writer_; }

 private:
  const std::string repository_;
  RepositoryWriter writer_;
};

Result<void> RemoveVersion(ResourceTransaction& transaction, const Resource& version,
                           const CheckUnused& check) {
  TRY(spec, Decode<resource::ModelVersionSpec>(version.spec, "spec", UnknownFields::kIgnore));
  TRY(digest, Digest::Parse(spec.manifest_digest));
  return Writer(transaction, spec.repository)->DeleteManifest(digest, check);
}

Result<void> RemoveModel(ResourceTransaction& transaction, const Resource& model, Cascade cascade,
                         const CheckUnused& check) {
  TRY(spec, Decode<resource::ModelSpec>(model.spec, "spec", UnknownFields::kIgnore));
  TRY(exists, RepositoryExists(transaction.raw(), spec.repository));
  if (!exists) return {};
  Writer writer(transaction, spec.repository);
  if (cascade == Cascade::kNo) {
    TRY(other, writer->FindOtherThanModels());
    if (other) {
      return FailedPrecondition("REPOSITORY_NOT_EMPTY",
                                "the repository " + spec.repository + " also holds " +
                                    other->text() +
                                    ", which is no model: delete the model's versions one by one, "
                                    "or all of the repository with cascade=1 (slipway delete "
                                    "--cascade)");
    }
  }
  return writer->DeleteRepository(check);
}

Result<void> RemoveRepositories(ResourceTransaction& transaction, const Resource& project,
                                Cascade cascade, const CheckUnused& check) {
  const std::string all = RepositoryPrefix(project.metadata.name);
  const std::string_view before_name =
      std::string_view(all).substr(0, all.size() - project.metadata.name.size() - 1);
  TRY(rows, transaction.raw().Scan(all, store::PrefixEnd(all), resource::kMaxCascade + 1));
  if (rows.size() > resource::kMaxCascade) {
    return FailedPrecondition("CASCADE_TOO_LARGE",
                              "the project has more than " + std::to_string(resource::kMaxCascade) +
                                  " repositories: delete some of their models first");
  }
  size_t budget = kRemovedAtOnce;
  for (const store::KeyValue& row : rows) {
    const std::string repository = row.key.substr(before_name.size());
    Writer writer(transaction, repository);
    TRY(has_manifests, writer->HasManifests());
    if (has_manifests && cascade == Cascade::kNo) {
      return FailedPrecondition("PROJECT_NOT_EMPTY",
                                "the project \"" + project.metadata.name +
                                    "\" still holds the repository " + repository +
                                    ": delete what is in it first, or all of it with cascade=1 "
                                    "(slipway delete --cascade)");
    }
    TRY_VOID(writer->DeleteRepository(check, budget));
  }
  const std::string removing = RemovingKey(project.metadata.name + "/");
  TRY(left, transaction.raw().ScanSizes(removing, store::PrefixEnd(removing), 1));
  return left.empty() ? Result<void>() : Hold(transaction, project);
}

}  // namespace

void AddRemovals(resource::ResourceStore& store, CheckUnused check) {
  store.AddRemoval("ModelVersion",
                   [check](ResourceTransaction& transaction, const Resource& version, Cascade) {
                     return RemoveVersion(transaction, version, check);
                   });
  store.AddRemoval(
      "Model", [check](ResourceTransaction& transaction, const Resource& model, Cascade cascade) {
        return RemoveModel(transaction, model, cascade, check);
      });
  store.AddRemoval("Project", [check](ResourceTransaction& transaction, const Resource& project,
                                      Cascade cascade) {
    return RemoveRepositories(transaction, project, cascade, check);
  });
}

}  // namespace slipway::registry
