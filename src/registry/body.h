// From a request's body to an upload, in pieces of constant size. For the .cc files of this module.
#pragma once

#include <optional>
#include <string>

#include "net/http_message.h"
#include "registry/core.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// The first `limit` bytes of the body, or all of a shorter one. Takes memory as bytes arrive.
Task<Result<std::string>> ReadUpTo(net::BodyReader& body, size_t limit);

// The whole body, whose bytes beyond kFreeManifestBytes count in `share` as they arrive:
// RESOURCE_EXHAUSTED / BODY_TOO_LARGE above `limit`, UNAVAILABLE / BODIES_TOO_MANY where the budget
// is used up, DEADLINE_EXCEEDED / BODY_TIMEOUT for a large one slower than kManifestBytesPerSecond.
Task<Result<std::string>> ReadManifest(net::BodyReader& body, uint64_t limit, BudgetShare& share,
                                       Clock& clock);

// Appends to one upload, off the connection's core. What was appended before an error stays.
class BodySink {
 public:
  // What comes after a body that ended well: the upload waits for more, or is committed, which
  // syncs it anyway.
  enum class Then : uint8_t { kKeep, kCommit };

  BodySink(Core& core, store::Upload& upload)
      : core_(core), upload_(upload), synced_bytes_(upload.size_bytes()) {}

  Task<Result<void>> Append(std::string_view bytes);
  // The body to its end. INVALID_ARGUMENT / SIZE_INVALID, before appending it, for the piece that
  // passes `limit_bytes`. Long uploads are synced on the way, also those of many small pieces, so
  // that a restart goes on with them.
  Task<Result<void>> AppendBody(net::BodyReader& body, std::optional<uint64_t> limit_bytes,
                                Then then);

 private:
  // Syncs if the upload has passed a multiple of `step_bytes` since the last time.
  Task<Result<void>> SyncEach(uint64_t step_bytes);

  Core& core_;
  store::Upload& upload_;
  uint64_t synced_bytes_;  // or that the upload had when this request came
};

}  // namespace slipway::registry
