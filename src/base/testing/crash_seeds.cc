#include "base/testing/crash_seeds.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

namespace slipway {
namespace {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr uint64_t kShare = 20;
#else
constexpr uint64_t kShare = 1;
#endif

}  // namespace

CrashSeeds::CrashSeeds(uint64_t release) : end(std::max<uint64_t>(release / kShare, 1)) {
  if (const char* count = std::getenv("SLIPWAY_CRASH_SEEDS")) {
    end = std::strtoull(count, nullptr, 10);
  }
  if (const char* seed = std::getenv("SLIPWAY_CRASH_SEED")) {
    begin = std::strtoull(seed, nullptr, 10);
    end = begin + 1;
  }
}

void ReportSummary(const std::string& line) {
  std::printf("%s\n", line.c_str());
  testing::Test::RecordProperty("summary", line);
}

}  // namespace slipway
