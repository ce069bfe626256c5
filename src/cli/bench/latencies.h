// Latencies: a histogram of durations that tells quantiles to within 2 %.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::cli {

// Each power of two of nanoseconds is cut into 64 parts of the same width.
class Latencies {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  void Add(Nanoseconds latency) {
    const uint64_t ns = latency.count() > 0 ? static_cast<uint64_t>(latency.count()) : 0;
    ++counts_[BucketOf(ns)];
    ++count_;
    sum_ns_ += ns;
    if (ns > max_ns_) max_ns_ = ns;
  }
  void Add(const Latencies& others) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += others.counts_[i];
    count_ += others.count_;
    sum_ns_ += others.sum_ns_;
    if (others.max_ns_ > max_ns_) max_ns_ = others.max_ns_;
  }

  uint64_t count() const { return count_; }
  Nanoseconds max() const { return Nanoseconds(max_ns_); }
  Nanoseconds mean() const { return Nanoseconds(count_ == 0 ? 0 : sum_ns_ / count_); }
  // What a share of all (0 to 1) is at most; 0 of none.
  Nanoseconds Quantile(double share) const;
  // How many are at most that long, to within a bucket.
  uint64_t CountUpTo(Nanoseconds latency) const;

 private:
  static constexpr int kPartBits = 6;
  static constexpr size_t kParts = size_t{1} << kPartBits;

  static size_t BucketOf(uint64_t ns) {
    if (ns < kParts) return ns;
    const int shift = std::bit_width(ns) - 1 - kPartBits;
    return (static_cast<size_t>(shift) << kPartBits) + (ns >> shift);
  }
  // The longest that falls into it.
  static uint64_t BoundOf(size_t bucket);

  std::array<uint64_t, (64 - kPartBits + 1) * kParts> counts_{};
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;
  uint64_t max_ns_ = 0;
};

}  // namespace slipway::cli
