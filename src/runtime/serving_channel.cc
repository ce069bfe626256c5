#include "runtime/serving_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/descriptor.h"
#include "runtime/limits.h"

namespace slipway::runtime {
namespace {

// First byte of a packet whose text is in the memory file that is its last descriptor. JSON never
// begins with it.
constexpr char kMemoryFileMark = '\x01';

Error Closed(std::string_view what) {
  return Unavailable("CHANNEL_CLOSED", "the other end of the serving channel " + std::string(what));
}

Error BadMessage(std::string what) {
  return DataLoss("MESSAGE_INVALID", "message on the serving channel: " + std::move(what));
}

// The address of `path`, however long it is: its folder is opened, and the socket named through it.
struct SocketAddress {
  Descriptor folder;
  sockaddr_un address{};
};

Result<SocketAddress> AddressOf(const std::string& path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  SocketAddress out;
  out.folder = Descriptor(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!out.folder) return SystemError(errno, "open " + folder);
  std::string text = "/proc/self/fd/" + std::to_string(out.folder.get()) + "/" + name;
  if (name.empty() || text.size() >= sizeof(out.address.sun_path)) {
    return InvalidArgument("SOCKET_NAME", path + ": not a name for a socket of at most " +
                                              std::to_string(sizeof(out.address.sun_path) - 32) +
                                              " bytes");
  }
  out.address.sun_family = AF_UNIX;
  std::memcpy(out.address.sun_path, text.c_str(), text.size() + 1);
  return out;
}

const sockaddr* Generic(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.address);
}

Result<Descriptor> MakeMemoryFile(std::string_view text) {
  Descriptor file(memfd_create("slipway-message", MFD_CLOEXEC));
  if (!file) return SystemError(errno, "memfd_create");
  while (!text.empty()) {
    ssize_t written = write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(errno, "write a memory file");
    text.remove_prefix(static_cast<size_t>(written));
  }
  return file;
}

Result<std::string> ReadMemoryFile(const Descriptor& file) {
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return SystemError(errno, "fstat of a memory file");
  if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) > kMaxMessageBytes) {
    return BadMessage("its memory file has " + std::to_string(info.st_size) + " bytes, at most " +
                      std::to_string(kMaxMessageBytes) + " are taken");
  }
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    ssize_t got =
        pread(file.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(errno, "read a memory file");
    if (got == 0) return BadMessage("its memory file shrank");
    done += static_cast<size_t>(got);
  }
  return text;
}

// Room for the control message of a full set of descriptors.
union Control {
  char bytes[CMSG_SPACE(sizeof(int) * (kMaxMessageDescriptors + 1))];
  cmsghdr align;
};

Result<void> SendPacket(int socket, std::string_view packet, const std::vector<int>& descriptors) {
  Control control{};
  iovec piece{const_cast<char*>(packet.data()), packet.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    size_t size = descriptors.size() * sizeof(int);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), descriptors.data(), size);
  }
  while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Closed("does not take messages");
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return Closed("is gone");
    return SystemError(errno, "send on the serving channel");
  }
  return {};
}

std::vector<Descriptor> TakeDescriptors(msghdr& message) {
  std::vector<Descriptor> out;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      out.emplace_back(descriptor);
    }
  }
  return out;
}

Result<void> WaitForInput(int socket, int timeout_ms) {
  pollfd wait{socket, POLLIN, 0};
  int ready = poll(&wait, 1, timeout_ms);
  if (ready < 0 && errno != EINTR) return SystemError(errno, "poll the serving channel");
  if (ready <= 0) {
    return Error(Code::kDeadlineExceeded, "TIMEOUT", "nothing came on the serving channel in time");
  }
  return {};
}

Result<InheritedListener> ParseListener(std::string_view item) {
  size_t equals = item.find('=');
  InheritedListener listener;
  listener.name = std::string(item.substr(0, equals));
  std::string_view number = equals == std::string_view::npos ? "" : item.substr(equals + 1);
  auto [end, problem] =
      std::from_chars(number.data(), number.data() + number.size(), listener.descriptor);
  if (listener.name.empty() || problem != std::errc() || end != number.data() + number.size() ||
      listener.descriptor < 0) {
    return InvalidArgument("LISTEN_INVALID", "SLIPWAY_LISTEN is NAME=DESCRIPTOR,..., got \"" +
                                                 std::string(item.substr(0, 64)) + "\"");
  }
  if (fcntl(listener.descriptor, F_SETFD, FD_CLOEXEC) != 0) {
    return InvalidArgument("LISTEN_INVALID", "SLIPWAY_LISTEN names descriptor " +
                                                 std::to_string(listener.descriptor) +
                                                 ", which is not open");
  }
  return listener;
}

}  // namespace

Result<std::unique_ptr<ServingChannel>> ServingChannel::Connect(const std::string& path) {
  TRY(address, AddressOf(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError(errno, "socket");
  if (connect(socket.get(), Generic(address), sizeof(address.address)) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) {
      return Unavailable("CHANNEL_CLOSED", path + ": nobody listens there");
    }
    return SystemError(errno, "connect to " + path);
  }
  return std::make_unique<ServingChannel>(socket.Release());
}

ServingChannel::ServingChannel(int descriptor) : descriptor_(descriptor) {
  timeval timeout{.tv_sec = kChannelSendTimeout.count(), .tv_usec = 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

ServingChannel::~ServingChannel() {
  close(descriptor_);
}

Result<void> ServingChannel::Send(std::string_view json, const std::vector<int>& descriptors) {
  if (json.size() > kMaxMessageBytes || descriptors.size() > kMaxMessageDescriptors) {
    return ResourceExhausted("MESSAGE_TOO_LARGE",
                             "a message on the serving channel has at most " +
                                 std::to_string(kMaxMessageBytes) + " bytes and " +
                                 std::to_string(kMaxMessageDescriptors) + " descriptors");
  }
  if (json.size() <= kMaxInlineMessageBytes) return SendPacket(descriptor_, json, descriptors);
  TRY(file, MakeMemoryFile(json));
  std::vector<int> with_file = descriptors;
  with_file.push_back(file.get());
  return SendPacket(descriptor_, std::string_view(&kMemoryFileMark, 1), with_file);
}

Result<ChannelMessage> ServingChannel::Receive(int timeout_ms) {
  TRY_VOID(WaitForInput(descriptor_, timeout_ms));
  std::string packet(kMaxInlineMessageBytes, '\0');
  Control control{};
  iovec piece{packet.data(), packet.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  ssize_t got = recvmsg(descriptor_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return Error(Code::kDeadlineExceeded, "TIMEOUT", "nothing came on the serving channel in time");
  }
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return Closed("is gone");
  if (got < 0) return SystemError(errno, "receive on the serving channel");
  std::vector<Descriptor> descriptors = TakeDescriptors(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return BadMessage("longer than " + std::to_string(kMaxInlineMessageBytes) + " bytes or " +
                      std::to_string(kMaxMessageDescriptors) + " descriptors");
  }
  packet.resize(static_cast<size_t>(got));
  ChannelMessage out;
  if (packet[0] == kMemoryFileMark) {
    if (descriptors.empty()) return BadMessage("its memory file is missing");
    TRY(text, ReadMemoryFile(descriptors.back()));
    descriptors.pop_back();
    packet = std::move(text);
  }
  out.json = std::move(packet);
  for (Descriptor& descriptor : descriptors) out.descriptors.push_back(descriptor.Release());
  return out;
}

Result<int> ListenChannel(const std::string& path) {
  TRY(address, AddressOf(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError(errno, "socket");
  // The mode of the socket before bind is that of the file which bind makes.
  if (fchmod(socket.get(), 0600) != 0) return SystemError(errno, "fchmod of a socket");
  struct stat info{};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return FailedPrecondition("FILE_EXISTS", path + ": is there and is no socket");
    }
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError(errno, "unlink " + path);
  }
  if (bind(socket.get(), Generic(address), sizeof(address.address)) != 0) {
    return SystemError(errno, "bind " + path);
  }
  if (listen(socket.get(), kChannelBacklog) != 0) return SystemError(errno, "listen on " + path);
  return socket.Release();
}

Result<std::vector<InheritedListener>> InheritedListeners() {
  std::vector<InheritedListener> out;
  const char* text = std::getenv("SLIPWAY_LISTEN");
  std::string_view rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    size_t comma = rest.find(',');
    TRY(listener, ParseListener(rest.substr(0, comma)));
    out.push_back(std::move(listener));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    if (out.size() > kMaxInheritedListeners) {
      return InvalidArgument("LISTEN_INVALID", "SLIPWAY_LISTEN names more than " +
                                                   std::to_string(kMaxInheritedListeners) +
                                                   " descriptors");
    }
  }
  return out;
}

namespace {

// Of an environment variable that is a number and nothing else.
std::optional<uint32_t> NumberIn(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::string_view number = text;
  uint32_t value = 0;
  auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), value);
  bool valid = problem == std::errc() && end == number.data() + number.size();
  return valid ? std::optional(value) : std::nullopt;
}

}  // namespace

std::chrono::milliseconds InheritedListenWait() {
  const std::optional<uint32_t> wait_ms = NumberIn(kListenWaitVariable);
  return wait_ms ? std::chrono::milliseconds(*wait_ms) : kListenWait;
}

std::optional<int64_t> InheritedPredecessor() {
  const std::optional<uint32_t> pid = NumberIn(kPredecessorVariable);
  return pid ? std::optional<int64_t>(*pid) : std::nullopt;
}

}  // namespace slipway::runtime
