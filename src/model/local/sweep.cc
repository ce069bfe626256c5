#include "model/local/sweep.h"

#include <fmt/format.h>

#include "model/limits.h"
#include "model/local/folders.h"
#include "oci/manifest.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

// Of what an index may name, the documents that name other content.
bool MayNameContent(std::string_view media_type) {
  return oci::IsManifestType(media_type) || media_type.ends_with("+json");
}

}  // namespace

Result<LocalStore::Removed> LocalStore::Sweep::Run() {
  Removed removed;
  TRY_VOID(store_.CheckLinks());
  TRY(pendings, store_.ListIfThere(kPendings));
  TRY(index, store_.ReadIndex());
  problem_ = index.problem();
  for (const LocalEntry& entry : index.entries()) TRY_VOID(Mark(entry.manifest));
  TRY_VOID(ReadNotes(pendings));
  if (problem_.empty()) {
    TRY(freed_bytes, Free());
    removed.freed_bytes = freed_bytes;
    TRY_VOID(RemoveOldPartials());
  }
  removed.problem = problem_;
  for (const std::string& name : pendings) {
    TRY_VOID(store_.files_.RemoveTree(store_.Path(fmt::format("{}/{}", kPendings, name))));
  }
  TRY(lock, store_.LockIndex());
  TRY(names, store_.ListIfThere(""));
  for (const std::string& name : names) {
    if (IsAside(name)) TRY_VOID(store_.files_.Remove(store_.Path(name)));
  }
  return removed;
}

Result<void> LocalStore::Sweep::Mark(const oci::Descriptor& root) {
  std::vector<oci::Descriptor> waiting = {root};
  while (!waiting.empty() && problem_.empty()) {
    const oci::Descriptor at = std::move(waiting.back());
    waiting.pop_back();
    if (!marked_.insert(at.digest.text()).second || !MayNameContent(at.media_type)) continue;
    const auto fetched = store_.ReadManifest(at);
    // Images for several platforms are often kept for one: what is not here names nothing here.
    if (!fetched.has_value() && fetched.error().reason() == "BLOB_UNKNOWN") continue;
    const auto manifest = fetched.has_value()
                              ? oci::ParseManifest(fetched->bytes, fetched->media_type)
                              : Result<oci::Manifest>(fetched.error());
    if (!manifest.has_value()) {
      problem_ = fmt::format("{} cannot be read: {}", at.digest.text(), manifest.error().message());
      continue;
    }
    if (manifest->config) marked_.insert(manifest->config->digest.text());
    for (const oci::Descriptor& layer : manifest->layers) marked_.insert(layer.digest.text());
    for (const oci::Descriptor& child : manifest->children) waiting.push_back(child);
  }
  return {};
}

Result<void> LocalStore::Sweep::ReadNotes(const std::vector<std::string>& pendings) {
  for (const std::string& pending : pendings) {
    TRY(notes, store_.ListIfThere(fmt::format("{}/{}", kPendings, pending)));
    for (std::string& note : notes) {
      const size_t dash = note.find('-');
      if (dash != std::string::npos) resumable_.insert(note.replace(dash, 1, ":"));
    }
  }
  return {};
}

Result<uint64_t> LocalStore::Sweep::Free() {
  uint64_t freed_bytes = 0;
  for (const std::string_view algorithm : kAlgorithms) {
    const std::string folder = fmt::format("{}/{}", kBlobs, algorithm);
    TRY(names, store_.ListIfThere(folder));
    for (const std::string& name : names) {
      const auto digest = Digest::Parse(fmt::format("{}:{}", algorithm, name));
      // Files of other names are another tool's business.
      if (!digest.has_value() || marked_.contains(digest->text())) continue;
      const std::string path = store_.BlobPath(*digest);
      const auto info = store_.files_.Info(path);
      if (info.has_value() && info->is_directory) continue;
      if (resumable_.contains(digest->text())) {
        TRY_VOID(store_.files_.Rename(path, store_.PartialPath(*digest)));
        continue;
      }
      TRY_VOID(store_.files_.Remove(path));
      if (info.has_value()) freed_bytes += info->size_bytes;
    }
  }
  return freed_bytes;
}

Result<void> LocalStore::Sweep::RemoveOldPartials() {
  const int64_t now_ms = store_.clock_.Wall().time_since_epoch().count();
  TRY(names, store_.ListIfThere(kPartials));
  for (const std::string& name : names) {
    const std::string path = store_.Path(fmt::format("{}/{}", kPartials, name));
    const auto info = store_.files_.Info(path);
    const bool is_recent =
        info.has_value() && now_ms - info->modified_ms < kPartialLifetime.count();
    if (!is_recent) TRY_VOID(store_.files_.RemoveTree(path));
  }
  return {};
}

}  // namespace slipway::model
