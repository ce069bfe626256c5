#include "model/push.h"

#include <cstring>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "model/layer_content.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

Result<void> UploadLayer(FileSystem& files, const Package& package, const PackageLayer& layer,
                         const std::string& repository, oci::Client& client, Transfers& transfers) {
  LayerContent content(files, package, layer);
  oci::UploadOptions options;
  options.progress = [&](uint64_t done) { transfers.Report(layer.shown, done, layer.size_bytes); };
  auto uploaded = client.UploadBlob(
      repository, layer.digest, layer.size_bytes,
      [&](uint64_t offset, char* out, size_t size) -> Result<size_t> {
        TRY_VOID(transfers.Check());
        return content.Read(offset, out, size);
      },
      options);
  // Otherwise the registry says only that the digest is not what was announced.
  TRY_VOID(content.CheckUnchanged());
  if (!uploaded.has_value()) return uploaded.error().Prefixed(fmt::format("{}: ", layer.shown));
  return {};
}

// Layers whose content the registry does not have, each content once.
Result<std::vector<const PackageLayer*>> MissingLayers(const Package& package,
                                                       const std::string& repository,
                                                       Transfers& transfers) {
  std::vector<const PackageLayer*> distinct;
  std::set<std::string> digests;
  for (const PackageLayer& layer : package.layers) {
    if (digests.insert(layer.digest.text()).second) distinct.push_back(&layer);
  }
  std::vector<char> is_there(distinct.size());  // one byte each: threads write side by side
  TRY_VOID(transfers.Run(distinct.size(), [&](size_t index, oci::Client& client) -> Result<void> {
    TRY(found, client.HeadBlob(repository, distinct[index]->digest));
    is_there[index] = found.has_value() ? 1 : 0;
    return {};
  }));
  std::vector<const PackageLayer*> missing;
  for (size_t i = 0; i < distinct.size(); ++i) {
    if (is_there[i] == 0) missing.push_back(distinct[i]);
  }
  return missing;
}

Result<void> UploadConfig(const Package& package, const std::string& repository,
                          oci::Client& client) {
  TRY(there, client.HeadBlob(repository, package.config_digest));
  if (there) return {};
  const std::string& config = package.config;
  return client.UploadBlob(repository, package.config_digest, config.size(),
                           [&config](uint64_t offset, char* out, size_t size) -> Result<size_t> {
                             const size_t left = config.size() - std::min(offset, config.size());
                             const size_t count = std::min(size, left);
                             std::memcpy(out, config.data() + offset, count);
                             return count;
                           });
}

}  // namespace

Result<Pushed> Push(FileSystem& files, const Package& package, const oci::Reference& to,
                    oci::Client& client, const TransferOptions& options) {
  Pushed pushed{.digest = package.manifest_digest};
  const std::string selector = to.tag.empty() ? package.manifest_digest.text() : to.tag;
  TRY(before, client.HeadManifest(to.repository, selector));
  if (before && before->digest == package.manifest_digest) return pushed;
  Transfers transfers(client, options);
  TRY(missing, MissingLayers(package, to.repository, transfers));
  for (const PackageLayer* layer : missing) {
    transfers.Report(layer->shown, 0, layer->size_bytes);
    pushed.bytes_uploaded += layer->size_bytes;
  }
  TRY_VOID(transfers.Run(missing.size(), [&](size_t index, oci::Client& worker) {
    return UploadLayer(files, package, *missing[index], to.repository, worker, transfers);
  }));
  TRY_VOID(UploadConfig(package, to.repository, client));
  TRY(digest, client.PutManifest(to.repository, selector, std::string(oci::kImageManifestType),
                                 package.manifest));
  pushed.digest = digest;
  pushed.changed = true;
  return pushed;
}

}  // namespace slipway::model
