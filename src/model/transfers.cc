#include "model/transfers.h"

#include "async/parallel.h"

namespace slipway::model {

Transfers::Transfers(oci::Client& first, const TransferOptions& options)
    : first_(first), options_(options), more_(options.make_client ? kParallelTransfers - 1 : 0) {}

oci::Client& Transfers::ClientOf(size_t worker) {
  if (worker == 0) return first_;
  std::unique_ptr<oci::Client>& own = more_[worker - 1];
  if (!own) own = options_.make_client();
  return *own;
}

Result<void> Transfers::Run(
    size_t count, const std::function<Result<void>(size_t index, oci::Client& client)>& work) {
  return RunOnWorkers(count,
                      [&](size_t index, size_t worker) { return work(index, ClientOf(worker)); });
}

Result<void> Transfers::RunOnWorkers(
    size_t count, const std::function<Result<void>(size_t index, size_t worker)>& work) {
  const Result<void> done =
      ForEachInParallel(count, more_.size() + 1, [&](size_t index, size_t worker) -> Result<void> {
        Result<void> one = work(index, worker);
        if (one.has_value()) return {};
        // Before the others hear of it: what they answer then is not the cause.
        cause_.With([&one](std::optional<Error>& cause) {
          if (!cause) cause = one.error();
        });
        stopped_ = true;
        return one;
      });
  if (done.has_value()) return {};
  return cause_.With([](const std::optional<Error>& cause) { return Result<void>(*cause); });
}

Result<void> Transfers::Check() const {
  if (!stopped_) return {};
  return Error(Code::kCancelled, "TRANSFER_STOPPED", "another file's transfer failed");
}

void Transfers::Report(std::string_view file, uint64_t done_bytes, uint64_t total_bytes) {
  if (!options_.progress) return;
  reports_.With([&](uint64_t& count) {
    ++count;
    options_.progress(file, done_bytes, total_bytes);
  });
}

}  // namespace slipway::model
