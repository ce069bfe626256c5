// A client with a rate of its own: requests come at random (Poisson), whatever the answers do.
//
//   open_loop PORT REQUEST RATE SECONDS CONNECTIONS SEED
//
// REQUEST is a file with a whole HTTP/1.1 request. Latency counts from the moment at which a
// request was to be sent, also when no connection was free then. Prints one line of JSON: how many
// were sent, answered with 200, refused with 503, failed otherwise, and quantiles in us. SEED
// chooses the arrivals.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrivals.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): there are no other threads
}

struct Connection {
  int socket = -1;
  bool busy = false;
  Clock::time_point due;  // of the request under way
  size_t sent = 0;
  std::string answer;
};

struct Totals {
  size_t sent = 0;
  size_t unsent = 0;
  size_t failed = 0;
  size_t ok_in_time = 0;
  std::vector<double> ok_us;
  std::vector<double> refused_us;
};

double Quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const size_t at =
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

// The length of the whole answer, or 0 while that is not known.
size_t AnswerBytes(std::string_view seen) {
  const size_t end = seen.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const size_t at = seen.find("Content-Length: ");
  const size_t body = at < end ? std::strtoul(seen.data() + at + 16, nullptr, 10) : 0;
  return end + 4 + body;
}

class Load {
 public:
  Load(uint16_t port, std::string request, double rate, size_t connections, uint64_t seed)
      : request_(std::move(request)), arrivals_(rate, seed), connections_(connections) {
    epoll_ = epoll_create1(0);
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    Watch(timer_, EPOLLIN, nullptr);
    for (Connection& connection : connections_) Open(port, connection);
  }

  Totals Run(std::chrono::seconds length) {
    const Clock::time_point begin = begin_ = Clock::now();
    const Clock::time_point end = end_ = begin + length;
    std::array<epoll_event, 256> events;
    while (true) {
      Arrive(end);
      if (Clock::now() >= end) {
        totals_.unsent += waiting_.size();
        waiting_.clear();
        if (busy_ == 0) return std::move(totals_);
      }
      // Whatever is not answered by then failed.
      if (Clock::now() > end + std::chrono::seconds(10)) {
        totals_.failed += busy_;
        return std::move(totals_);
      }
      const int ready = epoll_wait(epoll_, events.data(), events.size(), 100);
      for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.ptr == nullptr) {
          uint64_t ticks = 0;
          (void)!read(timer_, &ticks, sizeof ticks);
        } else {
          OnEvent(*static_cast<Connection*>(event.data.ptr));
        }
      }
    }
  }

 private:
  void Watch(int descriptor, uint32_t what, void* whose) const {
    epoll_event event{};
    event.events = what;
    event.data.ptr = whose;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) Fail("epoll_ctl");
  }

  void Open(uint16_t port, Connection& connection) {
    connection.socket = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      Fail("connect");
    }
    const int yes = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    // Edges: each event is followed to its end.
    Watch(connection.socket, EPOLLIN | EPOLLOUT | EPOLLET, &connection);
    free_.push_back(&connection);
  }

  Clock::time_point Next() const {
    return begin_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(arrivals_.next()));
  }

  // Takes what is due by now, and sets the timer for the next.
  void Arrive(Clock::time_point end) {
    const Clock::time_point now = Clock::now();
    for (; Next() <= now && Next() < end; arrivals_.Pass()) waiting_.push_back(Next());
    while (!waiting_.empty() && !free_.empty()) {
      Connection& connection = *free_.back();
      free_.pop_back();
      connection.due = waiting_.front();
      waiting_.pop_front();
      connection.busy = true;
      connection.sent = 0;
      connection.answer.clear();
      ++busy_;
      ++totals_.sent;
      Send(connection);
    }
    itimerspec when{};
    const auto wait =
        std::max<Clock::duration>(Next() - Clock::now(), std::chrono::microseconds(1));
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
    when.it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    timerfd_settime(timer_, 0, &when, nullptr);
  }

  void Send(Connection& connection) {
    while (connection.sent < request_.size()) {
      const ssize_t sent = send(connection.socket, request_.data() + connection.sent,
                                request_.size() - connection.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return;
      connection.sent += static_cast<size_t>(sent);
    }
  }

  void OnEvent(Connection& connection) {
    if (!connection.busy) return;
    Send(connection);
    std::array<char, 1 << 16> piece;
    while (connection.busy) {
      const ssize_t got = recv(connection.socket, piece.data(), piece.size(), MSG_DONTWAIT);
      if (got < 0) return;
      if (got == 0) return Lose(connection);
      connection.answer.append(piece.data(), static_cast<size_t>(got));
      const size_t whole = AnswerBytes(connection.answer);
      if (whole > 0 && connection.answer.size() >= whole) Finish(connection);
    }
  }

  void Finish(Connection& connection) {
    const double us =
        std::chrono::duration<double, std::micro>(Clock::now() - connection.due).count();
    const std::string_view status(connection.answer.data() + 9, 3);
    if (status == "200") {
      totals_.ok_us.push_back(us);
      totals_.ok_in_time += Clock::now() <= end_ ? 1 : 0;
    } else if (status == "503") {
      totals_.refused_us.push_back(us);
    } else {
      ++totals_.failed;
    }
    connection.busy = false;
    --busy_;
    free_.push_back(&connection);
  }

  // The server ended it: its request failed, and it is not used any more.
  void Lose(Connection& connection) {
    ++totals_.failed;
    connection.busy = false;
    --busy_;
  }

  const std::string request_;
  Arrivals arrivals_;
  int epoll_ = -1;
  int timer_ = -1;
  std::vector<Connection> connections_;
  std::vector<Connection*> free_;
  std::deque<Clock::time_point> waiting_;
  Clock::time_point begin_;
  Clock::time_point end_;
  size_t busy_ = 0;
  Totals totals_;
};

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const long seconds = std::atol(argv[4]);
  Load load(static_cast<uint16_t>(std::atoi(argv[1])), ReadFile(argv[2]), std::atof(argv[3]),
            std::strtoul(argv[5], nullptr, 10), std::strtoull(argv[6], nullptr, 10));
  Totals totals = load.Run(std::chrono::seconds(seconds));
  std::printf(
      "{\"seconds\":%ld,\"sent\":%zu,\"unsent\":%zu,\"ok\":%zu,\"ok_in_time\":%zu,"
      "\"refused\":%zu,\"failed\":%zu,\"p50_us\":%.0f,\"p99_us\":%.0f,"
      "\"refused_p99_us\":%.0f}\n",
      seconds, totals.sent, totals.unsent, totals.ok_us.size(), totals.ok_in_time,
      totals.refused_us.size(), totals.failed, Quantile(totals.ok_us, 0.5),
      Quantile(totals.ok_us, 0.99), Quantile(totals.refused_us, 0.99));
}
