// Random: randomness as a dependency.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace slipway {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(std::span<std::byte> out) = 0;
  uint64_t Next();
};

// Cryptographically secure, from the kernel (getrandom).
Random& SystemRandom();
// The same sequence for the same seed; for tests.
std::unique_ptr<Random> MakeSeededRandom(uint64_t seed);

// 16 random bytes as 32 lower-case hex digits: uids, session ids, request ids.
std::string RandomHexId(Random& random);

}  // namespace slipway
