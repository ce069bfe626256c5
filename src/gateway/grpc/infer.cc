// ModelInfer and ModelStreamInfer. Between the message and the run nothing suspends, and a cheap
// model never leaves the core.
#include <algorithm>
#include <memory>
#include <utility>

#include "gateway/exchange.h"
#include "gateway/grpc/call_facts.h"
#include "gateway/grpc/environment.h"
#include "gateway/grpc/infer_reader.h"
#include "gateway/grpc/infer_writer.h"
#include "gateway/part_stream.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/shared_tensor.h"

namespace slipway::gateway::grpc {
namespace {

using Clock = Exchange::Clock;

// Begins the exchange that the message of the call asks for, read into it.
Result<void> Read(const Environment& environment, const net::GrpcCall& call, InferReader& reader,
                  Clock::time_point arrived, std::unique_ptr<Exchange>& out) {
  if (RequestRecord* const record = RecordOf(call)) record->bytes_in += call.message().size();
  TRY_VOID(reader.Open(call.message()));
  const v2::ModelName name = NameOf(reader.model(), reader.version());
  TRY(service, FindAllowed(environment, call, name));
  CoreSlot& core = environment.v2.slots.current();
  TRY(permit, Admit(core, *service, call.Metadata("authorization")));
  CallFacts facts(call, reader);
  TRY(choice, v2::ChooseRevision(core, *service, name.version, facts));
  TRY_VOID(v2::CheckTakesTensors(*choice.revision));
  out = std::make_unique<Exchange>(std::move(choice), core, arrived);
  out->Observe(RecordOf(call));
  out->Keep(std::move(permit));
  Result<void> read = reader.Read(out->face(), out->request());
  if (read.has_value()) {
    read = v2::TakeSharedInputs(environment.v2.shared_memory, out->face(), out->request());
  }
  if (read.has_error()) {
    out->CountRefusal();
    return read;
  }
  if (call.deadline() != Clock::time_point::max()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(call.deadline() - arrived);
    out->request().time_left = std::max(left, std::chrono::microseconds(0));
  }
  out->Parsed();
  return {};
}

InferMessage MessageOf(Exchange& exchange, std::string_view model) {
  return {.model = model,
          .version = exchange.revision().version(),
          .signature = exchange.revision().model().signature(),
          .request = exchange.request(),
          .outputs = exchange.outputs()};
}

// What the run said, written by `write`; counted.
template <class Write>
Result<void> Answer(const net::GrpcCall& call, Exchange& exchange, const Result<void>& ran,
                    Write write) {
  if (ran.has_error()) {
    exchange.CountFailure(ran.error());
    // Which of the client's two limits it was: the parameter, or the call's deadline.
    const bool is_deadline =
        ran.error().reason() == "REQUEST_TIMEOUT" && call.deadline() <= Clock::now();
    if (is_deadline) return Error(Code::kDeadlineExceeded, "DEADLINE", "Deadline Exceeded");
    return ran;
  }
  Result<void> written =
      v2::GiveSharedOutputs(exchange.face(), exchange.request(), exchange.outputs());
  if (written.has_value()) written = write();
  if (written.has_error()) {
    exchange.CountRefusal();
    return written;
  }
  exchange.CountSuccess();
  return {};
}

void EndInfer(net::GrpcCall& call, Exchange& exchange, std::string_view model,
              const Result<void>& ran) {
  End(call, Answer(call, exchange, ran,
                   [&] { return WriteInferResponse(MessageOf(exchange, model), call.answer()); }));
}

// `model` is in the call's message, which stays until the call ends.
Task<void> RunLater(net::GrpcCall& call, std::unique_ptr<Exchange> exchange,
                    std::string_view model) {
  const Result<void> ran = co_await exchange->RunInTime();
  EndInfer(call, *exchange, model, ran);
}

// Who may come back later is told when.
void Refuse(net::GrpcCall& call, const Error& error) {
  const std::string_view wait = error.detail("retry_after_s");
  if (!wait.empty()) call.AddMetadata("retry-after", std::string(wait));
  call.Fail(error);
}

void ModelInfer(const Environment& environment, net::GrpcCall& call) {
  InferReader& reader = environment.v2.slots.current().infer_reader;
  std::unique_ptr<Exchange> exchange;
  const Result<void> read = Read(environment, call, reader, call.arrived(), exchange);
  if (read.has_error()) return Refuse(call, read.error());
  const std::optional<Result<void>> ran = exchange->TryInline();
  if (ran) return EndInfer(call, *exchange, reader.model(), *ran);
  call.Start(RunLater(call, std::move(exchange), reader.model()));
}

// One request of a stream: its answer, or the error in its place.
struct StreamTurn {
  Environment& environment;
  net::GrpcCall& call;
  InferReader reader = {};
  bool is_sent = false;  // an answer of this turn

  Task<Result<void>> Run() {
    std::unique_ptr<Exchange> exchange;
    CO_TRY_VOID(Read(environment, call, reader, Clock::now(), exchange));
    if (exchange->revision().model().model().decoupled()) co_return co_await RunParts(*exchange);
    std::optional<Result<void>> ran = exchange->TryInline();
    if (!ran) ran = co_await exchange->RunInTime();
    co_return Answer(call, *exchange, *ran, [&] {
      InferMessage message = MessageOf(*exchange, reader.model());
      // Each request has one answer, which is the last.
      if (reader.wants_final()) message.is_last = true;
      return WriteStreamResponse(message, call.answer());
    });
  }

  // Any number of answers, which are sent as they come.
  Task<Result<void>> RunParts(Exchange& exchange) {
    const WritePart write = [this, &exchange](bool last) -> Result<std::string> {
      InferMessage message = MessageOf(exchange, reader.model());
      if (reader.wants_final()) message.is_last = last;
      std::string part;
      TRY_VOID(v2::GiveSharedOutputs(exchange.face(), exchange.request(), exchange.outputs()));
      TRY_VOID(WriteStreamResponse(message, part));
      return part;
    };
    const Result<void> ran = co_await RunInParts(
        exchange, write, [this](std::string part) { return SendPart(std::move(part)); });
    co_return Answer(call, exchange, ran, [] { return Result<void>(); });
  }

  Task<bool> SendPart(std::string part) {
    is_sent = true;
    call.answer() += part;
    co_return co_await call.Write();
  }
};

// Answers come in the order of the requests.
Task<void> ModelStreamInfer(Environment& environment, net::GrpcCall& call) {
  const bool ends_at_error = call.Metadata("triton_grpc_error") == "true";
  StreamTurn turn{.environment = environment, .call = call};
  while (co_await call.Read()) {
    const size_t begin = call.answer().size();
    turn.is_sent = false;
    const Result<void> ran = co_await turn.Run();
    if (ran.has_error()) {
      if (ends_at_error || call.is_cancelled()) co_return call.Fail(ran.error());
      if (!turn.is_sent) call.answer().resize(begin);
      WriteStreamError(v2::Utf8Of(ran.error().message()), v2::Utf8Of(turn.reader.id()),
                       call.answer());
    }
    call.DropMessage();
    const bool is_complete = turn.is_sent && ran.has_value();
    if (!is_complete && !co_await call.Write()) break;
  }
  call.Finish();
}

}  // namespace

void AddInferMethods(Environment& environment, net::GrpcService& service) {
  service.Add({.path = InferencePath("ModelInfer"),
               .unary = [&environment](net::GrpcCall& call) { ModelInfer(environment, call); },
               .stream = nullptr});
  service.Add({.path = InferencePath("ModelStreamInfer"),
               .unary = nullptr,
               .stream = [&environment](net::GrpcCall& call) {
                 return ModelStreamInfer(environment, call);
               }});
}

}  // namespace slipway::gateway::grpc
