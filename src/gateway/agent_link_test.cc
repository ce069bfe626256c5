#include "gateway/agent_link.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/random.h"
#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

using runtime::ServingChannel;

class AgentLinkTest : public ::testing::Test {
 public:
  AgentLinkTest() {
    std::filesystem::create_directories(folder_);
    auto opened = AgentLink::Open(
        path_, {{.name = "rest", .descriptor = pipe_read()}},
        {.status =
             [this] { return runtime::ServingStatus{.generation = generation_.load(), .pid = 7}; },
         .reload = [this] { ++reloads_; },
         .certificate = [this] { ++certificates_; },
         .stop = [this](auto drain) { drain_ms_ = drain.count(); },
         .answer = [] { return runtime::ServingAnswer{.silent_cores = {1}}; }});
    EXPECT_TRUE(opened.has_value());
    link_ = *std::move(opened);
  }
  ~AgentLinkTest() override {
    link_.reset();
    close(pipe_[0]);
    close(pipe_[1]);
    std::filesystem::remove_all(folder_);
  }

 protected:
  int pipe_read() {
    EXPECT_EQ(pipe(pipe_), 0);
    return pipe_[0];
  }
  std::unique_ptr<ServingChannel> Connect() {
    auto channel = ServingChannel::Connect(path_);
    EXPECT_TRUE(channel.has_value());
    return *std::move(channel);
  }
  static Json Next(ServingChannel& channel) {
    auto message = channel.Receive(5000);
    EXPECT_TRUE(message.has_value()) << message.error().ToString();
    for (int descriptor : message->descriptors) close(descriptor);
    return *ParseJson(message->json);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("link-" + RandomHexId(SystemRandom()).substr(0, 8));
  const std::string path_ = (folder_ / "serve.sock").native();
  int pipe_[2] = {-1, -1};
  std::atomic<uint64_t> generation_{1};
  std::atomic<int> reloads_{0};
  std::atomic<int> certificates_{0};
  std::atomic<int64_t> drain_ms_{-1};
  std::unique_ptr<AgentLink> link_;
};

TEST_F(AgentLinkTest, AnswersAPing) {
  const auto agent = Connect();
  EXPECT_EQ(Next(*agent)["type"], "status");
  ASSERT_TRUE(agent->Send(R"({"type":"ping"})").has_value());
  const Json answer = Next(*agent);
  EXPECT_EQ(answer["type"], "pong");
  EXPECT_EQ(answer["silentCores"], Json({1}));
}

TEST_F(AgentLinkTest, TellsTheStatusAtOnceAndAtEachChange) {
  const auto first = Connect();
  const Json hello = Next(*first);
  EXPECT_EQ(hello["type"], "status");
  EXPECT_EQ(hello["generation"], 1);
  EXPECT_EQ(hello["pid"], 7);
  const auto second = Connect();
  EXPECT_EQ(Next(*second)["generation"], 1);
  generation_ = 2;
  link_->StatusChanged();
  EXPECT_EQ(Next(*first)["generation"], 2);
  EXPECT_EQ(Next(*second)["generation"], 2);
}

TEST_F(AgentLinkTest, DoesWhatAgentsAsk) {
  const auto agent = Connect();
  Next(*agent);
  ASSERT_TRUE(agent->Send(R"({"type":"reload"})").has_value());
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return reloads_ == 1; }));
  ASSERT_TRUE(agent->Send(R"({"type":"certificate"})").has_value());
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return certificates_ == 1; }));
  EXPECT_EQ(reloads_, 1);
  ASSERT_TRUE(agent->Send(R"({"type":"later-invention"})").has_value());
  ASSERT_TRUE(agent->Send(R"({"type":"stop","drainMs":1500})").has_value());
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return drain_ms_ == 1500; }));
}

TEST_F(AgentLinkTest, HandsTheListenersBack) {
  const auto agent = Connect();
  Next(*agent);
  ASSERT_TRUE(agent->Send(R"({"type":"listeners"})").has_value());
  auto message = agent->Receive(5000);
  ASSERT_TRUE(message.has_value());
  const Json json = *ParseJson(message->json);
  EXPECT_EQ(json["type"], "listeners");
  EXPECT_EQ(json["names"], Json::array({"rest"}));
  ASSERT_EQ(message->descriptors.size(), 1u);
  // It is the same open file: what goes in at the other end comes out.
  ASSERT_EQ(write(pipe_[1], "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(message->descriptors[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  close(message->descriptors[0]);
}

TEST_F(AgentLinkTest, AgentsThatGoOrTalkNonsenseAreNoHarm) {
  for (int i = 0; i < 20; ++i) Next(*Connect());
  const auto bad = Connect();
  Next(*bad);
  ASSERT_TRUE(bad->Send("[1,2").has_value());
  EXPECT_EQ(bad->Receive(5000).error().code(), Code::kUnavailable);
  const auto good = Connect();
  EXPECT_EQ(Next(*good)["type"], "status");
}

TEST_F(AgentLinkTest, TheOldestOfTooManyAgentsGoes) {
  const auto oldest = Connect();
  Next(*oldest);
  std::vector<std::unique_ptr<ServingChannel>> others;
  for (int i = 0; i < 8; ++i) {
    others.push_back(Connect());
    Next(*others.back());
  }
  EXPECT_EQ(oldest->Receive(5000).error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace slipway::gateway
