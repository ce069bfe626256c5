#include "model/local/fetch.h"

#include <atomic>
#include <vector>

#include "model/download.h"
#include "model/stored_layer.h"

namespace slipway::model {
namespace {

struct Wanted {
  const oci::Descriptor* blob = nullptr;
  std::string shown;
  bool is_layer = false;
};

std::vector<Wanted> WantedOf(const oci::Artifact& artifact) {
  std::vector<Wanted> all;
  for (const oci::Descriptor& layer : artifact.layers) {
    all.push_back({&layer, ShownLayer(layer), true});
  }
  for (const oci::Descriptor& config : artifact.configs) all.push_back({&config, "config", false});
  return all;
}

// Those that are not here, or damaged.
Result<std::vector<const Wanted*>> Missing(LocalStore& store, const std::vector<Wanted>& all,
                                           Transfers& transfers) {
  std::vector<char> is_there(all.size());  // one byte each: threads write side by side
  TRY_VOID(transfers.Run(all.size(), [&](size_t index, oci::Client&) -> Result<void> {
    TRY(found, store.Has(*all[index].blob));
    is_there[index] = found ? 1 : 0;
    return {};
  }));
  std::vector<const Wanted*> missing;
  for (size_t i = 0; i < all.size(); ++i) {
    if (is_there[i] == 0) missing.push_back(&all[i]);
  }
  return missing;
}

class Fetcher {
 public:
  Fetcher(LocalStore& store, LocalChange& change, const std::string& repository,
          Transfers& transfers)
      : store_(store), change_(change), repository_(repository), transfers_(transfers) {}

  // The bytes of layers that came.
  uint64_t received_bytes() const { return received_bytes_; }

  Result<void> Load(const Wanted& wanted, oci::Client& client) {
    TRY(partial, change_.OpenPartial(wanted.blob->digest));
    // Another program may have brought it while this one waited.
    TRY(there, store_.Has(*wanted.blob));
    if (there) return change_.DropPartial(wanted.blob->digest);
    TRY(received_bytes,
        Download(partial.file(), *wanted.blob, repository_, wanted.shown, client, transfers_));
    if (wanted.is_layer) received_bytes_ += received_bytes;
    return change_.KeepPartial(wanted.blob->digest);
  }

 private:
  LocalStore& store_;
  LocalChange& change_;
  const std::string& repository_;
  Transfers& transfers_;
  std::atomic<uint64_t> received_bytes_ = 0;
};

}  // namespace

Result<Fetched> Fetch(LocalStore& store, const oci::Reference& from, oci::Client& client,
                      const std::string& name, const TransferOptions& options) {
  TRY(root, client.GetManifest(from.repository, from.Selector()));
  TRY(artifact, oci::ReadArtifact(std::move(root), oci::ReadFrom(client, from.repository)));
  Fetched fetched{.artifact = std::move(artifact)};
  TRY(change, store.Begin());
  Transfers transfers(client, options);
  const std::vector<Wanted> all = WantedOf(fetched.artifact);
  TRY(missing, Missing(store, all, transfers));
  for (const Wanted* wanted : missing) {
    transfers.Report(wanted->shown, 0, wanted->blob->size_bytes);
  }
  Fetcher fetcher(store, *change, from.repository, transfers);
  TRY_VOID(transfers.Run(missing.size(), [&](size_t index, oci::Client& worker) {
    return fetcher.Load(*missing[index], worker);
  }));
  fetched.bytes_downloaded = fetcher.received_bytes();
  for (const oci::FetchedManifest& manifest : fetched.artifact.manifests) {
    TRY_VOID(change->Put(manifest.digest, manifest.bytes));
  }
  const oci::FetchedManifest& top = fetched.artifact.root();
  oci::Descriptor entry{
      .media_type = top.media_type, .digest = top.digest, .size_bytes = top.bytes.size()};
  TRY(manifest, oci::ParseManifest(top.bytes, top.media_type));
  entry.media_type = manifest.media_type;  // where the registry stated none
  TRY(changed, change->Publish(name, entry));
  fetched.changed = changed;
  return fetched;
}

}  // namespace slipway::model
