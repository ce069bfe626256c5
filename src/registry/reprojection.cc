#include "registry/reprojection.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "async/deadline.h"
#include "base/crash_point.h"
#include "base/json.h"
#include "base/log.h"
#include "registry/core.h"
#include "registry/limits.h"
#include "registry/lookup.h"

namespace slipway::registry {
namespace {

constexpr std::string_view kProjectionKey = "registry/projection";
// 2: `datasetDigests` and `parents` of the metadata.
constexpr std::string_view kProjection = "2";
constexpr std::string_view kProgressKey = "registry/projection-progress";
constexpr std::string_view kManifests = "registry/manifest/";

struct OldVersion {
  std::string repository;
  Digest digest;
  std::string media_type;
};

struct Batch {
  std::vector<OldVersion> versions;
  std::string last_key;
  bool is_last = false;
};

struct NewFacts {
  resource::Key key;
  std::string digest;
  resource::ModelMetadata metadata;
};

Result<Batch> ReadBatch(const store::Snapshot& snapshot, const std::string& after) {
  Batch batch;
  const std::string begin = after.empty() ? std::string(kManifests) : after + '\0';
  TRY(rows, snapshot.ScanSizes(begin, store::PrefixEnd(kManifests), kIndexedTogether));
  batch.is_last = rows.size() < kIndexedTogether;
  for (const store::KeySize& row : rows) {
    batch.last_key = row.key;
    const std::string_view rest = std::string_view(row.key).substr(kManifests.size());
    const size_t at = rest.rfind('@');
    if (at == std::string_view::npos) continue;
    const auto digest = Digest::Parse(rest.substr(at + 1));
    if (!digest) continue;
    std::string repository(rest.substr(0, at));
    TRY(found, FindManifest(snapshot, repository, *digest));
    if (!found || !IsModelType(found->artifact_type)) continue;
    batch.versions.push_back({.repository = std::move(repository),
                              .digest = *digest,
                              .media_type = std::move(found->media_type)});
  }
  return batch;
}

// Here no writer waits: content that is a file is read as well.
Result<std::optional<std::string>> Fetch(Core& core, const std::string& repository,
                                         const oci::Descriptor& wanted) {
  std::optional<BlobRow> row;
  std::optional<std::string> bytes;
  TRY_VOID(core.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, FindBlob(snapshot, repository, wanted.digest));
    row = std::move(found);
    if (!row) return {};
    TRY(read, ReadInlineObject(snapshot, row->object));
    bytes = std::move(read);
    return {};
  }));
  if (bytes || !row || row->size_bytes > kMaxReprojectedBytes) return bytes;
  TRY(read, store::GetObject(core.objects(), row->object, kMaxReprojectedBytes));
  return std::optional(std::move(read));
}

Result<resource::ModelFacts> FactsOfVersion(Core& core, const OldVersion& version) {
  std::string bytes;
  TRY_VOID(core.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(read, ReadManifestBytes(snapshot, core.objects(), version.repository, version.digest));
    bytes = std::move(read);
    return {};
  }));
  TRY(manifest, oci::ParseManifest(bytes, version.media_type));
  return core.options.facts_of(manifest, [&](const oci::Descriptor& wanted) {
    return Fetch(core, version.repository, wanted);
  });
}

// Blocking.
Result<std::vector<NewFacts>> FactsOfBatch(Core& core, const Batch& batch) {
  std::vector<NewFacts> out;
  for (const OldVersion& version : batch.versions) {
    auto facts = FactsOfVersion(core, version);
    if (facts && facts->metadata) {
      out.push_back({.key = ModelVersionKey(version.repository, version.digest),
                     .digest = version.digest.text(),
                     .metadata = std::move(*facts->metadata)});
    }
    if (facts) continue;
    const Code code = facts.error().code();
    if (code == Code::kNotFound)
      continue;  // deleted meanwhile, or damaged, which is told elsewhere
    if (code != Code::kInvalidArgument && code != Code::kDataLoss) return facts.error();
    LogWarning("the metadata of a version cannot be read again",
               {{"repository", version.repository},
                {"digest", version.digest.text()},
                {"error", facts.error()}});
  }
  return out;
}

Result<void> Apply(resource::ResourceTransaction& resources, const NewFacts& facts) {
  TRY(found, resources.Find(facts.key));
  if (!found || found->spec.value("manifestDigest", std::string()) != facts.digest) return {};
  Json status = found->status;
  status["metadata"] = Encode(facts.metadata);
  TRY_VOID(resources.UpdateStatus(facts.key, std::move(status)));
  return {};
}

Task<Result<void>> Write(Core& core, const Batch& batch, const std::vector<NewFacts>& facts) {
  const CallContext context = CallContext::System("registry/projection");
  co_return co_await core.meta().Mutate(
      context, [&](store::Transaction& transaction) -> Result<void> {
        resource::ResourceTransaction resources(transaction, context, *core.options.clock,
                                                *core.options.random);
        for (const NewFacts& one : facts) TRY_VOID(Apply(resources, one));
        if (!batch.is_last) return transaction.Put(kProgressKey, batch.last_key);
        TRY_VOID(transaction.Delete(kProgressKey));
        return transaction.Put(kProjectionKey, kProjection);
      });
}

}  // namespace

Task<Result<void>> Reproject(Core& core) {
  if (!core.options.facts_of) co_return Result<void>();
  bool is_done = false;
  std::string after;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(projection, snapshot.Get(kProjectionKey));
    TRY(progress, snapshot.Get(kProgressKey));
    is_done = projection == kProjection;
    after = std::move(progress).value_or("");
    return {};
  }));
  while (!is_done) {
    Batch batch;
    CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(read, ReadBatch(snapshot, after));
      batch = std::move(read);
      return {};
    }));
    CO_TRY(facts, co_await core.pool().Run([&core, &batch] { return FactsOfBatch(core, batch); }));
    CO_TRY_VOID(co_await Write(core, batch, facts));
    CRASH_POINT("registry.versions_projected");
    is_done = batch.is_last;
    after = std::move(batch.last_key);
  }
  co_return Result<void>();
}

Task<void> ReprojectInTime(std::shared_ptr<Core> core) {
  do {
    const Result<void> done = co_await Reproject(*core);
    if (done) co_return;
    LogWarning("the metadata of older versions were not all read again, and will be later",
               {{"error", done.error()}});
  } while (co_await SleepFor(kReprojectionPause));
}

}  // namespace slipway::registry
