#include "registry/upload_turns.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/task_group.h"
#include "async/testing/run.h"
#include "base/testing/result_matchers.h"

namespace slipway::registry {
namespace {

// A client that sends nothing any more.
Task<Result<void>> WaitForBytes() {
  co_await SleepFor(std::chrono::hours(1));
  co_return Result<void>();
}

Task<void> Hold(std::shared_ptr<UploadTurns> turns, std::shared_ptr<int> events) {
  auto turn = co_await turns->Take("a");
  EXPECT_THAT(turn, IsOk());
  *events = 1;
  EXPECT_THAT(co_await turn->Run(WaitForBytes()), IsOk());
  EXPECT_THAT(turn->Check(), IsError(Code::kAborted, "UPLOAD_TAKEN_OVER"));
  EXPECT_EQ(*events, 1) << "the next has to wait until this one has ended";
  *events = 2;
}

Task<void> TakeOver() {
  auto turns = std::make_shared<UploadTurns>();
  auto events = std::make_shared<int>(0);
  TaskGroup group(co_await asio::this_coro::executor);
  group.Start([turns, events] { return Hold(turns, events); });
  while (*events == 0) {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
  auto other = co_await turns->Take("b");
  EXPECT_THAT(other, IsOk()) << "another session";
  EXPECT_EQ(*events, 1);
  auto next = co_await turns->Take("a");
  EXPECT_THAT(next, IsOk());
  EXPECT_EQ(*events, 2);
  EXPECT_THAT(next->Check(), IsOk());
  next->BeginCommit();
  EXPECT_THAT(co_await turns->Take("a"), IsError(Code::kAborted, "UPLOAD_BUSY"));
  EXPECT_THAT(next->Check(), IsOk()) << "nobody asks who commits";
  next = UploadTurns::Turn();
  EXPECT_THAT(co_await turns->Take("a"), IsOk()) << "that turn has ended";
  co_await group.Join();
}

TEST(UploadTurnsTest, TheNextRequestEndsTheOneBefore) {
  RunSync(TakeOver());
}

}  // namespace
}  // namespace slipway::registry
