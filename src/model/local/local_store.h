// LocalStore: models on a person's machine, as an OCI image layout that other tools can read
// (`skopeo copy oci:FOLDER:NAME ...`). Format: docs/formats/local-store.md.
//
// Any number of programs may use one folder at the same time: no entry is lost, content that
// somebody is saving, pulling or reading is not freed, and whoever ends in the middle, by a crash
// too, leaves every name with all of its content. What was acknowledged survives a loss of power.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/local/layout_index.h"
#include "oci/artifact.h"
#include "oci/content_source.h"
#include "oci/reference.h"

namespace slipway::model {

class LocalChange;

// Thread-safe; blocking. Errors of all calls: DATA_LOSS / LAYOUT_INVALID names the file and what is
// wrong with it; FAILED_PRECONDITION / LAYOUT_FOREIGN for a folder with other things in it;
// INVALID_ARGUMENT / LINK_REFUSED for symbolic links in it; what the file system says.
class LocalStore final : public oci::ContentSource {
 public:
  // `folder` from the root of the file system. It is made by the first change.
  LocalStore(FileSystem& files, std::string folder, Clock& clock);

  const std::string& folder() const { return folder_; }

  // While it lives nothing is freed. Where this user may not write, nobody is kept from it.
  class Hold {
   public:
    Hold(Hold&& other) noexcept
        : store_(other.store_), lock_(std::exchange(other.lock_, std::nullopt)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold();

   private:
    friend class LocalStore;
    Hold(LocalStore& store, std::optional<FileLock> lock) : store_(store), lock_(std::move(lock)) {}
    LocalStore& store_;
    std::optional<FileLock> lock_;
  };
  Result<Hold> Keep();

  // Nothing where there is no store yet. Entries without a name, too.
  Result<std::vector<LocalEntry>> List();
  // NOT_FOUND / MODEL_UNKNOWN, never an empty list. With a digest: those of the repository, and of
  // the tag if there is one, that stand for it.
  Result<std::vector<LocalEntry>> FindAll(const oci::Reference& reference);
  // By the name alone, as it is written in the index.
  Result<LocalEntry> Find(const std::string& name);
  // Whether an entry has the name, be it one that cannot be read.
  Result<bool> HasName(const std::string& name);

  // The bytes, which are those of the digest: DATA_LOSS / CONTENT_DAMAGED otherwise.
  Result<oci::FetchedManifest> ReadManifest(const oci::Descriptor& manifest);
  Result<oci::Artifact> ReadArtifact(const oci::Descriptor& manifest);
  // Whether the content is here and what its digest says: reads all of it.
  Result<bool> Has(const oci::Descriptor& blob);

  // Of all content that is here.
  Result<std::set<uint64_t>> ListSizes();

  // NOT_FOUND / BLOB_UNKNOWN. What is read may have been damaged since it came in.
  Result<std::unique_ptr<File>> Open(const Digest& digest) override;
  std::optional<std::string> LocalPath(const Digest&) override { return std::nullopt; }

  // Begins to bring content in.
  Result<std::unique_ptr<LocalChange>> Begin();
  // `to` stands for what `from` does. false: it did so already. NOT_FOUND / MODEL_UNKNOWN.
  Result<bool> Tag(const EntryKey& from, const std::string& to);

  struct Removed {
    uint64_t freed_bytes = 0;
    // Another program is at work here: the last of them to end frees what has no name any more.
    bool is_deferred = false;
    // Why nothing is freed, for people: something in the store cannot be read. Empty: it was.
    std::string problem;
  };
  // All of the entries, durably, or with an error none; then frees the content that nothing names.
  // NOT_FOUND / MODEL_UNKNOWN.
  Result<Removed> Remove(const std::vector<EntryKey>& keys);

 private:
  friend class LocalChange;
  class Sweep;

  std::string Path(std::string_view rest) const;
  std::string BlobPath(const Digest& digest) const;
  std::string PartialPath(const Digest& digest) const;
  Result<std::string> ReadOwn(std::string_view name, uint64_t limit_bytes);
  // false: there is nothing yet.
  Result<bool> IsLayout();
  Result<void> MakeLayout();
  Result<void> CheckLinks();
  Result<LayoutIndex> ReadIndex();
  Result<void> WriteIndex(const LayoutIndex& index);
  // Of these lock files: of the index, for moments; of the content, while it is brought in or read
  // (shared), or freed (exclusive).
  Result<std::unique_ptr<File>> OpenLock(std::string_view name);
  Result<FileLock> LockIndex();
  // A folder that says: there may be content without a name. It stays until somebody has looked.
  Result<std::string> MakePending();
  Result<std::vector<std::string>> ListIfThere(std::string_view folder);
  // Changes the index and frees what has lost its name. The change says whether there is any.
  Result<std::optional<Removed>> ChangeIndex(
      const std::function<Result<bool>(LayoutIndex& index)>& change);
  // Looks for content without a name if there may be any, and nobody is at work here.
  Result<std::optional<Removed>> SweepIfAlone();

  FileSystem& files_;
  const std::string folder_;
  Clock& clock_;
};

// Content on its way in. Nothing of it has a name before Publish; without that, it is freed again.
// Content() and Partial() may be used by several threads, a file by one.
class LocalChange {
 public:
  // Content that is made here. Its digest is known at the end.
  class NewContent {
   public:
    Result<void> Append(std::string_view bytes);

   private:
    friend class LocalChange;
    NewContent(std::unique_ptr<File> file, std::string path)
        : file_(std::move(file)), path_(std::move(path)) {}
    std::unique_ptr<File> file_;
    std::string path_;
    uint64_t size_bytes_ = 0;
  };

  ~LocalChange() = default;
  LocalChange(const LocalChange&) = delete;
  LocalChange& operator=(const LocalChange&) = delete;

  Result<NewContent> Create();
  // `digest` is that of all that was appended.
  Result<void> Keep(NewContent content, const Digest& digest);
  // Small content as a whole.
  Result<void> Put(const Digest& digest, std::string_view bytes);

  // A file for content that comes from elsewhere, with what an earlier try left in it. Others who
  // want the same content wait while it is open. The next two calls are for who has it open.
  Result<FileLock> OpenPartial(const Digest& digest);
  // The file is all of the content, verified and synced. Without Publish it becomes a partial file
  // again: the next try need not load it once more.
  Result<void> KeepPartial(const Digest& digest);
  // It is not needed.
  Result<void> DropPartial(const Digest& digest);

  // Everything that was kept is durable, and the name stands for the manifest, which is kept, too.
  // Once. false: it did so already.
  Result<bool> Publish(const std::string& name, const oci::Descriptor& manifest);

 private:
  friend class LocalStore;
  LocalChange(LocalStore& store, LocalStore::Hold hold, std::string pending)
      : store_(store), hold_(std::move(hold)), pending_(std::move(pending)) {}

  LocalStore& store_;
  LocalStore::Hold hold_;
  const std::string pending_;  // a folder of this change alone
};

}  // namespace slipway::model
