#include "async/core_drain.h"

#include <atomic>
#include <latch>

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(CoreDrain, TakesWhatAllCoresGive) {
  std::string got;
  uint64_t items = 0;
  {
    CoreDrain drain(
        {.name = "test", .cores = 2, .take = [&](CoreDrain::Batch& batch, const std::stop_token&) {
           got += batch.bytes;
           items += batch.items;
         }});
    EXPECT_TRUE(drain.Give(0, "a"));
    EXPECT_TRUE(drain.Give(0, "b"));
    drain.Flush();
    EXPECT_EQ(got, "ab");
    EXPECT_TRUE(drain.Give(1, "c"));
  }
  EXPECT_EQ(got, "abc") << "the destructor takes the rest";
  EXPECT_EQ(items, 3u);
}

TEST(CoreDrain, WhoTakesSlowlyHoldsNobodyAndWhatFindsNoRoomIsCounted) {
  std::latch begun(1);
  std::latch go_on(1);
  std::atomic<uint64_t> items = 0;
  CoreDrain drain({.name = "test",
                   .cores = 2,
                   .max_bytes = 10,
                   .take = [&](CoreDrain::Batch& batch, const std::stop_token&) {
                     if (items == 0) begun.count_down();
                     items += batch.items;
                     go_on.wait();
                   }});
  EXPECT_TRUE(drain.Give(0, "1234"));
  begun.wait();
  // The thread is held. Each core has room of its own.
  EXPECT_TRUE(drain.Give(0, "12345"));
  EXPECT_TRUE(drain.Give(0, "12345"));
  EXPECT_FALSE(drain.Give(0, "1"));
  EXPECT_TRUE(drain.Give(1, "1234567890"));
  EXPECT_FALSE(drain.Give(1, "1"));
  EXPECT_EQ(drain.dropped(), 2u);
  EXPECT_FALSE(drain.Give(1, "12345678901")) << "more than there ever is room for";
  go_on.count_down();
  drain.Flush();
  EXPECT_EQ(items, 4u);
  EXPECT_EQ(drain.dropped(), 3u);
  EXPECT_TRUE(drain.Give(0, "1234567890"));
}

}  // namespace
}  // namespace slipway
