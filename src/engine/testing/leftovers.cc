#include "engine/testing/leftovers.h"

#include <cstdint>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "engine/loaded_model.h"

namespace slipway::engine {
namespace {

int64_t AnonymousBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "RssAnon:") continue;
    int64_t kib = 0;
    status >> kib;
    return kib << 10;
  }
  return 0;
}

}  // namespace

void ExpectNothingIsLeftOf(PluginHost& host, std::span<const ModelSource> sources) {
  constexpr size_t kRounds = 1'000;
  int64_t early = 0;
  for (size_t i = 0; i < kRounds; ++i) {
    auto model = LoadedModel::Load(host, sources[i % sources.size()]);
    ASSERT_TRUE(model.has_value()) << model.error().ToString();
    model->reset();
    if (i == 100) early = AnonymousBytes();
  }
  EXPECT_LT(AnonymousBytes() - early, int64_t{5} << 20);
}

}  // namespace slipway::engine
