#include <utility>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/random.h"
#include "model/local/folders.h"
#include "model/local/local_store.h"

namespace slipway::model {
namespace {

constexpr int kFileMode = 0644;

}  // namespace

Result<void> LocalChange::NewContent::Append(std::string_view bytes) {
  TRY_VOID(file_->WriteAt(size_bytes_, bytes));
  size_bytes_ += bytes.size();
  return {};
}

Result<LocalChange::NewContent> LocalChange::Create() {
  std::string path = fmt::format("{}/{}", pending_, RandomHexId(SystemRandom()));
  TRY(file, store_.files_.Open(path, {.write = true,
                                      .create = true,
                                      .exclusive = true,
                                      .beneath = store_.folder_,
                                      .mode = kFileMode}));
  return NewContent(std::move(file), std::move(path));
}

Result<void> LocalChange::Keep(NewContent content, const Digest& digest) {
  TRY_VOID(content.file_->Sync());
  CRASH_POINT("models.content_synced");
  return store_.files_.Rename(content.path_, store_.BlobPath(digest));
}

Result<void> LocalChange::Put(const Digest& digest, std::string_view bytes) {
  TRY(content, Create());
  TRY_VOID(content.Append(bytes));
  return Keep(std::move(content), digest);
}

Result<FileLock> LocalChange::OpenPartial(const Digest& digest) {
  const std::string path = store_.PartialPath(digest);
  while (true) {
    TRY(file, store_.files_.Open(path, {.write = true,
                                        .create = true,
                                        .refuse_special = true,
                                        .beneath = store_.folder_,
                                        .mode = kFileMode}));
    TRY(lock, FileLock::Wait(std::move(file), FileLock::Mode::kExclusive));
    TRY(mine, lock.file().Info());
    const auto there = store_.files_.Info(path);
    // Otherwise who had it took it away: it is no partial file any more.
    if (there.has_value() && there->inode == mine.inode) return lock;
    if (!there.has_value() && there.error().code() != Code::kNotFound) return there.error();
  }
}

Result<void> LocalChange::KeepPartial(const Digest& digest) {
  const std::string partial = store_.PartialPath(digest);
  const std::string note = pending_ + partial.substr(partial.rfind('/'));
  TRY_VOID(store_.files_.Open(note, {.write = true, .create = true}));
  CRASH_POINT("models.partial_loaded");
  return store_.files_.Rename(partial, store_.BlobPath(digest));
}

Result<void> LocalChange::DropPartial(const Digest& digest) {
  return store_.files_.Remove(store_.PartialPath(digest));
}

Result<bool> LocalChange::Publish(const std::string& name, const oci::Descriptor& manifest) {
  for (const std::string_view algorithm : kAlgorithms) {
    TRY_VOID(store_.files_.SyncDirectory(store_.Path(fmt::format("{}/{}", kBlobs, algorithm))));
  }
  CRASH_POINT("models.content_kept");
  oci::Descriptor entry = manifest;
  entry.annotations[std::string(kCreatedAt)] = FormatRfc3339(store_.clock_.Wall());
  bool is_replaced = false;
  {
    TRY(lock, store_.LockIndex());
    TRY(index, store_.ReadIndex());
    const LocalEntry* before = index.Find({name});
    const bool is_same = before != nullptr && before->manifest.digest == manifest.digest &&
                         before->manifest.media_type == manifest.media_type;
    is_replaced = before != nullptr && !is_same;
    if (!is_same) {
      index.Put(name, entry);
      TRY_VOID(store_.WriteIndex(index));
    } else {
      TRY_VOID(store_.files_.RemoveTree(pending_));
      return false;
    }
  }
  CRASH_POINT("models.published");
  // The content that had the name may have none now: it is looked for when this change ends.
  if (!is_replaced) TRY_VOID(store_.files_.RemoveTree(pending_));
  return true;
}

}  // namespace slipway::model
