#include "runtime/serving_channel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "base/testing/temporary_folder.h"
#include "runtime/limits.h"

namespace slipway::runtime {
namespace {

struct Pair {
  std::unique_ptr<ServingChannel> left;
  std::unique_ptr<ServingChannel> right;
};

Pair MakePair() {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  return {std::make_unique<ServingChannel>(ends[0]), std::make_unique<ServingChannel>(ends[1])};
}

TEST(ServingChannelTest, MessagesKeepTheirOrderAndBorders) {
  Pair pair = MakePair();
  ASSERT_TRUE(pair.left->Send(R"({"type":"reload"})").has_value());
  ASSERT_TRUE(pair.left->Send(R"({"type":"listeners"})").has_value());
  EXPECT_EQ(pair.right->Receive(1000)->json, R"({"type":"reload"})");
  EXPECT_EQ(pair.right->Receive(1000)->json, R"({"type":"listeners"})");
  EXPECT_EQ(pair.right->Receive(0).error().reason(), "TIMEOUT");
}

TEST(ServingChannelTest, DescriptorsArriveOpenAndCloseOnExec) {
  Pair pair = MakePair();
  Descriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(pair.left->Send("{}", {zero.get(), zero.get()}).has_value());
  auto message = pair.right->Receive(1000);
  ASSERT_TRUE(message.has_value());
  ASSERT_EQ(message->descriptors.size(), 2U);
  for (int descriptor : message->descriptors) {
    Descriptor owned(descriptor);
    char byte = 1;
    EXPECT_EQ(read(descriptor, &byte, 1), 1);
    EXPECT_EQ(byte, 0);
    EXPECT_EQ(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
  }
}

TEST(ServingChannelTest, LongTextsTravelWithDescriptors) {
  Pair pair = MakePair();
  Descriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  for (size_t size : {kMaxInlineMessageBytes, kMaxInlineMessageBytes + 1, kMaxMessageBytes}) {
    std::string text(size, 'x');
    ASSERT_TRUE(pair.left->Send(text, {zero.get()}).has_value());
    auto message = pair.right->Receive(1000);
    ASSERT_TRUE(message.has_value()) << message.error().ToString();
    EXPECT_EQ(message->json, text);
    ASSERT_EQ(message->descriptors.size(), 1U);
    close(message->descriptors[0]);
  }
  auto sent = pair.left->Send(std::string(kMaxMessageBytes + 1, 'x'));
  EXPECT_EQ(sent.error().reason(), "MESSAGE_TOO_LARGE");
  EXPECT_EQ(pair.left->Send("{}", std::vector<int>(kMaxMessageDescriptors + 1, 0)).error().reason(),
            "MESSAGE_TOO_LARGE");
}

TEST(ServingChannelTest, ClosedEndIsSaidToBothSides) {
  Pair pair = MakePair();
  pair.right.reset();
  EXPECT_EQ(pair.left->Receive(1000).error().reason(), "CHANNEL_CLOSED");
  auto sent = pair.left->Send("{}");
  EXPECT_EQ(sent.error().code(), Code::kUnavailable);
  EXPECT_EQ(sent.error().reason(), "CHANNEL_CLOSED");
}

TEST(ServingChannelTest, ForgedMemoryFileIsRefused) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  Descriptor forger(ends[0]);
  ServingChannel channel(ends[1]);
  ASSERT_EQ(send(forger.get(), "\x01", 1, 0), 1);
  EXPECT_EQ(channel.Receive(1000).error().reason(), "MESSAGE_INVALID");
  // A pipe instead of a file would block whoever reads it.
  int pipes[2];
  ASSERT_EQ(pipe2(pipes, O_CLOEXEC), 0);
  Descriptor reading(pipes[0]);
  Descriptor writing(pipes[1]);
  char control[CMSG_SPACE(sizeof(int))] = {};
  char mark = '\x01';
  iovec piece{&mark, 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  int passed = reading.get();
  std::memcpy(CMSG_DATA(header), &passed, sizeof(int));
  ASSERT_EQ(sendmsg(forger.get(), &message, 0), 1);
  EXPECT_EQ(channel.Receive(1000).error().reason(), "MESSAGE_INVALID");
}

TEST(ServingChannelTest, OversizedPacketIsRefused) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  Descriptor forger(ends[0]);
  ServingChannel channel(ends[1]);
  std::string packet(kMaxInlineMessageBytes + 1, 'x');
  ASSERT_EQ(send(forger.get(), packet.data(), packet.size(), 0),
            static_cast<ssize_t>(packet.size()));
  EXPECT_EQ(channel.Receive(1000).error().reason(), "MESSAGE_INVALID");
}

TEST(ServingChannelTest, ListenConnectAccept) {
  TemporaryFolder folder;
  std::string path = folder / "serve.sock";
  EXPECT_EQ(ServingChannel::Connect(path).error().reason(), "CHANNEL_CLOSED");
  auto listener = ListenChannel(path);
  ASSERT_TRUE(listener.has_value()) << listener.error().ToString();
  Descriptor owned(*listener);
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  auto client = ServingChannel::Connect(path);
  ASSERT_TRUE(client.has_value()) << client.error().ToString();
  ServingChannel server(accept4(*listener, nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(server.Send("{}").has_value());
  EXPECT_EQ((*client)->Receive(1000)->json, "{}");
}

TEST(ServingChannelTest, NewListenerTakesThePathOver) {
  TemporaryFolder folder;
  std::string path = folder / "serve.sock";
  Descriptor old(*ListenChannel(path));
  auto first = ServingChannel::Connect(path);
  ASSERT_TRUE(first.has_value());
  Descriptor successor(*ListenChannel(path));
  auto second = ServingChannel::Connect(path);
  ASSERT_TRUE(second.has_value());
  EXPECT_GE(accept4(successor.get(), nullptr, nullptr, SOCK_CLOEXEC), 0);
  Descriptor still(accept4(old.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(still) << "who was connected to the old one stays connected";
  old.Close();
  successor.Close();
  EXPECT_EQ(ServingChannel::Connect(path).error().reason(), "CHANNEL_CLOSED") << "stale file";
  Descriptor again(*ListenChannel(path));
}

TEST(ServingChannelTest, FileThatIsNoSocketIsNotReplaced) {
  TemporaryFolder folder;
  std::ofstream(folder / "serve.sock") << "mine";
  EXPECT_EQ(ListenChannel(folder / "serve.sock").error().reason(), "FILE_EXISTS");
}

TEST(ServingChannelTest, PathMayBeLongerThanAnAddressOfASocket) {
  TemporaryFolder folder;
  std::string deep = folder.path();
  for (int i = 0; i < 4; ++i) deep += "/" + std::string(60, 'd');
  ASSERT_TRUE(std::filesystem::create_directories(deep));
  Descriptor listener(*ListenChannel(deep + "/serve.sock"));
  EXPECT_TRUE(ServingChannel::Connect(deep + "/serve.sock").has_value());
}

// NOLINTBEGIN(concurrency-mt-unsafe): these tests have one thread.

class InheritedListenersTest : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("SLIPWAY_LISTEN"); }
};

TEST_F(InheritedListenersTest, NoneWithoutTheVariable) {
  EXPECT_TRUE(InheritedListeners()->empty());
}

TEST_F(InheritedListenersTest, ReadsNamesAndMakesThemCloseOnExec) {
  Descriptor zero(open("/dev/zero", O_RDONLY));
  Descriptor full(open("/dev/full", O_RDONLY));
  std::string text =
      "rest=" + std::to_string(zero.get()) + ",metrics=" + std::to_string(full.get());
  setenv("SLIPWAY_LISTEN", text.c_str(), 1);
  auto listeners = InheritedListeners();
  ASSERT_TRUE(listeners.has_value()) << listeners.error().ToString();
  ASSERT_EQ(listeners->size(), 2U);
  EXPECT_EQ((*listeners)[0].name, "rest");
  EXPECT_EQ((*listeners)[1].descriptor, full.get());
  EXPECT_EQ(fcntl(zero.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(InheritedListenersTest, NonsenseIsRefused) {
  for (const char* text : {"rest", "=3", "rest=", "rest=x", "rest=-1", "rest=3x",
                           "rest=99999999999", "rest=1000000", ",", "rest=1,,"}) {
    setenv("SLIPWAY_LISTEN", text, 1);
    auto listeners = InheritedListeners();
    ASSERT_TRUE(listeners.has_error()) << text;
    EXPECT_EQ(listeners.error().reason(), "LISTEN_INVALID") << text;
  }
}

TEST(InheritedPredecessorTest, ReadsTheVariable) {
  unsetenv(kPredecessorVariable);
  EXPECT_EQ(InheritedPredecessor(), std::nullopt);
  setenv(kPredecessorVariable, "4711", 1);
  EXPECT_EQ(InheritedPredecessor(), 4711);
  setenv(kPredecessorVariable, "-1", 1);
  EXPECT_EQ(InheritedPredecessor(), std::nullopt);
  unsetenv(kPredecessorVariable);
}

TEST(InheritedListenWaitTest, ReadsTheVariable) {
  unsetenv(kListenWaitVariable);
  EXPECT_EQ(InheritedListenWait(), kListenWait);
  setenv(kListenWaitVariable, "0", 1);
  EXPECT_EQ(InheritedListenWait().count(), 0);
  setenv(kListenWaitVariable, "600000", 1);
  EXPECT_EQ(InheritedListenWait().count(), 600'000);
  for (const char* nonsense : {"", "x", "-1", "5s", "99999999999"}) {
    setenv(kListenWaitVariable, nonsense, 1);
    EXPECT_EQ(InheritedListenWait(), kListenWait) << nonsense;
  }
  unsetenv(kListenWaitVariable);
}

// NOLINTEND(concurrency-mt-unsafe)

}  // namespace
}  // namespace slipway::runtime
