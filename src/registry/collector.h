// Collector: one collection of garbage, in small steps between which everything else goes on.
//
// Garbage is a blob of a repository that no manifest of it names and that nobody holds; an object,
// row or file, that no blob and no manifest has as its bytes; and an alias of such an object.
// Manifests are never garbage. Rows go first: what a crash leaves is found by the next collection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "registry/damage.h"
#include "registry/holds.h"
#include "registry/object_gate.h"
#include "registry/references.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

struct CollectionCount {
  uint64_t count = 0;
  uint64_t bytes = 0;
  void Add(uint64_t more_bytes) {
    ++count;
    bytes += more_bytes;
  }
};

// What went, or would go.
struct CollectionReport {
  bool dry_run = false;
  WallTime started_at;
  int64_t duration_ms = 0;
  uint64_t examined = 0;    // rows and files that were looked at
  CollectionCount blobs;    // of repositories; their bytes may be others' as well
  CollectionCount objects;  // bytes on the disk: rows and files
  uint64_t aliases = 0;     // sha512 names of objects
  CollectionCount held;     // blobs that no manifest names yet
  std::string error;        // why it ended early; empty: it did not
};
Json ToJson(const CollectionReport& report);
// Of what ToJson made; what is missing keeps its default.
CollectionReport ReportFromJson(const Json& json);

struct CollectorOptions {
  store::MetaStore* meta = nullptr;
  store::ObjectStore* objects = nullptr;
  Holds* holds = nullptr;
  ObjectGate* gate = nullptr;
  DamageCount* damage = nullptr;
  Clock* clock = nullptr;
  bool dry_run = false;
};

// Uses bounded memory, however much there is. Blocking; not thread-safe.
class Collector {
 public:
  // What `options` points to outlives the collector.
  explicit Collector(const CollectorOptions& options);

  // Reads a page, or removes a few things in one transaction, or one file. False when all is done.
  // After an error another call goes on where it was.
  Result<bool> Step();
  const CollectionReport& report() const { return report_; }

 private:
  enum class Phase : uint8_t { kBlobs, kObjectRows, kObjectFiles, kAliases, kDamage, kDone };
  struct Candidate {
    std::string repository;  // of a blob
    Digest digest;           // of the blob, object or alias
    uint64_t size_bytes = 0;
  };
  using Snapshot = store::Snapshot;

  Result<void> FindBlobs(const Snapshot& snapshot);
  Result<void> LookAtBlob(const Snapshot& snapshot, std::string_view key);
  Result<void> FindObjectRows(const Snapshot& snapshot);
  Result<void> FindObjectFiles();
  Result<void> FindAliases(const Snapshot& snapshot);
  // Objects that were found damaged, and that nobody needs any more.
  Result<void> FindDamage(const Snapshot& snapshot);
  Result<void> FindPage();
  Result<void> FindMore();
  // Whether something that stays has these bytes.
  Result<bool> IsNeeded(const Snapshot& snapshot, const Digest& object) const;

  Result<void> Remove();
  Result<void> RemoveBlobs();
  Result<void> RemoveObjectRows();
  Result<void> RemoveAliases();
  Result<void> RemoveDamage();
  Result<void> RemoveFile(const Candidate& file);
  // Counts in a dry run.
  void Count(const Candidate& candidate);
  void EndPage(size_t size, std::string next);

  const CollectorOptions options_;
  CollectionReport report_;
  Phase phase_ = Phase::kBlobs;
  std::string next_;             // key where the next page begins; empty: at the phase's first
  std::optional<Digest> after_;  // of files
  bool is_last_page_ = false;
  std::vector<Candidate> candidates_;  // of the page that was read last
};

}  // namespace slipway::registry
