// References: index rows that tell which manifests name a blob, and whether anybody uses an object.
// They are written in the transaction of the row that they are about, so that nothing needs to read
// all manifests: neither a deletion nor the collection of garbage.
//
//   registry/used/REPO@BLOB@MANIFEST          empty: this manifest of REPO names BLOB
//   registry/names/REPO@MANIFEST              what it names: config, layers, children, a line each
//   registry/user/OBJECT@REPO@manifest@DIGEST  empty: the bytes of this manifest are OBJECT
//   registry/user/OBJECT@REPO@blob@SHA512      empty: the bytes of this blob are OBJECT
//   registry/other/REPO@MANIFEST              empty: neither a model nor about another manifest
//
// A blob that was pushed under its sha256 has no row `user`: its row `registry/holder/` says it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "oci/manifest.h"
#include "registry/rows.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

std::string UsedPrefix(std::string_view repository);
std::string UsedPrefix(std::string_view repository, const Digest& blob);
std::string NamesPrefix(std::string_view repository);
std::string OtherPrefix(std::string_view repository);
std::string UserPrefix(const Digest& object);

// What the manifest names as config, layer or child, each once.
std::vector<Digest> NamedBy(const oci::Manifest& manifest);

// The rows about a manifest whose row is `row`. Adding again what is there changes nothing.
Result<void> AddManifestReferences(store::Transaction& transaction, std::string_view repository,
                                   const Digest& manifest, const ManifestRow& row,
                                   const std::vector<Digest>& named);
// What the manifest names, as NamedBy told when it was pushed.
Result<std::vector<Digest>> ReadNamed(const store::Snapshot& snapshot, std::string_view repository,
                                      const Digest& manifest);
Result<bool> HasManifestReferences(const store::Snapshot& snapshot, std::string_view repository,
                                   const Digest& manifest);
Result<void> RemoveManifestReferences(store::Transaction& transaction, std::string_view repository,
                                      const Digest& manifest, const Digest& object);

// Of all that AddManifestReferences made, the one row that is not found by the repository.
Result<void> RemoveManifestUser(store::Transaction& transaction, std::string_view repository,
                                const Digest& manifest, const Digest& object);

Result<void> AddBlobReference(store::Transaction& transaction, std::string_view repository,
                              const Digest& blob, const Digest& object);
Result<void> RemoveBlobReference(store::Transaction& transaction, std::string_view repository,
                                 const Digest& blob, const Digest& object);

// A manifest of the repository that names the blob, if there is one.
Result<std::optional<Digest>> FindBlobUser(const store::Snapshot& snapshot,
                                           std::string_view repository, const Digest& blob);
// Whether a blob or manifest of any repository has these bytes.
Result<bool> IsObjectUsed(const store::Snapshot& snapshot, const Digest& object);

// A blob of a repository whose bytes are an object.
struct BlobUse {
  std::string repository;
  Digest blob;
};
// Calls `visit` for every blob with these bytes until it answers false; answers false then. Also
// false, without a call, if a manifest has them.
Result<bool> EveryUseIsBlob(const store::Snapshot& snapshot, const Digest& object,
                            const std::function<Result<bool>(const BlobUse&)>& visit);

// Makes the rows of what an older program wrote, a few manifests in each transaction; goes on where
// it was cut off. Blocking; before anything else is changed. A manifest that cannot be read or
// parsed names nothing: nobody could pull by it.
Result<void> BuildReferences(store::MetaStore& meta, store::ObjectStore& objects);

}  // namespace slipway::registry
