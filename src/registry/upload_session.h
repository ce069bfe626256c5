// Upload sessions: their ids, and the small contents that are kept in memory.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "async/guarded.h"
#include "base/result.h"

namespace slipway::registry {

// A session's id names its spool and is signed for one repository and one subject, so that nothing
// needs to be kept of a session but the spool: it is found again after a restart, by its owner
// only.
class UploadSigner {
 public:
  explicit UploadSigner(std::string key) : key_(std::move(key)) {}

  std::string SessionId(std::string_view spool_id, std::string_view repository,
                        std::string_view subject) const;
  // The spool. NOT_FOUND / BLOB_UPLOAD_UNKNOWN for an id that was not made by SessionId for these.
  Result<std::string> SpoolId(std::string_view session_id, std::string_view repository,
                              std::string_view subject) const;

 private:
  std::string Signature(std::string_view spool_id, std::string_view repository,
                        std::string_view subject) const;

  std::string key_;
};

// HMAC (RFC 2104) with SHA-256, as 64 hex digits.
std::string HmacSha256(std::string_view key, std::string_view message);

// What has come so far of sessions whose content is small enough for the database, beside the
// spool. Losing an entry is no harm: then the content becomes a file. Thread-safe.
class SmallUploads {
 public:
  // A new session without content.
  void Begin(const std::string& spool_id);
  // Adds to the content; forgets the session when it becomes too large.
  void Append(const std::string& spool_id, std::string_view bytes);
  void Forget(const std::string& spool_id);
  // All bytes of the session, if they are here.
  std::optional<std::string> Find(const std::string& spool_id) const;

 private:
  struct State {
    std::map<std::string, std::string, std::less<>> contents;
    std::list<std::string> order;  // oldest first; may hold ids that are gone
  };
  Guarded<State> state_;
};

}  // namespace slipway::registry
