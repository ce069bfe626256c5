#include "gateway/http/pass.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gateway/call_limiter.h"
#include "gateway/http/passed_headers.h"
#include "gateway/http/passed_run.h"
#include "gateway/limits.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"

namespace slipway::gateway::http {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using net::Method;

// Whoever reads the answer of a run; without him the run ends.
struct Reader {
  explicit Reader(std::shared_ptr<PassedRun> read) : run(std::move(read)) {}
  ~Reader() { run->Abandon(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const std::shared_ptr<PassedRun> run;
};

Task<Result<std::shared_ptr<const PassedBody>>> ReadBody(BodyBudget& budget, HttpRequest& request) {
  auto body = std::make_shared<PassedBody>();
  if (const auto buffered = request.body->TakeBuffered()) {
    body->buffered.assign(buffered->data(), buffered->size());
    body->buffered.reserve(buffered->size() + v2::kBodyPadding);  // rules may look into it
    body->text = body->buffered;
  } else {
    CO_TRY_VOID(co_await body->held.Read(*request.body, kMaxPassedBodyBytes, budget, 0));
    body->text = body->held.text();
  }
  co_return std::shared_ptr<const PassedBody>(std::move(body));
}

// Of the trace that goes on, where there are traces.
std::string TraceOf(RequestRecord* record) {
  if (record == nullptr) return {};
  record->telemetry->Decide(*record);
  return FormatTraceparent(record->trace);
}

// Begins the run that a request asks for.
Result<std::shared_ptr<Reader>> Begin(Environment& environment, const HttpRequest& request,
                                      size_t segments, CallPermit permit,
                                      Exchange::Clock::time_point arrived,
                                      const std::shared_ptr<const PassedBody>& body) {
  CoreSlot& core = environment.slots.current();
  TRY(service, v2::FindService(core, request));
  TRY(choice, v2::ChooseRevision(core, request, body->text));
  if (!choice.revision->speaks_http()) {
    return NotFound("SERVICE_SPEAKS_V2", "'" + choice.revision->service() +
                                             "' is no program that speaks HTTP of its own: send "
                                             "requests of the V2 protocol to /v2/models/" +
                                             choice.revision->service() + "/infer");
  }
  const auto executor = environment.cores.executor(core.number);
  auto run = std::make_shared<PassedRun>(executor, *choice.revision, core, arrived, body);
  RequestRecord* const record = RecordOf(request);
  run->exchange().Observe(record);
  run->exchange().Keep(std::move(permit));
  const PassedTarget target = TargetOf(request, segments);
  const std::string traceparent = TraceOf(record);
  const Headers headers = RequestHeaders(
      request,
      {.prefix = target.prefix, .traceparent = traceparent, .has_key = service->needs_key});
  const Result<void> set = run->SetRequest(request.method_text, target.target, headers);
  if (set.has_error()) {
    run->exchange().CountRefusal();
    return set.error();
  }
  environment.runs.StartOn(executor, [run] { return PassedRun::Run(run); });
  return std::make_shared<Reader>(std::move(run));
}

// `writer` lives as long as the body is written.
Task<void> Stream(std::shared_ptr<Reader> reader, std::string first, net::StreamWriter* writer) {
  if ((co_await writer->Write(first)).has_error()) co_return reader->run->Abandon();
  while (const std::optional<Part> part = co_await reader->run->Next()) {
    if ((co_await writer->Write(part->body)).has_error()) co_return reader->run->Abandon();
  }
  if (reader->run->result().has_error()) writer->Abort();
}

// The answer, whose body may still be coming.
HttpResponse AnswerOf(std::shared_ptr<Reader> reader, Part first) {
  Result<PassedAnswer> answer = ReadAnswer(first.head);
  if (answer.has_error()) return v2::ErrorResponse(answer.error());
  HttpResponse response;
  response.status = answer->status;
  response.headers = std::move(answer->headers);
  if (reader->run->is_over()) {
    response.declared_length = first.body.empty() ? answer->length : std::nullopt;
    response.body = std::move(first.body);
    return response;
  }
  response.declared_length = answer->length;
  response.body =
      net::StreamBody([reader = std::move(reader), body = std::move(first.body)](
                          net::StreamWriter& writer) { return Stream(reader, body, &writer); });
  return response;
}

Task<HttpResponse> Pass(Environment& environment, HttpRequest& request, size_t segments) {
  const Exchange::Clock::time_point arrived = Exchange::Clock::now();
  // Before the body is read.
  Result<CallPermit> permit = Admit(environment.slots.current(), request);
  if (permit.has_error()) co_return v2::ErrorResponse(permit.error());
  const auto body = co_await ReadBody(environment.bodies, request);
  if (body.has_error()) co_return v2::ErrorResponse(body.error());
  auto begun = Begin(environment, request, segments, *std::move(permit), arrived, *body);
  if (begun.has_error()) co_return v2::ErrorResponse(begun.error());
  PassedRun& run = *(*begun)->run;
  std::optional<Part> first = co_await run.Next();
  if (first) co_return AnswerOf(*std::move(begun), *std::move(first));
  const Result<void> result = run.result();
  if (result.has_error()) co_return v2::ErrorResponse(result.error());
  co_return v2::ErrorResponse(Internal("PROGRAM_ANSWER", "the program gave no answer"));
}

}  // namespace

std::vector<net::Route> MakeRoutes(Environment& environment) {
  // HEAD goes where GET does.
  constexpr Method kMethods[] = {Method::kGet,   Method::kPost,   Method::kPut,
                                 Method::kPatch, Method::kDelete, Method::kOptions};
  constexpr size_t kSegments = 2;  // services/NAME
  const std::pair<std::string, size_t> kPrefixes[] = {
      {"/services/{model}", kSegments}, {"/p/{project}/services/{model}", kSegments + 2}};
  std::vector<net::Route> routes;
  for (const auto& [prefix, segments] : kPrefixes) {
    for (const char* rest : {"", "/{path*}"}) {
      for (const Method method : kMethods) {
        routes.push_back(
            {.method = method,
             .pattern = prefix + rest,
             .access = net::Access::kInference,
             .handler = [&environment, segments](
                            HttpRequest& request) { return Pass(environment, request, segments); },
             .summary = "Passes the request to the program of a service."});
      }
    }
  }
  return routes;
}

}  // namespace slipway::gateway::http
