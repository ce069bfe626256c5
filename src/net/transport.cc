#include "net/transport.h"

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <cerrno>

namespace slipway::net {
namespace {

bool IsWouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(PolledSocket& socket) : socket_(socket) {}

  IoResult Handshake() override { return {}; }

  IoResult Read(char* out, size_t size) override {
    if (!socket_.ready(Direction::kRead)) return Blocked(Direction::kRead);
    while (true) {
      const ssize_t got = recv(socket_.descriptor(), out, size, 0);
      if (got > 0) {
        // Fewer bytes than asked for: the socket is empty and the next ones raise an event. Not so
        // the end of the stream, which may have been announced with these bytes.
        if (static_cast<size_t>(got) < size && !socket_.peer_closed()) {
          socket_.ClearReady(Direction::kRead);
        }
        return {.status = IoStatus::kDone, .bytes = static_cast<size_t>(got)};
      }
      if (got == 0) return {.status = IoStatus::kEnd};
      if (IsWouldBlock(errno)) return Blocked(Direction::kRead);
      if (errno != EINTR) return {.status = IoStatus::kFailed};
    }
  }

  IoResult Write(std::span<const iovec> buffers) override {
    while (true) {
      ssize_t put = 0;
      if (buffers.size() == 1) {
        put = send(socket_.descriptor(), buffers[0].iov_base, buffers[0].iov_len, MSG_NOSIGNAL);
      } else {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(buffers.data());
        message.msg_iovlen = buffers.size();
        put = sendmsg(socket_.descriptor(), &message, MSG_NOSIGNAL);
      }
      if (put >= 0) return {.status = IoStatus::kDone, .bytes = static_cast<size_t>(put)};
      if (IsWouldBlock(errno)) return Blocked(Direction::kWrite);
      if (errno != EINTR) return {.status = IoStatus::kFailed};
    }
  }

  IoResult SendFile(int descriptor, uint64_t offset, size_t size) override {
    auto position = static_cast<off_t>(offset);
    while (true) {
      const ssize_t put = sendfile(socket_.descriptor(), descriptor, &position, size);
      if (put > 0) return {.status = IoStatus::kDone, .bytes = static_cast<size_t>(put)};
      if (put == 0) return {.status = IoStatus::kFailed};  // the file is shorter than was said
      if (IsWouldBlock(errno)) return Blocked(Direction::kWrite);
      if (errno == EINVAL || errno == ENOSYS) return {.status = IoStatus::kUnsupported};
      if (errno != EINTR) return {.status = IoStatus::kFailed};
    }
  }

  void ShutdownWrite() override { shutdown(socket_.descriptor(), SHUT_WR); }

  bool HasInput() override { return socket_.HasUnreadInput(); }

 private:
  IoResult Blocked(Direction direction) {
    socket_.ClearReady(direction);
    return {.status = IoStatus::kWouldBlock, .bytes = 0, .wants = direction};
  }

  PolledSocket& socket_;
};

}  // namespace

std::unique_ptr<Transport> MakePlainTransport(PolledSocket& socket) {
  return std::make_unique<PlainTransport>(socket);
}

}  // namespace slipway::net
