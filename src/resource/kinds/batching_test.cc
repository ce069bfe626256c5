#include "resource/kinds/batching.h"

#include <gtest/gtest.h>

namespace slipway::resource {
namespace {

using std::chrono::microseconds;

TEST(BatchingSettings, FineDurationsHaveMicroseconds) {
  EXPECT_EQ(*ParseFineDuration("250us"), microseconds(250));
  EXPECT_EQ(*ParseFineDuration("0us"), microseconds(0));
  EXPECT_EQ(*ParseFineDuration("5ms"), microseconds(5'000));
  EXPECT_EQ(*ParseFineDuration("1m30s"), microseconds(90'000'000));
  for (const char* wrong :
       {"", "us", "-1us", "1.5us", "1 us", "5", "1ms5us", "9999999999999999999us"}) {
    const auto parsed = ParseFineDuration(wrong);
    ASSERT_FALSE(parsed.has_value()) << wrong;
    EXPECT_EQ(parsed.error().reason(), "DURATION_INVALID") << wrong;
  }
}

TEST(BatchingSettings, TheDefaultIsRight) {
  EXPECT_TRUE(CheckBatching({}, "b").has_value());
}

TEST(BatchingSettings, WhatIsWrongIsNamed) {
  struct Case {
    BatchingSettings settings;
    const char* message;
    const char* field;
  };
  const Case cases[] = {
      {{.max_batch_size = 8, .max_queue_delay = "11s"},
       "b.maxQueueDelay: 0 to 10s, got \"11s\"",
       "b.maxQueueDelay"},
      {{.max_batch_size = 1, .max_queue_delay = "1us"},
       "b.maxQueueDelay: there is nothing to wait for without a maxBatchSize of 2 or more",
       "b.maxQueueDelay"},
      {{.max_batch_size = 8, .preferred_sizes = {4, 9}},
       "b.preferredSizes[1]: 1 to maxBatchSize, which is 8, got 9",
       "b.preferredSizes[1]"},
      {{.max_batch_size = 8, .preferred_sizes = {0}},
       "b.preferredSizes[0]: 1 to maxBatchSize, which is 8, got 0",
       "b.preferredSizes[0]"},
      {{.priority_levels = 2, .default_priority = 3},
       "b.defaultPriority: 0 to priorityLevels, which is 2, got 3",
       "b.defaultPriority"},
      {{.queue_timeout = "2h"}, "b.queueTimeout: 0 to 3600s, got \"2h\"", "b.queueTimeout"},
  };
  for (const Case& c : cases) {
    const auto checked = CheckBatching(c.settings, "b");
    ASSERT_FALSE(checked.has_value()) << c.message;
    EXPECT_EQ(checked.error().message(), c.message);
    EXPECT_EQ(checked.error().detail("field"), c.field);
  }
}

}  // namespace
}  // namespace slipway::resource
