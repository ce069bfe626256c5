#include "registry/facts.h"

#include "registry/lookup.h"
#include "registry/projection.h"
#include "registry/rows.h"
#include "resource/row_keys.h"

namespace slipway::registry {
namespace {

Result<bool> HasVersion(store::MetaStore& meta, const std::string& repository,
                        const Digest& digest) {
  bool found = false;
  TRY_VOID(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    const std::string key = resource::RowKey(ModelVersionKey(repository, digest));
    TRY(rows, snapshot.ScanSizes(key, key + '\0', 1));
    found = !rows.empty();
    return {};
  }));
  return found;
}

// Reads for a moment only: what is done with the bytes holds no reader of the database.
Result<std::optional<std::string>> FetchOne(const FactsSource& source, const Digest& digest,
                                            std::vector<Digest>& missing) {
  if (const auto coming = source.coming ? source.coming(digest) : std::nullopt) {
    return coming->bytes ? std::optional(*coming->bytes) : std::optional<std::string>();
  }
  std::optional<std::string> bytes;
  TRY_VOID(source.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(row, FindBlob(snapshot, source.repository, digest));
    if (!row) {
      missing.push_back(digest);
      return {};
    }
    TRY(found, ReadInlineObject(snapshot, row->object));
    bytes = std::move(found);
    return {};
  }));
  return bytes;
}

}  // namespace

Result<std::optional<PreparedFacts>> PrepareFacts(const FactsSource& source, const Digest& digest,
                                                  const oci::Manifest& manifest) {
  if (!IsModelType(manifest.EffectiveArtifactType())) return std::optional<PreparedFacts>();
  TRY(has_version, HasVersion(*source.meta, source.repository, digest));
  if (has_version) return std::optional<PreparedFacts>();
  PreparedFacts prepared;
  if (!*source.facts_of) return std::optional(std::move(prepared));
  TRY(facts, (*source.facts_of)(manifest, [&](const oci::Descriptor& wanted) {
        return FetchOne(source, wanted.digest, prepared.missing);
      }));
  prepared.facts = std::move(facts);
  return std::optional(std::move(prepared));
}

}  // namespace slipway::registry
