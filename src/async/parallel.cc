#include "async/parallel.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

#include "async/guarded.h"

namespace slipway {
namespace {

struct Progress {
  size_t next = 0;
  std::optional<Error> error;
};

}  // namespace

Result<void> ForEachInParallel(
    size_t count, size_t workers,
    const std::function<Result<void>(size_t index, size_t worker)>& work) {
  Guarded<Progress> progress;
  auto take = [&progress, count] {
    return progress.With([count](Progress& now) -> std::optional<size_t> {
      if (now.error || now.next == count) return std::nullopt;
      return now.next++;
    });
  };
  auto run = [&](size_t worker) {
    while (const std::optional<size_t> index = take()) {
      const Result<void> done = work(*index, worker);
      if (done.has_value()) continue;
      progress.With([&done](Progress& now) {
        if (!now.error) now.error = done.error();
      });
    }
  };
  {
    std::vector<std::jthread> threads;
    for (size_t worker = 1; worker < std::min(workers, count); ++worker) {
      threads.emplace_back(run, worker);
    }
    run(0);
  }
  return progress.With(
      [](Progress& now) { return now.error ? Result<void>(*now.error) : Result<void>(); });
}

}  // namespace slipway
