// From a request's body to an upload, in pieces of constant size. For the .cc files of this module.
#pragma once

#include <optional>
#include <string>

#include "net/http_message.h"
#include "registry/core.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// The first `limit` bytes of the body, or all of a shorter one.
Task<Result<std::string>> ReadUpTo(net::BodyReader& body, size_t limit);

// Appends to one upload, off the connection's core. What was appended before an error stays.
class BodySink {
 public:
  BodySink(Core& core, store::Upload& upload) : core_(core), upload_(upload) {}

  Task<Result<void>> Append(std::string_view bytes);
  // The body to its end. INVALID_ARGUMENT / SIZE_INVALID, before appending it, for the piece that
  // passes `limit_bytes`. Long uploads are synced on the way, so that a restart goes on with them.
  Task<Result<void>> AppendBody(net::BodyReader& body, std::optional<uint64_t> limit_bytes);

 private:
  Task<Result<void>> SyncFrom(uint64_t unsynced_bytes);

  Core& core_;
  store::Upload& upload_;
  uint64_t unsynced_bytes_ = 0;
};

}  // namespace slipway::registry
