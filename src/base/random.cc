#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/check.h"

namespace slipway {
namespace {

class KernelRandom final : public Random {
 public:
  void Fill(std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t got = getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      CHECK_NOTE(got > 0, "the kernel gives no random bytes");
      out = out.subspan(static_cast<size_t>(got));
    }
  }
};

// SplitMix64 (Steele, Lea, Flood 2014).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}

  void Fill(std::span<std::byte> out) override {
    std::lock_guard lock(mutex_);
    while (!out.empty()) {
      const uint64_t word = Step();
      const size_t size = std::min(out.size(), sizeof(word));
      std::memcpy(out.data(), &word, size);
      out = out.subspan(size);
    }
  }

 private:
  uint64_t Step() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  std::mutex mutex_;
  uint64_t state_;
};

}  // namespace

uint64_t Random::Next() {
  uint64_t word = 0;
  Fill(std::as_writable_bytes(std::span(&word, 1)));
  return word;
}

Random& SystemRandom() {
  static KernelRandom random;
  return random;
}

std::unique_ptr<Random> MakeSeededRandom(uint64_t seed) {
  return std::make_unique<SeededRandom>(seed);
}

std::string RandomHexId(Random& random) {
  static constexpr char kHexDigits[] = "0123456789abcdef";
  std::array<std::byte, 16> bytes{};
  random.Fill(bytes);
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    const auto value = static_cast<unsigned>(byte);
    text += kHexDigits[value >> 4];
    text += kHexDigits[value & 15];
  }
  return text;
}

}  // namespace slipway
