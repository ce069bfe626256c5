#include "gateway/repository/batching_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BatchingConfig, OnlyDynamicBatchingSharesRuns) {
  EXPECT_EQ(BatchingOf(Json::object()), std::nullopt);
  EXPECT_EQ(BatchingOf(ParseJson(R"({"max_batch_size":8})").value()), std::nullopt);
  EXPECT_EQ(BatchingOf(ParseJson(R"({"dynamic_batching":{}})").value()), std::nullopt);
  EXPECT_EQ(BatchingOf(ParseJson(R"({"max_batch_size":8,"dynamic_batching":{}})").value()),
            (runtime::BatchingSettings{
                .max_batch_size = 8, .timeout_action = "reject", .allow_timeout_override = false}));
}

TEST(BatchingConfig, EveryMemberIsRead) {
  const Json config = ParseJson(R"({"max_batch_size":16,"dynamic_batching":{
      "preferred_batch_size":[4,8,32,0],"max_queue_delay_microseconds":100,"priority_levels":3,
      "default_priority_level":2,"default_queue_policy":{"timeout_action":"DELAY",
      "default_timeout_microseconds":5000,"allow_timeout_override":true,"max_queue_size":7}}})")
                          .value();
  EXPECT_EQ(BatchingOf(config), (runtime::BatchingSettings{.max_batch_size = 16,
                                                           .max_queue_delay_us = 100,
                                                           .preferred_sizes = {4, 8},
                                                           .priority_levels = 3,
                                                           .default_priority = 2,
                                                           .max_queue_size = 7,
                                                           .queue_timeout_us = 5'000,
                                                           .timeout_action = "delay",
                                                           .allow_timeout_override = true}));
  EXPECT_THAT(BatchingWithoutEffect(config), IsEmpty());
}

TEST(BatchingConfig, HugeNumbersAreCut) {
  const auto settings = BatchingOf(ParseJson(R"({"max_batch_size":2147483647,"dynamic_batching":{
      "max_queue_delay_microseconds":18446744073709551615,
      "priority_levels":18446744073709551615,"default_priority_level":18446744073709551615,
      "default_queue_policy":{"max_queue_size":4294967295,
      "default_timeout_microseconds":18446744073709551615}}})")
                                       .value());
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->max_batch_size, 65'536);
  EXPECT_EQ(settings->max_queue_delay_us, 10'000'000);
  EXPECT_EQ(settings->priority_levels, 64);
  EXPECT_EQ(settings->default_priority, 64);
  EXPECT_EQ(settings->max_queue_size, 65'536);
  EXPECT_EQ(settings->queue_timeout_us, 3'600'000'000);
}

TEST(BatchingConfig, WhatHasNoEffectIsSaid) {
  EXPECT_THAT(BatchingWithoutEffect(Json::object()), IsEmpty());
  EXPECT_THAT(
      BatchingWithoutEffect(ParseJson(R"({"dynamic_batching":{"preserve_ordering":true,
      "priority_queue_policy":{"1":{}}}})")
                                .value()),
      ElementsAre("dynamic_batching.preserve_ordering", "dynamic_batching.priority_queue_policy"));
}

}  // namespace
}  // namespace slipway::gateway
