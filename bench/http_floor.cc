// A fixed answer through net's HttpServer: what HTTP alone costs, next to nginx's static answer.
//
//   http_floor [PORT [CORES]]      answers every request with a small JSON body until SIGTERM
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include "async/core_pool.h"
#include "async/task_group.h"
#include "net/http_server.h"
#include "net/router.h"

namespace slipway {
namespace {

constexpr const char* kAnswer =
    R"({"model_name":"identity","outputs":[{"name":"y","shape":[1,4],"datatype":"FP32",)"
    R"("data":[1,2,3,4]}]})";

Task<net::HttpResponse> Answer(net::HttpRequest&) {
  co_return net::HttpResponse::Json(200, kAnswer);
}

// Reads the body first, as an inference does.
Task<net::HttpResponse> ReadAndAnswer(net::HttpRequest& request) {
  if (!request.body->TakeBuffered().has_value()) {
    const Result<std::string> body = co_await request.body->ReadAll(1 << 20);
    if (!body.has_value()) co_return net::ProblemResponse(body.error());
  }
  co_return net::HttpResponse::Json(200, kAnswer);
}

Task<void> StopServer(net::HttpServer* server) {
  co_await server->Stop(std::chrono::milliseconds(2'000));
}

Task<Result<void>> LetIn(const net::Route&, net::HttpRequest&) {
  co_return Result<void>();
}

int Main(uint16_t port, size_t core_count) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);

  CorePool cores(core_count);
  net::Router router;
  router.SetGuard(LetIn);
  router.Add({.method = net::Method::kGet,
              .pattern = "/fixed",
              .access = net::Access::kOpen,
              .handler = Answer,
              .summary = "A fixed answer."});
  router.Add({.method = net::Method::kPost,
              .pattern = "/v2/models/{model}/infer",
              .access = net::Access::kOpen,
              .handler = ReadAndAnswer,
              .summary = "A fixed answer after the body."});
  net::HttpServer server(cores,
                         [&router](net::HttpRequest& request) { return router.Handle(request); });
  Result<net::Listener> listener = net::Listener::Open("127.0.0.1", port);
  if (!listener.has_value() || !server.Listen(*listener).has_value()) return 1;
  std::printf("%u\n", static_cast<unsigned>(listener->port()));
  std::fflush(stdout);

  int signal_number = 0;
  sigwait(&ending, &signal_number);
  TaskGroup stopping(cores.executor(0));
  stopping.Start([&server] { return StopServer(&server); });
  while (stopping.size() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  cores.Stop();
  return 0;
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  const long port = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
  const long cores = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 1;
  return slipway::Main(static_cast<uint16_t>(port), static_cast<size_t>(cores));
}
