#include "engine/worker/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/worker/limits.h"

namespace slipway::engine::worker {
namespace {

using Clock = std::chrono::steady_clock;

Error Gone() {
  return Unavailable("WORKER_GONE", "the worker process is gone");
}

std::vector<Descriptor> DescriptorsOf(msghdr& message) {
  std::vector<Descriptor> out;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      out.emplace_back(descriptor);
    }
  }
  return out;
}

}  // namespace

Result<std::pair<Descriptor, Descriptor>> MakeChannel() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return SystemError(errno, "socketpair");
  }
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

Result<void> SendFrame(int socket, const Frame& frame, const std::vector<int>& descriptors) {
  CHECK(descriptors.size() <= kMaxFrameDescriptors);
  TRY(bytes, EncodeFrame(frame));
  iovec vector{.iov_base = bytes.data(), .iov_len = bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFrameDescriptors * sizeof(int))> beside{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t size = descriptors.size() * sizeof(int);
    message.msg_control = beside.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(part), descriptors.data(), size);
  }
  while (true) {
    if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
    if (errno == EINTR) continue;
    return Gone();
  }
}

Result<Packet> ReceiveFrame(int socket) {
  thread_local std::array<char, kMaxFrameBytes> bytes;
  iovec vector{.iov_base = bytes.data(), .iov_len = bytes.size()};
  // Room for more than are allowed, so that all that come are closed.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * kMaxFrameDescriptors * sizeof(int))> beside{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = beside.data();
  message.msg_controllen = beside.size();
  ssize_t count = 0;
  do {
    count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return Gone();
  Packet packet{.frame = {}, .descriptors = DescriptorsOf(message)};
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return DataLoss("WORKER_FRAME", "the worker broke the protocol: a frame is too long");
  }
  TRY(frame, DecodeFrame({bytes.data(), static_cast<size_t>(count)}));
  packet.frame = std::move(frame);
  return packet;
}

bool WaitForFrame(int socket, Clock::time_point deadline) {
  // So that the sum never overflows, and nobody waits for longer at once.
  constexpr std::chrono::milliseconds kLongest{3'600'000};
  while (true) {
    const Clock::time_point now = Clock::now();
    if (now >= deadline) return false;
    const auto left = deadline - now > kLongest
                          ? kLongest
                          : std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    pollfd wanted{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = poll(&wanted, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;
  }
}

}  // namespace slipway::engine::worker
