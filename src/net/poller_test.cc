#include "net/poller.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <memory>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway::net {
namespace {

using ::testing::ElementsAreArray;

// Sockets that all have a request when the core looks at them: one turn of it.
class PollerTurnTest : public testing::Test, public PolledSocket::Observer {
 public:
  ~PollerTurnTest() override {
    sockets_.clear();
    for (const int peer : peers_) close(peer);
  }

 protected:
  // Answers `count` of them. Of each answer, in order: how many requests were handled before it.
  std::vector<size_t> AnswerAll(size_t count) {
    EXPECT_THAT(poller_.Open(), IsOk());
    for (size_t i = 0; i < count; ++i) AddRequest();
    TaskGroup tasks(context_.get_executor());
    for (const auto& socket : sockets_) {
      tasks.Start([this, raw = socket.get()] { return AnswerOne(raw); });
    }
    tasks.Start([this] { return poller_.Run(); });
    while (answers_.size() < count && context_.run_one() > 0) {
    }
    asio::co_spawn(context_, tasks.Stop(),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    context_.run();
    return answers_;
  }

  void OnPeerClosed() override {}

  FakeClock clock_;
  size_t slow_handler_ = 0;  // the handler with this number takes a millisecond; 0: none

 private:
  void AddRequest() {
    int pair[2] = {-1, -1};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    peers_.push_back(pair[1]);
    ASSERT_EQ(write(pair[1], "x", 1), 1);
    sockets_.push_back(std::make_unique<PolledSocket>(poller_, pair[0], this));
    sockets_.back()->ClearReady(Direction::kRead);
    ASSERT_THAT(sockets_.back()->Register(), IsOk());
  }

  Task<void> AnswerOne(PolledSocket* socket) {
    co_await socket->Wait(Direction::kRead, false);
    if (++handled_ == slow_handler_) clock_.Advance(std::chrono::milliseconds(1));
    if (socket->others_wait()) co_await socket->WaitForTurnEnd();
    answers_.push_back(handled_);
  }

  asio::io_context context_;
  Poller poller_{context_.get_executor(), clock_};
  std::vector<int> peers_;
  std::vector<std::unique_ptr<PolledSocket>> sockets_;
  size_t handled_ = 0;
  std::vector<size_t> answers_;
};

TEST_F(PollerTurnTest, FewAnswersGoOutTogetherAtTheEnd) {
  EXPECT_THAT(AnswerAll(10), ElementsAreArray(std::vector<size_t>(10, 10)));
}

TEST_F(PollerTurnTest, ManyAnswersDoNotWaitForAllTheOthers) {
  std::vector<size_t> expected(16, 16);
  expected.insert(expected.end(), 16, 32);
  expected.insert(expected.end(), 8, 40);
  EXPECT_THAT(AnswerAll(40), ElementsAreArray(expected));
}

TEST_F(PollerTurnTest, NoAnswerWaitsForMoreThanOneSlowHandler) {
  slow_handler_ = 3;
  std::vector<size_t> expected(3, 3);
  expected.insert(expected.end(), 7, 10);
  EXPECT_THAT(AnswerAll(10), ElementsAreArray(expected));
}

}  // namespace
}  // namespace slipway::net
