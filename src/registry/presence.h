// Presence: whether the bytes behind rows are there, by their files' sizes. A scrub looks at the
// bytes themselves. For the .cc files of this module.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "oci/manifest.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// When a file was seen last, so that it is not looked for at each of many requests. Thread-safe.
class LastSeen {
 public:
  void Note(SteadyTime now) { at_ = now.time_since_epoch().count(); }
  bool IsRecent(SteadyTime now) const;

 private:
  std::atomic<SteadyTime::rep> at_{0};
};

// All of these are blocking.

// false if there is no such file, or it has another size.
Result<bool> HasFile(store::ObjectStore& objects, const Digest& object, uint64_t size_bytes);
// NOT_FOUND / BLOB_UNKNOWN in the same cases.
Result<std::unique_ptr<File>> OpenWhole(store::ObjectStore& objects, const Digest& object,
                                        uint64_t size_bytes);
// What the manifest names, and the repository has rows but no bytes of.
Result<std::vector<Digest>> FindLost(store::MetaStore& meta, store::ObjectStore& objects,
                                     const std::string& repository, const oci::Manifest& manifest);
// Whether some repository has rows of this blob, but there are no bytes.
Result<bool> IsLost(store::MetaStore& meta, store::ObjectStore& objects, const Digest& blob);

}  // namespace slipway::registry
