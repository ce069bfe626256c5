// Scrubber: reads all objects again, in the order of their digests, and compares.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "registry/damage.h"
#include "registry/object_gate.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// One way through all objects. Format: the row registry/scrub of docs/formats/registry.md.
struct ScrubPass {
  WallTime started_at;
  std::optional<WallTime> finished_at;
  std::string position;  // the digest that was checked last
  uint64_t objects = 0;  // checked
  uint64_t bytes = 0;
  uint64_t damaged = 0;  // found in this pass
};
Json ToJson(const ScrubPass& pass);
ScrubPass PassFromJson(const Json& json);

// A file that is being read.
struct ScrubbedFile {
  std::unique_ptr<File> file;
  uint64_t inode = 0;
  uint64_t offset = 0;
  Hasher hasher = Hasher();
};

struct ScrubberOptions {
  store::MetaStore* meta = nullptr;
  store::ObjectStore* objects = nullptr;
  ObjectGate* gate = nullptr;
  DamageCount* damage = nullptr;
  Clock* clock = nullptr;
};

// Bounded memory; blocking; not thread-safe. What it points to outlives it.
class Scrubber {
 public:
  // Goes on after the pass's position.
  Scrubber(const ScrubberOptions& options, ScrubPass pass);

  // Reads at most kScrubbedPiece bytes; answers how many. The pass is finished when it says so.
  Result<uint64_t> Step();
  const ScrubPass& pass() const { return pass_; }

 private:
  // What was found wrong, and is to be looked at again with the gate closed.
  struct Suspect {
    Digest object;
    std::optional<uint64_t> inode;  // of the file that was read; nothing: there was none
  };

  Result<std::optional<Digest>> NextObject();
  Result<std::optional<Digest>> NextFile(const std::optional<Digest>& after);
  Result<uint64_t> Begin(const Digest& object);
  Result<uint64_t> CheckRow(const Digest& object, const std::string& bytes);
  Result<uint64_t> ReadOn();
  Result<void> Judge(const Suspect& suspect);
  Result<bool> StillWrong(const Suspect& suspect);
  Result<void> Mark(const Digest& object, std::string_view what);
  Result<void> Unmark(const Digest& object);
  void EndObject(const Digest& object);

  const ScrubberOptions options_;
  ScrubPass pass_;
  std::vector<Digest> files_;  // the next ones, in reverse
  bool no_more_files_ = false;
  std::optional<Digest> current_;
  std::optional<ScrubbedFile> reading_;
  std::optional<Suspect> suspect_;
};

}  // namespace slipway::registry
