#include "cli/bench/load.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "async/guarded.h"
#include "async/parallel.h"
#include "base/random.h"
#include "cli/infer/inference_error.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxErrorKinds = 16;
constexpr size_t kMaxErrorBytes = 120;

// When requests are due: all at once in a closed loop, else with pauses as of a Poisson process.
class Arrivals {
 public:
  Arrivals(double rate, uint64_t seed, Clock::time_point begin)
      : rate_(rate), state_(State{.random = MakeSeededRandom(seed), .next = begin}) {}

  Clock::time_point Next() {
    if (rate_ <= 0) return Clock::now();
    return state_.With([this](State& state) {
      const Clock::time_point due = state.next;
      constexpr double kScale = 1.0 / 9007199254740992.0;  // 2^-53
      const double uniform = (static_cast<double>(state.random->Next() >> 11) + 1) * kScale;
      const double seconds = -std::log(uniform) / rate_;
      state.next +=
          std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
      return due;
    });
  }

 private:
  struct State {
    std::unique_ptr<Random> random;
    Clock::time_point next;
  };
  const double rate_;
  Guarded<State> state_;
};

std::string WordsOf(const Result<net::ClientResponse>& response) {
  std::string words = response.has_error()
                          ? std::string(response.error().message())
                          : fmt::format("{} {}", response->status,
                                        InferenceError(response->status, response->body).message());
  if (words.size() > kMaxErrorBytes) words.resize(kMaxErrorBytes);
  return Printable(words);
}

class Worker {
 public:
  Worker(const LoadOptions& options, Arrivals& arrivals, Clock::time_point counted,
         Clock::time_point end)
      : options_(options),
        arrivals_(arrivals),
        counted_(counted),
        end_(end),
        client_(options.connection) {}

  void Run() {
    while (true) {
      const Clock::time_point due = arrivals_.Next();
      if (due >= end_) return;
      std::this_thread::sleep_until(due);
      const Result<net::ClientResponse> response = client_.Send(options_.request);
      if (due < counted_) continue;
      if (response.has_value() && response->status == 200) {
        result_.latencies.Add(Clock::now() - due);
      } else {
        Note(WordsOf(response));
      }
    }
  }
  const LoadResult& result() const { return result_; }

 private:
  void Note(std::string words) {
    if (result_.errors.size() >= kMaxErrorKinds && !result_.errors.contains(words)) {
      words = "others";
    }
    ++result_.errors[words];
  }

  const LoadOptions& options_;
  Arrivals& arrivals_;
  const Clock::time_point counted_;
  const Clock::time_point end_;
  net::HttpClient client_;
  LoadResult result_;
};

}  // namespace

uint64_t LoadResult::failed() const {
  uint64_t sum = 0;
  for (const auto& [words, count] : errors) sum += count;
  return sum;
}

LoadResult RunLoad(const LoadOptions& options) {
  const Clock::time_point begin = Clock::now();
  const Clock::time_point counted = begin + options.warm_up;
  Arrivals arrivals(options.rate, options.seed, begin);
  std::vector<std::unique_ptr<Worker>> workers;
  for (size_t i = 0; i < options.connections; ++i) {
    workers.push_back(
        std::make_unique<Worker>(options, arrivals, counted, counted + options.duration));
  }
  const Result<void> done =
      ForEachInParallel(workers.size(), workers.size(), [&](size_t index, size_t) -> Result<void> {
        workers[index]->Run();
        return {};
      });
  CHECK(done.has_value());
  LoadResult sum;
  sum.elapsed = Clock::now() - counted;
  for (const auto& worker : workers) {
    sum.latencies.Add(worker->result().latencies);
    for (const auto& [words, count] : worker->result().errors) sum.errors[words] += count;
  }
  return sum;
}

}  // namespace slipway::cli
