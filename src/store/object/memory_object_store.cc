#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>
#include <vector>

#include "async/guarded.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "store/object/object_store.h"

namespace slipway::store {
namespace {

Error UploadUnknown() {
  return NotFound("UPLOAD_UNKNOWN", "no such upload: it ended or was given up; begin a new one");
}

Error BlobUnknown(const Digest& digest) {
  return NotFound("BLOB_UNKNOWN", "there is no object " + digest.text());
}

struct Object {
  std::shared_ptr<const std::string> content;
  uint64_t inode = 0;
};

struct Spool {
  std::string content;
  uint64_t modified_ms = 0;
  bool busy = false;
};

struct Tables {
  std::map<Digest, Object> objects;
  std::unordered_map<std::string, Spool> spools;
  uint64_t last_inode = 0;
};

// Read-only.
class MemoryFile final : public File {
 public:
  explicit MemoryFile(Object object) : object_(std::move(object)) {}

  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    const std::string& content = *object_.content;
    if (offset >= content.size()) return size_t{0};
    const size_t count = std::min<size_t>(size, content.size() - offset);
    std::memcpy(out, content.data() + offset, count);
    return count;
  }
  Result<void> WriteAt(uint64_t, std::string_view) override { return ReadOnly(); }
  Result<void> Sync() override { return {}; }
  Result<void> Truncate(uint64_t) override { return ReadOnly(); }
  Result<FileInfo> Info() override {
    return FileInfo{.size_bytes = object_.content->size(), .inode = object_.inode, .links = 1};
  }
  Result<void> SetMode(int) override { return ReadOnly(); }

 private:
  static Error ReadOnly() { return PermissionDenied("FILE_ACCESS", "objects are never changed"); }

  const Object object_;
};

class MemoryUpload final : public Upload {
 public:
  MemoryUpload(std::shared_ptr<Guarded<Tables>> tables, std::string id, uint64_t size_bytes)
      : tables_(std::move(tables)), id_(std::move(id)), size_bytes_(size_bytes) {}
  ~MemoryUpload() override {
    tables_->With([this](Tables& tables) {
      if (const auto found = tables.spools.find(id_); found != tables.spools.end()) {
        found->second.busy = false;
      }
    });
  }
  MemoryUpload(const MemoryUpload&) = delete;
  MemoryUpload& operator=(const MemoryUpload&) = delete;

  const std::string& id() const override { return id_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  Result<void> Append(std::string_view bytes) override {
    return tables_->With([&](Tables& tables) -> Result<void> {
      const auto found = tables.spools.find(id_);
      if (found == tables.spools.end()) return UploadUnknown();
      found->second.content.append(bytes);
      found->second.modified_ms = SystemClock().Wall().time_since_epoch().count();
      size_bytes_ = found->second.content.size();
      return {};
    });
  }
  Result<void> Sync() override { return {}; }

 private:
  const std::shared_ptr<Guarded<Tables>> tables_;
  const std::string id_;
  uint64_t size_bytes_;
};

class MemoryObjectStore final : public ObjectStore {
 public:
  Result<std::unique_ptr<Upload>> Begin() override {
    std::string id = RandomHexId(SystemRandom());
    const uint64_t now_ms = SystemClock().Wall().time_since_epoch().count();
    tables_->With([&](Tables& tables) {
      tables.spools.emplace(id, Spool{.modified_ms = now_ms, .busy = true});
    });
    return std::make_unique<MemoryUpload>(tables_, std::move(id), 0);
  }

  Result<std::unique_ptr<Upload>> Resume(const std::string& id) override {
    return tables_->With([&](Tables& tables) -> Result<std::unique_ptr<Upload>> {
      const auto found = tables.spools.find(id);
      if (found == tables.spools.end()) return UploadUnknown();
      if (found->second.busy) {
        return Error(Code::kAborted, "UPLOAD_BUSY",
                     "another request writes to this upload: wait for it to end, then try again");
      }
      found->second.busy = true;
      return std::make_unique<MemoryUpload>(tables_, id, found->second.content.size());
    });
  }

  Result<Digest> Commit(std::unique_ptr<Upload> upload, const std::optional<Digest>& expected,
                        const BeforePublish& before_publish) override {
    CHECK_NOTE(dynamic_cast<MemoryUpload*>(upload.get()) != nullptr, "an upload of another store");
    auto spool = tables_->With([&](Tables& tables) { return tables.spools.extract(upload->id()); });
    if (spool.empty()) return UploadUnknown();
    std::string& content = spool.mapped().content;
    Digest digest = Digest::Of(content);
    if (expected && Digest::Of(content, expected->algorithm()) != *expected) {
      return InvalidArgument("DIGEST_MISMATCH", "the bytes are " + digest.text() + ", not " +
                                                    expected->text() + ": send them again");
    }
    const Publication publication = before_publish ? before_publish(digest) : Publication::kKeep;
    tables_->With([&](Tables& tables) {
      if (publication == Publication::kKeep && tables.objects.contains(digest)) return;
      tables.objects[digest] = {std::make_shared<const std::string>(std::move(content)),
                                ++tables.last_inode};
    });
    return digest;
  }

  Result<void> Abort(const std::string& upload_id) override {
    if (tables_->With([&](Tables& tables) { return tables.spools.erase(upload_id); }) == 0) {
      return UploadUnknown();
    }
    return {};
  }

  Result<ObjectInfo> Info(const Digest& digest) override {
    TRY(object, Find(digest));
    return ObjectInfo{.size_bytes = object.content->size(), .inode = object.inode};
  }

  Result<std::unique_ptr<File>> Open(const Digest& digest) override {
    TRY(object, Find(digest));
    return std::make_unique<MemoryFile>(std::move(object));
  }

  Result<void> Remove(const Digest& digest) override {
    if (tables_->With([&](Tables& tables) { return tables.objects.erase(digest); }) == 0) {
      return BlobUnknown(digest);
    }
    return {};
  }

  Result<std::vector<ListedObject>> List(const std::optional<Digest>& after,
                                         size_t limit) override {
    return tables_->With([&](const Tables& tables) {
      std::vector<ListedObject> found;
      auto object = after ? tables.objects.upper_bound(*after) : tables.objects.begin();
      for (; object != tables.objects.end() && found.size() < limit; ++object) {
        const auto& [digest, kept] = *object;
        found.push_back({digest, {.size_bytes = kept.content->size(), .inode = kept.inode}});
      }
      return found;
    });
  }

  Result<uint64_t> RemoveStaleUploads(uint64_t before_ms) override {
    return tables_->With([&](Tables& tables) -> uint64_t {
      return std::erase_if(tables.spools, [&](const auto& entry) {
        return !entry.second.busy && entry.second.modified_ms < before_ms;
      });
    });
  }

  std::optional<std::string> LocalPath(const Digest&) const override { return std::nullopt; }

 private:
  Result<Object> Find(const Digest& digest) const {
    return tables_->With([&](const Tables& tables) -> Result<Object> {
      const auto found = tables.objects.find(digest);
      if (found == tables.objects.end()) return BlobUnknown(digest);
      return found->second;
    });
  }

  const std::shared_ptr<Guarded<Tables>> tables_ = std::make_shared<Guarded<Tables>>();
};

}  // namespace

std::unique_ptr<ObjectStore> MakeMemoryObjectStore() {
  return std::make_unique<MemoryObjectStore>();
}

}  // namespace slipway::store
