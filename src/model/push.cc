#include "model/push.h"

#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "oci/media_types.h"

namespace slipway::model {
namespace {

Result<bool> UploadFile(FileSystem& files, const PackageFile& file, const std::string& repository,
                        oci::Client& client, const Progress& progress) {
  TRY(there, client.HeadBlob(repository, file.digest));
  if (there) return false;
  TRY(open, files.Open(file.source, {}));
  oci::UploadOptions options;
  if (progress) {
    options.progress = [&](uint64_t done) { progress(file.path, done, file.size_bytes); };
  }
  auto uploaded = client.UploadBlob(
      repository, file.digest, file.size_bytes,
      [&open](uint64_t offset, char* out, size_t size) { return open->ReadAt(offset, out, size); },
      options);
  if (!uploaded.has_value()) {
    return uploaded.error().Prefixed(fmt::format("{}: ", file.path));
  }
  return true;
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
                    oci::Client& client, const Progress& progress) {
  Pushed pushed{.digest = package.manifest_digest};
  const std::string selector = to.tag.empty() ? package.manifest_digest.text() : to.tag;
  TRY(before, client.HeadManifest(to.repository, selector));
  if (before && before->digest == package.manifest_digest) return pushed;
  for (const PackageFile& file : package.files) {
    TRY(sent, UploadFile(files, file, to.repository, client, progress));
    if (sent) pushed.bytes_uploaded += file.size_bytes;
  }
  TRY_VOID(UploadConfig(package, to.repository, client));
  TRY(digest, client.PutManifest(to.repository, selector, std::string(oci::kImageManifestType),
                                 package.manifest));
  pushed.digest = digest;
  pushed.changed = true;
  return pushed;
}

}  // namespace slipway::model
