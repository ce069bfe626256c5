// Arrivals: moments at random (Poisson), the same for the same seed.
#pragma once

#include <cstdint>
#include <random>

// In seconds since the begin; the first is 0.
class Arrivals {
 public:
  Arrivals(double rate, uint64_t seed) : gap_(rate), random_(seed) {}

  double next() const { return next_; }
  void Pass() { next_ += gap_(random_); }

 private:
  std::exponential_distribution<double> gap_;
  std::mt19937_64 random_;
  double next_ = 0;
};
