#include "engine/onnxruntime/run_memory.h"

#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::engine::ort {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;
constexpr RunMemory::Limits kForEver{.kept_bytes = 64 * kMebibyte,
                                     .kept_for = std::chrono::hours(1)};

bool IsAligned(void* block) {
  return reinterpret_cast<uintptr_t>(block) % 64 == 0;
}

TEST(RunMemory, GivesAlignedBlocksOfAnySize) {
  RunMemory memory(kForEver);
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, kMebibyte - 65,
                             kMebibyte - 64, kMebibyte, 3 * kMebibyte + 1, 40 * kMebibyte}) {
    void* block = memory.Allocate(bytes);
    ASSERT_NE(block, nullptr) << bytes;
    EXPECT_TRUE(IsAligned(block)) << bytes;
    std::memset(block, 7, bytes);
    memory.Free(block);
  }
  memory.Free(nullptr);
}

TEST(RunMemory, SaysWhenThereIsNone) {
  RunMemory memory(kForEver);
  EXPECT_EQ(memory.Allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(memory.Allocate(SIZE_MAX / 2), nullptr);
  EXPECT_EQ(memory.Allocate(size_t{1} << 56), nullptr);
}

TEST(RunMemory, ALargeBlockServesTheNextThatFitsIt) {
  RunMemory memory(kForEver);
  void* block = memory.Allocate(10 * kMebibyte);
  memory.Free(block);
  EXPECT_GE(memory.kept_bytes(), 10 * kMebibyte);
  // Too small for it, too large for it, and about as large.
  void* small = memory.Allocate(2 * kMebibyte);
  void* large = memory.Allocate(20 * kMebibyte);
  EXPECT_NE(small, block);
  EXPECT_NE(large, block);
  EXPECT_GE(memory.kept_bytes(), 10 * kMebibyte);
  void* same = memory.Allocate(9 * kMebibyte);
  EXPECT_EQ(same, block);
  EXPECT_EQ(memory.kept_bytes(), 0U);
  for (void* each : {small, large, same}) memory.Free(each);
}

TEST(RunMemory, SmallBlocksAreNotKept) {
  RunMemory memory(kForEver);
  memory.Free(memory.Allocate(kMebibyte / 2));
  EXPECT_EQ(memory.kept_bytes(), 0U);
}

TEST(RunMemory, KeepsNoMoreThanItMay) {
  RunMemory memory({.kept_bytes = 8 * kMebibyte, .kept_for = std::chrono::hours(1)});
  void* blocks[6];
  for (void*& block : blocks) block = memory.Allocate(3 * kMebibyte);
  for (void* block : blocks) memory.Free(block);
  EXPECT_LE(memory.kept_bytes(), 8 * kMebibyte);
  EXPECT_GT(memory.kept_bytes(), 3 * kMebibyte);
  void* larger_than_all = memory.Allocate(9 * kMebibyte);
  const size_t before = memory.kept_bytes();
  memory.Free(larger_than_all);
  EXPECT_EQ(memory.kept_bytes(), before);
}

TEST(RunMemory, WhatNobodyWantsGoesBackToTheSystem) {
  RunMemory memory({.kept_bytes = 64 * kMebibyte, .kept_for = std::chrono::milliseconds(20)});
  for (int round = 0; round < 2; ++round) {
    memory.Free(memory.Allocate(10 * kMebibyte));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (memory.kept_bytes() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(memory.kept_bytes(), 0U);
  }
}

TEST(RunMemory, NoTwoThreadsHaveTheSameBlock) {
  RunMemory memory({.kept_bytes = 16 * kMebibyte, .kept_for = std::chrono::milliseconds(2)});
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&memory, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 300; ++i) {
        const size_t bytes = random() % (4 * kMebibyte) + sizeof(unsigned);
        auto* block = static_cast<unsigned char*>(memory.Allocate(bytes));
        ASSERT_NE(block, nullptr);
        block[0] = block[bytes - 1] = static_cast<unsigned char>(seed);
        std::this_thread::yield();
        EXPECT_EQ(block[0], seed);
        EXPECT_EQ(block[bytes - 1], seed);
        memory.Free(block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace slipway::engine::ort
