#include "model/local/local_store.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "base/random.h"
#include "model/limits.h"
#include "model/local/folders.h"
#include "model/local/sweep.h"
#include "model/stored_layer.h"
#include "oci/limits.h"

namespace slipway::model {
namespace {

constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";
constexpr uint64_t kMaxLayoutFileBytes = 4096;
constexpr int kFileMode = 0644;

Error Invalid(std::string_view path, std::string_view what) {
  return DataLoss("LAYOUT_INVALID", fmt::format("{}: {}", path, what));
}

Error Unknown(std::string_view name, std::string_view folder) {
  return NotFound("MODEL_UNKNOWN", fmt::format("there is no model {} in {}", name, folder));
}

std::set<Digest> RootsOf(const LayoutIndex& index) {
  std::set<Digest> roots;
  for (const LocalEntry& entry : index.entries()) roots.insert(entry.manifest.digest);
  return roots;
}

bool IsSame(const oci::Descriptor& a, const oci::Descriptor& b) {
  return a.digest == b.digest && a.media_type == b.media_type && a.size_bytes == b.size_bytes;
}

}  // namespace

LocalStore::LocalStore(FileSystem& files, std::string folder, Clock& clock)
    : files_(files), folder_(folder.substr(0, folder.find_last_not_of('/') + 1)), clock_(clock) {}

LocalStore::Hold::~Hold() {
  if (!lock_) return;
  lock_.reset();
  // What this program left, or another that could not free it while this one was here.
  static_cast<void>(store_.SweepIfAlone());
}

std::string LocalStore::Path(std::string_view rest) const {
  return fmt::format("{}/{}", folder_, rest);
}

std::string LocalStore::BlobPath(const Digest& digest) const {
  return Path(fmt::format("{}/{}/{}", kBlobs, AlgorithmOf(digest), digest.hex()));
}

std::string LocalStore::PartialPath(const Digest& digest) const {
  return Path(fmt::format("{}/{}-{}", kPartials, AlgorithmOf(digest), digest.hex()));
}

Result<std::string> LocalStore::ReadOwn(std::string_view name, uint64_t limit_bytes) {
  TRY(file, files_.Open(Path(name), {.refuse_special = true, .beneath = folder_}));
  return oci::ReadFile(*file, limit_bytes);
}

Result<bool> LocalStore::IsLayout() {
  auto text = ReadOwn(kLayoutFile, kMaxLayoutFileBytes);
  if (text.has_value()) {
    const auto json = ParseJson(*text);
    const bool is_known = json.has_value() && json->is_object() &&
                          json->contains("imageLayoutVersion") &&
                          (*json)["imageLayoutVersion"].is_string() &&
                          (*json)["imageLayoutVersion"].get<std::string>().starts_with("1.");
    if (is_known) return true;
    return Invalid(Path(kLayoutFile), "it is no OCI image layout of version 1");
  }
  if (text.error().code() != Code::kNotFound) return text.error();
  TRY(names, ListIfThere(""));
  for (const std::string& name : names) {
    // What a program that was the first here has made before it ended.
    if (name == kOwn || name == kIndexFile || IsAside(name)) continue;
    return FailedPrecondition(
        "LAYOUT_FOREIGN",
        fmt::format("{} has content ({}) but is no OCI image layout: choose an empty folder or a "
                    "new one",
                    folder_, name));
  }
  return false;
}

Result<void> LocalStore::MakeLayout() {
  TRY(there, IsLayout());
  TRY_VOID(files_.MakeDirectories(folder_, 0700));
  TRY_VOID(CheckLinks());
  for (const std::string_view folder : {kPartials, kPendings}) {
    TRY_VOID(files_.MakeDirectories(Path(folder), 0700));
  }
  if (!there) {
    TRY(lock, LockIndex());
    TRY(has_index, files_.Exists(Path(kIndexFile)));
    if (!has_index) TRY_VOID(WriteIndex(LayoutIndex()));
    TRY_VOID(WriteFileDurably(files_, Path(kLayoutFile), kLayoutText, kFileMode));
  }
  // Only now: a folder with content is a layout, or somebody else's.
  for (const std::string_view algorithm : kAlgorithms) {
    TRY_VOID(files_.MakeDirectories(Path(fmt::format("{}/{}", kBlobs, algorithm)), 0755));
  }
  return {};
}

// Folders that are links could lead a sweep to the files of others.
Result<void> LocalStore::CheckLinks() {
  std::vector<std::string> paths = {std::string(kOwn), std::string(kPartials),
                                    std::string(kPendings), std::string(kBlobs)};
  for (const std::string_view algorithm : kAlgorithms) {
    paths.push_back(fmt::format("{}/{}", kBlobs, algorithm));
  }
  for (const std::string& path : paths) {
    const auto target = files_.LinkTarget(Path(path));
    if (!target.has_value() && target.error().code() == Code::kNotFound) continue;
    if (!target.has_value()) return target.error();
    if (target->empty()) continue;
    return InvalidArgument("LINK_REFUSED", fmt::format("{} is a link to {}: links are not followed "
                                                       "in a store of models",
                                                       Path(path), *target));
  }
  return {};
}

Result<LayoutIndex> LocalStore::ReadIndex() {
  auto text = ReadOwn(kIndexFile, kMaxLayoutIndexBytes);
  if (!text.has_value() && text.error().code() == Code::kNotFound) {
    return Invalid(Path(kIndexFile), "it is missing, and with it the names of all models");
  }
  if (!text.has_value()) return text.error();
  auto index = LayoutIndex::Parse(*text);
  if (!index.has_value()) return index.error().Prefixed(fmt::format("{}: ", Path(kIndexFile)));
  return index;
}

Result<void> LocalStore::WriteIndex(const LayoutIndex& index) {
  const std::string text = index.Text();
  if (text.size() > kMaxLayoutIndexBytes) {
    return ResourceExhausted(
        "MODELS_TOO_MANY", fmt::format("{} would have {} bytes, {} are read at most: remove names "
                                       "that are not needed",
                                       Path(kIndexFile), text.size(), kMaxLayoutIndexBytes));
  }
  return WriteFileDurably(files_, Path(kIndexFile), text, kFileMode);
}

Result<std::unique_ptr<File>> LocalStore::OpenLock(std::string_view name) {
  OpenOptions options{.write = true, .create = true, .beneath = folder_, .mode = 0666};
  auto file = files_.Open(Path(name), options);
  if (file.has_value() || file.error().reason() != "FILE_ACCESS") return file;
  options.write = options.create = false;  // another user's: it can be locked all the same
  return files_.Open(Path(name), options);
}

Result<FileLock> LocalStore::LockIndex() {
  TRY(file, OpenLock(kIndexLock));
  auto lock = FileLock::Wait(std::move(file), FileLock::Mode::kExclusive);
  if (lock.has_value()) return lock;
  return lock.error().Prefixed(folder_ + ": ");
}

Result<LocalStore::Hold> LocalStore::Keep() {
  auto file = OpenLock(kContentLock);
  if (!file.has_value()) {
    // Nothing is there yet, or nothing that this user could change.
    const bool is_readable =
        file.error().code() == Code::kNotFound || file.error().code() == Code::kPermissionDenied;
    if (is_readable) return Hold(*this, std::nullopt);
    return file.error();
  }
  auto lock = FileLock::Wait(*std::move(file), FileLock::Mode::kShared);
  if (!lock.has_value()) return lock.error().Prefixed(folder_ + ": ");
  return Hold(*this, *std::move(lock));
}

Result<std::vector<LocalEntry>> LocalStore::List() {
  TRY(there, IsLayout());
  if (!there) return std::vector<LocalEntry>();
  TRY(index, ReadIndex());
  return index.entries();
}

Result<LocalEntry> LocalStore::Find(const std::string& name) {
  TRY(entries, List());
  const auto found = std::ranges::find(entries, name, &LocalEntry::name);
  if (name.empty() || found == entries.end()) return Unknown(name, folder_);
  return *found;
}

Result<bool> LocalStore::HasName(const std::string& name) {
  TRY(there, IsLayout());
  if (!there) return false;
  TRY(index, ReadIndex());
  return index.Remove({name});  // from this copy
}

Result<std::vector<LocalEntry>> LocalStore::FindAll(const oci::Reference& reference) {
  if (!reference.digest) {
    TRY(entry, Find(reference.ToString()));
    return std::vector{std::move(entry)};
  }
  TRY(entries, List());
  std::erase_if(entries, [&reference](const LocalEntry& entry) {
    if (entry.manifest.digest != *reference.digest) return true;
    const auto named = oci::Reference::Parse(entry.name);
    if (!named.has_value() || named->host != reference.host) return true;
    if (named->repository != reference.repository) return true;
    return !reference.tag.empty() && reference.tag != named->tag;
  });
  if (entries.empty()) return Unknown(reference.ToString(), folder_);
  return entries;
}

Result<std::unique_ptr<File>> LocalStore::Open(const Digest& digest) {
  auto file = files_.Open(BlobPath(digest), {.refuse_special = true, .beneath = folder_});
  if (file.has_value() || file.error().code() != Code::kNotFound) return file;
  return NotFound("BLOB_UNKNOWN", fmt::format("{} has no content {}", folder_, digest.text()));
}

Result<oci::FetchedManifest> LocalStore::ReadManifest(const oci::Descriptor& manifest) {
  TRY(file, Open(manifest.digest));
  TRY(bytes, oci::ReadFile(*file, oci::kMaxManifestBytes));
  TRY_VOID(CheckContent(*oci::MakeMemoryFile(std::make_shared<std::string>(bytes)), manifest));
  return oci::FetchedManifest{
      .digest = manifest.digest, .media_type = manifest.media_type, .bytes = std::move(bytes)};
}

Result<oci::Artifact> LocalStore::ReadArtifact(const oci::Descriptor& manifest) {
  TRY(root, ReadManifest(manifest));
  return oci::ReadArtifact(std::move(root),
                           [this](const oci::Descriptor& child) { return ReadManifest(child); });
}

Result<bool> LocalStore::Has(const oci::Descriptor& blob) {
  auto file = Open(blob.digest);
  if (!file.has_value()) {
    // A link or a device in its place is replaced, not looked into.
    const bool is_other = file.error().code() == Code::kInvalidArgument;
    if (is_other || file.error().code() == Code::kNotFound) return false;
    return file.error();
  }
  const auto checked = CheckContent(**file, blob);
  if (checked.has_value()) return true;
  if (checked.error().reason() == "CONTENT_DAMAGED") return false;
  return checked.error();
}

Result<std::set<uint64_t>> LocalStore::ListSizes() {
  std::set<uint64_t> sizes;
  for (const std::string_view algorithm : kAlgorithms) {
    const std::string folder = fmt::format("{}/{}", kBlobs, algorithm);
    TRY(names, ListIfThere(folder));
    for (const std::string& name : names) {
      const auto info = files_.Info(Path(fmt::format("{}/{}", folder, name)));
      if (info.has_value()) sizes.insert(info->size_bytes);
    }
  }
  return sizes;
}

Result<std::string> LocalStore::MakePending() {
  std::string pending = Path(fmt::format("{}/{}", kPendings, RandomHexId(SystemRandom())));
  TRY_VOID(files_.MakeDirectories(pending, 0700));
  return pending;
}

Result<std::vector<std::string>> LocalStore::ListIfThere(std::string_view folder) {
  auto names = files_.List(folder.empty() ? folder_ : Path(folder));
  if (names.has_value() || names.error().code() != Code::kNotFound) return names;
  return std::vector<std::string>();
}

Result<std::unique_ptr<LocalChange>> LocalStore::Begin() {
  TRY_VOID(MakeLayout());
  TRY_VOID(ReadIndex());  // if that cannot be, nothing should be copied first
  TRY_VOID(SweepIfAlone());
  TRY(hold, Keep());
  TRY(pending, MakePending());
  return std::unique_ptr<LocalChange>(new LocalChange(*this, std::move(hold), std::move(pending)));
}

Result<std::optional<LocalStore::Removed>> LocalStore::ChangeIndex(
    const std::function<Result<bool>(LayoutIndex& index)>& change) {
  TRY(there, IsLayout());
  if (there) TRY_VOID(MakeLayout());
  TRY(pending, there ? MakePending() : Result<std::string>(std::string()));
  Result<bool> changed = false;
  Result<void> written;
  bool may_free = false;
  {
    std::optional<FileLock> lock;
    LayoutIndex index;
    if (there) {
      TRY(own, LockIndex());
      lock = std::move(own);
      TRY(read, ReadIndex());
      index = std::move(read);
    }
    const std::set<Digest> before = RootsOf(index);
    const std::string problem = index.problem();
    changed = change(index);
    may_free = !std::ranges::includes(RootsOf(index), before) || index.problem() != problem;
    if (changed.has_value() && *changed) written = WriteIndex(index);
    CRASH_POINT("models.index_changed");
  }
  if (!written.has_value()) return written.error();  // it may have happened: the next one looks
  if (!changed.has_value() || !may_free) {
    if (there) static_cast<void>(files_.RemoveTree(pending));
    if (!changed.has_value()) return changed.error();
    return std::optional(Removed{});
  }
  // Somebody may have looked, and found nothing, before the index was changed.
  const Result<void> noted = files_.MakeDirectories(pending, 0700);
  auto swept = noted ? SweepIfAlone() : Result<std::optional<Removed>>(noted.error());
  if (swept) return swept;
  // The names are changed, and stay so: what cannot be freed now is freed by who comes next.
  return std::optional(
      Removed{.freed_bytes = 0, .is_deferred = false, .problem = swept.error().message()});
}

Result<bool> LocalStore::Tag(const EntryKey& from, const std::string& to) {
  bool is_new = false;
  TRY_VOID(ChangeIndex([&](LayoutIndex& index) -> Result<bool> {
    const LocalEntry* source = index.Find(from);
    if (source == nullptr) return Unknown(from.Text(), folder_);
    const LocalEntry* before = index.Find({to});
    is_new = before == nullptr || !IsSame(before->manifest, source->manifest);
    if (is_new) index.Put(to, oci::Descriptor(source->manifest));
    return is_new;
  }));
  return is_new;
}

Result<LocalStore::Removed> LocalStore::Remove(const std::vector<EntryKey>& keys) {
  TRY(removed, ChangeIndex([&](LayoutIndex& index) -> Result<bool> {
        for (const EntryKey& key : keys) {
          if (!index.Remove(key)) return Unknown(key.Text(), folder_);
        }
        return !keys.empty();
      }));
  if (removed) return *removed;
  return Removed{.freed_bytes = 0, .is_deferred = true, .problem = ""};
}

Result<std::optional<LocalStore::Removed>> LocalStore::SweepIfAlone() {
  std::optional<Removed> total;
  while (true) {
    TRY(pendings, ListIfThere(kPendings));
    if (pendings.empty()) return total;
    TRY(file, OpenLock(kContentLock));
    TRY(lock, FileLock::Try(std::move(file), FileLock::Mode::kExclusive));
    if (!lock) return total;
    TRY(removed, Sweep(*this).Run());
    if (!total) total = Removed{};
    total->freed_bytes += removed.freed_bytes;
    total->problem = std::move(removed.problem);
    // Once more: who came meanwhile could not have the lock and relies on this one.
  }
}

}  // namespace slipway::model
