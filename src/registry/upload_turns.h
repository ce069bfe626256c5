// UploadTurns: an upload session serves one request at a time. The next request of its owner ends
// the one before: of a connection that was lost silently nobody hears, and who asks again knows
// that he has given it up. For the .cc files of this module.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "async/interruption.h"
#include "async/task.h"
#include "base/result.h"

namespace slipway::registry {

// Thread-safe.
class UploadTurns {
  struct Entry {
    Interruption interruption;
    bool commits = false;
    std::vector<std::function<void()>> waiting;
  };
  using Table = Guarded<std::map<std::string, Entry, std::less<>>>;

 public:
  // A request's, until it is destroyed. May outlive the table's owner.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept = default;
    Turn& operator=(Turn&& other) noexcept;
    ~Turn() { End(); }

    // ABORTED / UPLOAD_TAKEN_OVER from the moment on at which the next request asks.
    Result<void> Check() const;
    // Runs what may wait for the client; ended when the next request asks.
    Task<Result<void>> Run(Task<Result<void>> work) { return interruption_->Run(std::move(work)); }
    // All bytes are here: from now on nobody takes over.
    void BeginCommit();

   private:
    friend class UploadTurns;
    Turn(std::shared_ptr<Table> table, std::string id, Interruption interruption);
    void End();

    std::shared_ptr<Table> table_;
    std::string id_;
    std::optional<Interruption> interruption_;
  };

  // When the request before has ended. ABORTED / UPLOAD_BUSY while that makes a blob of it.
  Task<Result<Turn>> Take(std::string spool_id);

 private:
  std::shared_ptr<Table> table_ = std::make_shared<Table>();
};

}  // namespace slipway::registry
