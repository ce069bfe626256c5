#include "engine/program/readiness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/descriptor.h"
#include "engine/program/limits.h"

namespace slipway::engine::program {

std::string UrlOf(uint16_t port, const std::string& path) {
  return "http://127.0.0.1:" + std::to_string(port) + path;
}

Result<net::ClientResponse> Ask(net::HttpClient& client, uint16_t port, const std::string& path,
                                std::chrono::milliseconds time) {
  return client.Send({.url = UrlOf(port, path),
                      .timeout = time,
                      .idle_timeout = std::chrono::milliseconds(0),
                      .max_response_bytes = kMaxMetadataBytes});
}

bool Listens(uint16_t port) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return socket &&
         connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

Error EndedEarly(const std::string& how) {
  return FailedPrecondition(
      "PROGRAM_ENDED",
      "the program " + how + " before it was ready; what it wrote is in the log of the data plane");
}

Error NotReady(std::chrono::milliseconds start_timeout, const std::string& last) {
  return FailedPrecondition("PROGRAM_NOT_READY",
                            "the program was not ready after " +
                                std::to_string(start_timeout.count()) + " ms (" + last +
                                "): it listens on 127.0.0.1, on the port that {port} and "
                                "SLIPWAY_PORT give it; startTimeout may be longer");
}

}  // namespace slipway::engine::program
