#include "registry/references.h"

#include <set>

#include "registry/key_text.h"
#include "registry/limits.h"
#include "registry/projection.h"

namespace slipway::registry {
namespace {

std::string UsedKey(std::string_view repository, const Digest& blob, const Digest& manifest) {
  return Join(UsedPrefix(repository, blob), manifest.text());
}
std::string NamesKey(std::string_view repository, const Digest& manifest) {
  return Join(NamesPrefix(repository), manifest.text());
}
std::string OtherKey(std::string_view repository, const Digest& manifest) {
  return Join(OtherPrefix(repository), manifest.text());
}
std::string ManifestUserKey(const Digest& object, std::string_view repository,
                            const Digest& manifest) {
  return Join(UserPrefix(object), repository, "@manifest@", manifest.text());
}
std::string BlobUserKey(const Digest& object, std::string_view repository, const Digest& blob) {
  return Join(UserPrefix(object), repository, "@blob@", blob.text());
}

Error Corrupt(std::string_view key) {
  return DataLoss("ROW_CORRUPT", "the row " + std::string(key) + " cannot be read.");
}

Result<bool> HasRowWith(const store::Snapshot& snapshot, const std::string& prefix) {
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), 1));
  return !rows.empty();
}

std::string Lines(const std::vector<Digest>& digests) {
  std::string text;
  for (const Digest& digest : digests) text.append(digest.text()).append("\n");
  return text;
}

// Calls `visit` for the rest of each key with this prefix until it answers false.
Result<bool> EachRest(const store::Snapshot& snapshot, const std::string& prefix,
                      const std::function<Result<bool>(std::string_view)>& visit) {
  std::string begin = prefix;
  while (true) {
    TRY(rows, snapshot.ScanSizes(begin, store::PrefixEnd(prefix), kUsersPerPage));
    for (const store::KeySize& row : rows) {
      TRY(more, visit(std::string_view(row.key).substr(prefix.size())));
      if (!more) return false;
    }
    if (rows.size() < kUsersPerPage) return true;
    begin = rows.back().key + '\0';
  }
}

}  // namespace

std::string UsedPrefix(std::string_view repository) {
  return Join("registry/used/", repository, "@");
}
std::string UsedPrefix(std::string_view repository, const Digest& blob) {
  return Join(UsedPrefix(repository), blob.text(), "@");
}
std::string NamesPrefix(std::string_view repository) {
  return Join("registry/names/", repository, "@");
}
std::string OtherPrefix(std::string_view repository) {
  return Join("registry/other/", repository, "@");
}
std::string UserPrefix(const Digest& object) {
  return Join("registry/user/", object.text(), "@");
}

std::vector<Digest> NamedBy(const oci::Manifest& manifest) {
  std::set<Digest> named;
  if (manifest.config) named.insert(manifest.config->digest);
  for (const oci::Descriptor& layer : manifest.layers) named.insert(layer.digest);
  for (const oci::Descriptor& child : manifest.children) named.insert(child.digest);
  return {named.begin(), named.end()};
}

Result<void> AddManifestReferences(store::Transaction& transaction, std::string_view repository,
                                   const Digest& manifest, const ManifestRow& row,
                                   const std::vector<Digest>& named) {
  for (const Digest& blob : named) {
    TRY_VOID(transaction.Put(UsedKey(repository, blob, manifest), ""));
  }
  TRY_VOID(transaction.Put(NamesKey(repository, manifest), Lines(named)));
  TRY_VOID(transaction.Put(ManifestUserKey(row.object, repository, manifest), ""));
  if (row.subject || IsModelType(row.artifact_type)) return {};
  return transaction.Put(OtherKey(repository, manifest), "");
}

Result<std::vector<Digest>> ReadNamed(const store::Snapshot& snapshot, std::string_view repository,
                                      const Digest& manifest) {
  const std::string key = NamesKey(repository, manifest);
  TRY(names, snapshot.Get(key));
  std::vector<Digest> named;
  std::string_view rest = names ? std::string_view(*names) : std::string_view();
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    auto one = Digest::Parse(rest.substr(0, end));
    if (end == std::string_view::npos || !one) return Corrupt(key);
    named.push_back(std::move(*one));
    rest.remove_prefix(end + 1);
  }
  return named;
}

Result<bool> HasManifestReferences(const store::Snapshot& snapshot, std::string_view repository,
                                   const Digest& manifest) {
  const std::string key = NamesKey(repository, manifest);
  TRY(rows, snapshot.ScanSizes(key, key + '\0', 1));
  return !rows.empty();
}

Result<void> RemoveManifestReferences(store::Transaction& transaction, std::string_view repository,
                                      const Digest& manifest, const Digest& object) {
  TRY(named, ReadNamed(transaction, repository, manifest));
  for (const Digest& blob : named) {
    TRY_VOID(transaction.Delete(UsedKey(repository, blob, manifest)));
  }
  TRY_VOID(transaction.Delete(NamesKey(repository, manifest)));
  TRY_VOID(transaction.Delete(OtherKey(repository, manifest)));
  return RemoveManifestUser(transaction, repository, manifest, object);
}

Result<void> RemoveManifestUser(store::Transaction& transaction, std::string_view repository,
                                const Digest& manifest, const Digest& object) {
  return transaction.Delete(ManifestUserKey(object, repository, manifest));
}

Result<void> AddBlobReference(store::Transaction& transaction, std::string_view repository,
                              const Digest& blob, const Digest& object) {
  TRY_VOID(transaction.Put(HolderKey(blob, repository), ""));
  if (blob == object) return {};
  return transaction.Put(BlobUserKey(object, repository, blob), "");
}

Result<void> RemoveBlobReference(store::Transaction& transaction, std::string_view repository,
                                 const Digest& blob, const Digest& object) {
  TRY_VOID(transaction.Delete(HolderKey(blob, repository)));
  if (blob == object) return {};
  return transaction.Delete(BlobUserKey(object, repository, blob));
}

Result<std::optional<Digest>> FindBlobUser(const store::Snapshot& snapshot,
                                           std::string_view repository, const Digest& blob) {
  const std::string prefix = UsedPrefix(repository, blob);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), 1));
  if (rows.empty()) return std::optional<Digest>();
  auto manifest = Digest::Parse(std::string_view(rows[0].key).substr(prefix.size()));
  if (!manifest) return Corrupt(rows[0].key);
  return std::optional(std::move(*manifest));
}

Result<bool> IsObjectUsed(const store::Snapshot& snapshot, const Digest& object) {
  TRY(held, HasRowWith(snapshot, HolderPrefix(object)));
  if (held) return true;
  return HasRowWith(snapshot, UserPrefix(object));
}

Result<bool> EveryUseIsBlob(const store::Snapshot& snapshot, const Digest& object,
                            const std::function<Result<bool>(const BlobUse&)>& visit) {
  const std::string users = UserPrefix(object);
  const auto visit_user = [&](std::string_view rest) -> Result<bool> {
    constexpr std::string_view kBlob = "@blob@";
    const size_t at = rest.find(kBlob);
    if (at == std::string_view::npos) return false;  // a manifest
    TRY(blob, Digest::Parse(rest.substr(at + kBlob.size())));
    return visit({.repository = std::string(rest.substr(0, at)), .blob = std::move(blob)});
  };
  TRY(by_sha512, EachRest(snapshot, users, visit_user));
  if (!by_sha512) return false;
  return EachRest(snapshot, HolderPrefix(object), [&](std::string_view repository) {
    return visit({.repository = std::string(repository), .blob = object});
  });
}

}  // namespace slipway::registry
