// Several transfers of one push or pull at the same time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "async/guarded.h"
#include "model/limits.h"
#include "model/package.h"
#include "oci/client.h"

namespace slipway::model {

struct TransferOptions {
  // Called by one thread at a time. Each file that is to travel is told with 0 bytes first, before
  // the first of them begins: their totals are all there is to do.
  Progress progress;
  // One more client of the same registry; empty: one transfer after the other.
  std::function<std::unique_ptr<oci::Client>()> make_client;
  // Of pushes: what a killed program sent is gone on with. nullptr: nothing is noted.
  oci::UploadNotes* notes = nullptr;
};

// A client for each thread, and one voice for their progress.
class Transfers {
 public:
  // Both outlive it.
  Transfers(oci::Client& first, const TransferOptions& options);

  // Calls work(index, client) for each index below `count`, at most kParallelTransfers at a time.
  // The first error is the answer; then the other calls get it from Check.
  Result<void> Run(size_t count,
                   const std::function<Result<void>(size_t index, oci::Client& client)>& work);
  // The same for work that needs more than one client: `worker` is the number of the thread.
  Result<void> RunOnWorkers(size_t count,
                            const std::function<Result<void>(size_t index, size_t worker)>& work);
  // Of one thread at a time for each worker. Without make_client there is worker 0 alone.
  oci::Client& ClientOf(size_t worker);
  // CANCELLED / TRANSFER_STOPPED when another transfer failed: for readers and writers of bytes.
  Result<void> Check() const;
  void Report(std::string_view file, uint64_t done_bytes, uint64_t total_bytes);
  oci::UploadNotes* notes() const { return options_.notes; }

 private:
  oci::Client& first_;
  const TransferOptions& options_;
  std::vector<std::unique_ptr<oci::Client>> more_;  // of worker 1, 2, ...; each touches its own
  std::atomic<bool> stopped_ = false;
  Guarded<std::optional<Error>> cause_;
  Guarded<uint64_t> reports_;  // held while the progress is told
};

}  // namespace slipway::model
