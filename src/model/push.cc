#include "model/push.h"

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "model/layer_content.h"
#include "model/layer_files.h"
#include "model/stored_layer.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

// The bytes of one upload. Not thread-safe: one for each.
class UploadContent {
 public:
  virtual ~UploadContent() = default;
  virtual Result<size_t> Read(uint64_t offset, char* out, size_t size) = 0;
  // Asked after an upload, whatever came of it: an error here is the cause of one there.
  virtual Result<void> Check(bool was_refused) = 0;
};

class PackageContent final : public UploadContent {
 public:
  PackageContent(FileSystem& files, const Package& package, const PackageLayer& layer)
      : content_(files, package, layer) {}
  Result<size_t> Read(uint64_t offset, char* out, size_t size) override {
    return content_.Read(offset, out, size);
  }
  // Otherwise the registry says only that the digest is not what was announced.
  Result<void> Check(bool) override { return content_.CheckUnchanged(); }

 private:
  LayerContent content_;
};

class FileContent final : public UploadContent {
 public:
  FileContent(std::unique_ptr<File> file, oci::Descriptor what)
      : file_(std::move(file)), what_(std::move(what)) {}
  Result<size_t> Read(uint64_t offset, char* out, size_t size) override {
    return file_->ReadAt(offset, out, size);
  }
  Result<void> Check(bool was_refused) override {
    if (!was_refused) return {};
    return CheckContent(*file_, what_);
  }

 private:
  const std::unique_ptr<File> file_;
  const oci::Descriptor what_;
};

struct Upload {
  std::string shown;  // empty: small, and nothing to tell
  Digest digest;
  uint64_t size_bytes = 0;
  std::function<Result<std::unique_ptr<UploadContent>>()> open;
};

bool IsDigestRefused(const Error& error) {
  return error.reason() == "DIGEST_INVALID" || error.code() == Code::kDataLoss;
}

Result<void> SendOne(const Upload& upload, const std::string& repository, oci::Client& client,
                     Transfers& transfers, std::atomic<uint64_t>& sent_bytes) {
  TRY(content, upload.open());
  oci::UploadOptions options;
  options.notes = transfers.notes();
  if (!upload.shown.empty()) {
    options.progress = [&](uint64_t done) {
      transfers.Report(upload.shown, done, upload.size_bytes);
    };
  }
  auto sent = client.UploadBlob(
      repository, upload.digest, upload.size_bytes,
      [&](uint64_t offset, char* out, size_t size) -> Result<size_t> {
        TRY_VOID(transfers.Check());
        TRY(count, content->Read(offset, out, size));
        if (!upload.shown.empty()) sent_bytes += count;
        return count;
      },
      options);
  TRY_VOID(content->Check(!sent.has_value() && IsDigestRefused(sent.error())));
  if (sent.has_value() || upload.shown.empty()) return sent;
  return sent.error().Prefixed(fmt::format("{}: ", upload.shown));
}

// Those whose content the registry does not have, each content once.
Result<std::vector<const Upload*>> Missing(const std::vector<Upload>& uploads,
                                           const std::string& repository, Transfers& transfers) {
  std::vector<const Upload*> distinct;
  std::set<Digest> digests;
  for (const Upload& upload : uploads) {
    if (digests.insert(upload.digest).second) distinct.push_back(&upload);
  }
  std::vector<char> is_there(distinct.size());  // one byte each: threads write side by side
  TRY_VOID(transfers.Run(distinct.size(), [&](size_t index, oci::Client& client) -> Result<void> {
    TRY(found, client.HeadBlob(repository, distinct[index]->digest));
    is_there[index] = found.has_value() ? 1 : 0;
    return {};
  }));
  std::vector<const Upload*> missing;
  for (size_t i = 0; i < distinct.size(); ++i) {
    if (is_there[i] == 0) missing.push_back(distinct[i]);
  }
  return missing;
}

// Whether the registry has that manifest under that name.
Result<bool> HasManifest(oci::Client& client, const std::string& repository,
                         const std::string& selector, const Digest& digest) {
  TRY(found, client.HeadManifest(repository, selector));
  return found && found->digest == digest;
}

// Layers before configs, so that a small one does not wait for a thread of its own.
Result<uint64_t> Send(const std::vector<const Upload*>& missing, const std::string& repository,
                      Transfers& transfers) {
  std::atomic<uint64_t> sent_bytes = 0;
  for (const Upload* upload : missing) {
    if (upload->shown.empty()) continue;
    transfers.Report(upload->shown, 0, upload->size_bytes);
  }
  TRY_VOID(transfers.Run(missing.size(), [&](size_t index, oci::Client& worker) {
    return SendOne(*missing[index], repository, worker, transfers, sent_bytes);
  }));
  return sent_bytes.load();
}

// A digest in the name is a promise.
Result<void> CheckTarget(const oci::Reference& to, const Digest& digest) {
  if (!to.digest || *to.digest == digest) return {};
  return InvalidArgument("REFERENCE_INVALID",
                         fmt::format("{} cannot be pushed: what is there to push is {}; leave the "
                                     "digest out, or name it",
                                     to.ToString(), digest.text()));
}

std::vector<Upload> UploadsOf(FileSystem& files, const Package& package) {
  std::vector<Upload> uploads;
  for (const PackageLayer& layer : package.layers) {
    uploads.push_back({layer.shown, layer.digest, layer.size_bytes, [&files, &package, &layer] {
                         std::unique_ptr<UploadContent> content =
                             std::make_unique<PackageContent>(files, package, layer);
                         return Result<std::unique_ptr<UploadContent>>(std::move(content));
                       }});
  }
  const oci::Descriptor config{.media_type = "",
                               .digest = package.config_digest,
                               .size_bytes = package.config.size(),
                               .annotations = {},
                               .artifact_type = "",
                               .urls = {},
                               .platform = std::nullopt};
  uploads.push_back({"", config.digest, config.size_bytes, [&package, config] {
                       std::unique_ptr<UploadContent> content = std::make_unique<FileContent>(
                           oci::MakeMemoryFile(std::make_shared<std::string>(package.config)),
                           config);
                       return Result<std::unique_ptr<UploadContent>>(std::move(content));
                     }});
  return uploads;
}

std::vector<Upload> UploadsOf(oci::ContentSource& content, const oci::Artifact& artifact) {
  std::vector<Upload> uploads;
  const auto add = [&](const oci::Descriptor& blob, std::string shown) {
    uploads.push_back({std::move(shown), blob.digest, blob.size_bytes,
                       [&content, &blob]() -> Result<std::unique_ptr<UploadContent>> {
                         TRY(file, OpenLayer(content, blob));
                         return std::make_unique<FileContent>(std::move(file), blob);
                       }});
  };
  for (const oci::Descriptor& layer : artifact.layers) add(layer, ShownLayer(layer));
  for (const oci::Descriptor& config : artifact.configs) add(config, "");
  return uploads;
}

}  // namespace

Result<Pushed> Push(FileSystem& files, const Package& package, const oci::Reference& to,
                    oci::Client& client, const TransferOptions& options) {
  Pushed pushed{.digest = package.manifest_digest};
  TRY_VOID(CheckTarget(to, pushed.digest));
  const std::string selector = to.tag.empty() ? package.manifest_digest.text() : to.tag;
  TRY(is_there, HasManifest(client, to.repository, selector, package.manifest_digest));
  Transfers transfers(client, options);
  const std::vector<Upload> uploads = UploadsOf(files, package);
  TRY(missing, Missing(uploads, to.repository, transfers));
  if (is_there && missing.empty()) return pushed;
  TRY(sent_bytes, Send(missing, to.repository, transfers));
  pushed.bytes_uploaded = sent_bytes;
  TRY(digest, client.PutManifest(to.repository, selector, std::string(oci::kImageManifestType),
                                 package.manifest));
  pushed.digest = digest;
  pushed.changed = true;
  return pushed;
}

Result<Pushed> PushArtifact(oci::ContentSource& content, const oci::Artifact& artifact,
                            const oci::Reference& to, oci::Client& client,
                            const TransferOptions& options) {
  const oci::FetchedManifest& root = artifact.root();
  Pushed pushed{.digest = root.digest};
  TRY_VOID(CheckTarget(to, pushed.digest));
  const std::string selector = to.tag.empty() ? root.digest.text() : to.tag;
  const auto name_of = [&](const oci::FetchedManifest& manifest) {
    return &manifest == &root ? selector : manifest.digest.text();
  };
  bool is_there = true;
  for (const oci::FetchedManifest& manifest : artifact.manifests) {
    TRY(found, HasManifest(client, to.repository, name_of(manifest), manifest.digest));
    is_there = is_there && found;
  }
  Transfers transfers(client, options);
  const std::vector<Upload> uploads = UploadsOf(content, artifact);
  TRY(missing, Missing(uploads, to.repository, transfers));
  if (is_there && missing.empty()) return pushed;
  TRY(sent_bytes, Send(missing, to.repository, transfers));
  pushed.bytes_uploaded = sent_bytes;
  for (const oci::FetchedManifest& manifest : artifact.manifests) {
    TRY_VOID(
        client.PutManifest(to.repository, name_of(manifest), manifest.media_type, manifest.bytes));
    TRY(parsed, oci::ParseManifest(manifest.bytes, manifest.media_type));
    if (!parsed.subject) continue;
    TRY_VOID(client.EnsureReferrer(to.repository, oci::DescriptorOf(manifest, parsed),
                                   parsed.subject->digest));
  }
  pushed.changed = true;
  return pushed;
}

}  // namespace slipway::model
