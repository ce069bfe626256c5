// What a client may send on a connection: frames of HTTP/2, headers, messages, in pieces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "net/grpc_session.h"

namespace {

using slipway::net::GrpcCall;

slipway::Task<void> EchoStream(GrpcCall& call) {
  while (co_await call.Read()) {
    call.answer().append(call.message());
    if (!co_await call.Write()) break;
  }
  call.Finish();
}

slipway::net::GrpcService MakeService() {
  slipway::net::GrpcService service({.max_message_bytes = 1 << 16});
  service.Add({.path = "/a.B/U",
               .unary =
                   [](GrpcCall& call) {
                     call.answer().append(call.message());
                     call.Finish();
                   },
               .stream = nullptr});
  service.Add({.path = "/a.B/S", .unary = nullptr, .stream = EchoStream});
  return service;
}

class NoCarrier final : public slipway::net::GrpcCarrier {
 public:
  void OnOutput() override {}
  void OnTaskEnd() override {}
};

}  // namespace

// The first byte says in pieces of which size the rest comes; the preface is there already.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const slipway::net::GrpcService kService = MakeService();
  static const slipway::net::HttpServerOptions kOptions;
  static slipway::net::GrpcCore core(kService, "fuzz");
  if (size == 0) return 0;
  const size_t piece = 1 + data[0] * size_t{data[0]};
  const std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                            std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  slipway::asio::io_context context;
  NoCarrier carrier;
  slipway::net::GrpcSession session(core, carrier,
                                    {.executor = context.get_executor(), .options = &kOptions}, 1);
  int64_t now_ms = 1;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    const bool taken =
        session.Receive(std::string_view(bytes).substr(at, piece), ++now_ms).has_value();
    context.poll();
    session.Collect();
    session.output().Clear();
    if (!taken || session.ended()) break;
    session.Tick(now_ms += 50);
  }
  session.CancelAll();
  context.restart();
  context.poll();
  if (session.tasks() != 0 || core.open_calls != 0) __builtin_trap();
  return 0;
}
