#include "controller/model/usage.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "controller/service/rollback.h"
#include "oci/reference.h"
#include "resource/row_keys.h"

namespace slipway::controller {
namespace {

using resource::Key;
using resource::ResourceTransaction;

constexpr size_t kScanPage = 1'000;

// What is to go.
struct Content {
  const std::string& repository;
  const std::optional<Digest>& digest;

  bool Has(std::string_view other_repository, std::string_view other_digest) const {
    return other_repository == repository && (!digest || digest->text() == other_digest);
  }
};

// Those of a kind, in all projects, whose row has the text somewhere: only these are parsed. What
// has passed admission names repositories canonically.
Result<std::vector<Key>> KeysOfRowsWith(ResourceTransaction& transaction, std::string_view kind,
                                        std::string_view text) {
  std::vector<Key> keys;
  const std::string prefix = resource::RowPrefix(kind, std::nullopt);
  std::string begin = prefix;
  while (true) {
    TRY(rows, transaction.raw().Scan(begin, store::PrefixEnd(prefix), kScanPage));
    for (const store::KeyValue& row : rows) {
      if (row.value.find(text) == std::string::npos) continue;
      if (auto key = resource::ParseRowKey(row.key)) keys.push_back(*std::move(key));
    }
    if (rows.size() < kScanPage) return keys;
    begin = rows.back().key + '\0';
  }
}

bool IsMadeOf(const Revision& revision, const Content& content) {
  return std::ranges::any_of(PackagesOf(revision.spec), [&](const auto& package) {
    return content.Has(package.repository, package.manifest_digest);
  });
}

Error InUse(const Content& content, const std::string& what) {
  return FailedPrecondition(
      "MODEL_IN_USE",
      fmt::format("{}{} {}; delete the service, or move it to another model, first",
                  content.repository, content.digest ? "@" + content.digest->text() : "", what));
}

// What the service asks for, whether or not there is a revision of it yet.
Result<void> CheckWish(const Content& content, const Service& service) {
  resource::ModelSettings settings = service.spec.predictor;
  for (const resource::NamedPackage& package : PackagesOf(settings)) {
    TRY(wish, oci::Reference::Parse(*package.reference));
    if (!content.Has(oci::CanonicalRepository(wish.repository),
                     wish.digest ? wish.digest->text() : "")) {
      continue;
    }
    return InUse(content, fmt::format("is what service {}/{} asks for", service.metadata.project,
                                      service.metadata.name));
  }
  return {};
}

Result<void> CheckRevisions(ResourceTransaction& transaction, const Content& content,
                            const Service& service) {
  TRY(revisions, RevisionsOf(transaction, service.metadata));
  const Revision* previous = PreviousRevision(service.spec, revisions);
  for (const Revision& revision : revisions) {
    if (!IsMadeOf(revision, content)) continue;
    const int64_t number = revision.spec.number;
    const std::string name = fmt::format("{}/{}", service.metadata.project, service.metadata.name);
    if (number == service.status.ready_revision || number == service.status.latest_revision) {
      return InUse(content, fmt::format("is served by service {} as revision {}", name, number));
    }
    if (&revision == previous) {
      return InUse(content,
                   fmt::format("is what service {} would go back to (revision {})", name, number));
    }
  }
  return {};
}

}  // namespace

Result<void> CheckModelUnused(ResourceTransaction& transaction, const std::string& repository,
                              const std::optional<Digest>& digest) {
  const Content content{repository, digest};
  TRY(services, KeysOfRowsWith(transaction, "Service", repository));
  TRY(revisions, KeysOfRowsWith(transaction, "Revision", repository));
  for (const Key& key : revisions) {
    TRY(resource, transaction.Get(key));
    TRY(revision, Revision::From(resource));
    if (!IsMadeOf(revision, content)) continue;
    services.push_back({"Service", key.project, revision.spec.service});
  }
  std::ranges::sort(services);
  const auto same = std::ranges::unique(services);
  services.erase(same.begin(), same.end());
  for (const Key& key : services) {
    TRY(found, transaction.Find(key));
    if (!found) continue;
    TRY(service, Service::From(*found));
    TRY_VOID(CheckWish(content, service));
    TRY_VOID(CheckRevisions(transaction, content, service));
  }
  return {};
}

}  // namespace slipway::controller
