#include "registry/body.h"

#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/clock.h"
#include "base/testing/result_matchers.h"
#include "registry/limits.h"

namespace slipway::registry {
namespace {

// Bytes without end, of which the first `count` come. Remembers for how many there was room.
class StalledBody final : public net::BodyReader {
 public:
  StalledBody(uint64_t count, std::optional<uint64_t> length) : left_(count), length_(length) {}
  std::optional<uint64_t> length() const override { return length_; }
  Task<Result<size_t>> Read(char* out, size_t size) override {
    most_asked = std::max(most_asked, size);
    if (left_ == 0 && length_) {
      co_return Error(Code::kDeadlineExceeded, "BODY_TIMEOUT", "no more came");
    }
    const auto count = static_cast<size_t>(std::min<uint64_t>(size, left_));
    std::fill_n(out, count, 'x');
    left_ -= count;
    co_return count;
  }
  Task<Result<std::string>> ReadAll(uint64_t limit_bytes) override {
    co_return ResourceExhausted("BODY_TOO_LARGE", std::to_string(limit_bytes));
  }

  size_t most_asked = 0;

 private:
  uint64_t left_;
  std::optional<uint64_t> length_;
};

Result<std::string> Manifest(StalledBody& body, BudgetShare& share) {
  FakeClock clock;
  return RunSync(ReadManifest(body, 4 << 20, share, clock));
}

TEST(ReadUpToTest, WhatIsAnnouncedTakesNoMemory) {
  StalledBody body(1, 100'000'000);
  EXPECT_THAT(RunSync(ReadUpTo(body, 64 << 10)), IsError(Code::kDeadlineExceeded, "BODY_TIMEOUT"));
  EXPECT_LE(body.most_asked, kFirstPieceBytes);
  StalledBody whole(100'000, std::nullopt);
  EXPECT_EQ(RunSync(ReadUpTo(whole, 64 << 10)).value().size(), size_t{64 << 10});
  StalledBody shorter(5'000, std::nullopt);
  EXPECT_EQ(RunSync(ReadUpTo(shorter, 64 << 10)).value(), std::string(5'000, 'x'));
}

TEST(ReadManifestTest, TakesTheBudgetAsBytesArrive) {
  BodyBudget budget(8 << 20);
  {
    StalledBody body(1, 4'000'000);
    BudgetShare share(budget);
    EXPECT_THAT(Manifest(body, share), IsError(Code::kDeadlineExceeded, "BODY_TIMEOUT"));
    EXPECT_EQ(budget.used(), 0u);
  }
  StalledBody first(4'000'000, std::nullopt);
  BudgetShare first_share(budget);
  EXPECT_EQ(Manifest(first, first_share).value().size(), 4'000'000u);
  EXPECT_GE(budget.used(), 4'000'000u);
  {
    StalledBody second(4'000'000, std::nullopt);
    BudgetShare share(budget);
    EXPECT_THAT(Manifest(second, share), IsOk());
    StalledBody third(4'000'000, 4'000'000);
    BudgetShare third_share(budget);
    EXPECT_THAT(Manifest(third, third_share), IsError(Code::kUnavailable, "BODIES_TOO_MANY"));
    // Small ones always find room.
    StalledBody small(60'000, std::nullopt);
    BudgetShare small_share(budget);
    EXPECT_EQ(Manifest(small, small_share).value().size(), 60'000u);
  }
  StalledBody again(4'000'000, std::nullopt);
  BudgetShare share(budget);
  EXPECT_THAT(Manifest(again, share), IsOk());
}

TEST(ReadManifestTest, LimitOfOne) {
  BodyBudget budget(64 << 20);
  BudgetShare share(budget);
  StalledBody chunked(5 << 20, std::nullopt);
  EXPECT_THAT(Manifest(chunked, share), IsError(Code::kResourceExhausted, "BODY_TOO_LARGE"));
  StalledBody declared(5 << 20, 5 << 20);
  EXPECT_THAT(Manifest(declared, share), IsError(Code::kResourceExhausted, "BODY_TOO_LARGE"));
  StalledBody most(4 << 20, 4 << 20);
  EXPECT_EQ(Manifest(most, share).value().size(), size_t{4 << 20});
}

// A body whose bytes come so many at a time, each after a while.
class SlowBody final : public net::BodyReader {
 public:
  SlowBody(FakeClock& clock, size_t at_once, std::chrono::milliseconds wait)
      : clock_(clock), at_once_(at_once), wait_(wait) {}
  std::optional<uint64_t> length() const override { return 1'000'000; }
  Task<Result<size_t>> Read(char* out, size_t size) override {
    clock_.Advance(wait_);
    const size_t count = std::min({size, at_once_, 1'000'000 - sent});
    std::fill_n(out, count, 'x');
    sent += count;
    co_return count;
  }
  Task<Result<std::string>> ReadAll(uint64_t) override { co_return std::string(); }

  size_t sent = 0;

 private:
  FakeClock& clock_;
  const size_t at_once_;
  const std::chrono::milliseconds wait_;
};

TEST(ReadManifestTest, OneThatTricklesEndsAndGivesItsMemoryBack) {
  FakeClock clock;
  BodyBudget budget(8 << 20);
  SlowBody trickle(clock, 1, std::chrono::seconds(5));
  {
    BudgetShare share(budget);
    EXPECT_THAT(RunSync(ReadManifest(trickle, 4 << 20, share, clock)),
                IsError(Code::kDeadlineExceeded, "BODY_TIMEOUT"));
    EXPECT_LE(trickle.sent, 10u);
  }
  EXPECT_EQ(budget.used(), 0u);
  // 20 kB a second is slow, and enough.
  SlowBody slow(clock, 20'000, std::chrono::seconds(1));
  BudgetShare share(budget);
  EXPECT_EQ(RunSync(ReadManifest(slow, 4 << 20, share, clock)).value().size(), 1'000'000u);
}

TEST(FairBudgetTest, AProjectHasAQuarterAtMost) {
  FairBudget budget(4'000);
  FairBudget::OfProject first(budget, "first");
  FairBudget::OfProject same(budget, "first");
  FairBudget::OfProject second(budget, "second");
  EXPECT_TRUE(first.Take(600));
  EXPECT_FALSE(same.Take(500));
  EXPECT_TRUE(same.Take(400));
  EXPECT_TRUE(second.Take(1'000));
  for (const char* name : {"third", "fourth"}) {
    EXPECT_TRUE(FairBudget::OfProject(budget, name).Take(1'000));
  }
  EXPECT_FALSE(FairBudget::OfProject(budget, "fifth").Take(1)) << "all of it is taken";
  first.Give(600);
  EXPECT_TRUE(FairBudget::OfProject(budget, "fifth").Take(600));
}

}  // namespace
}  // namespace slipway::registry
