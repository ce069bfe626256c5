// The request path of inference. Between reading the body and the run it never suspends, and a
// cheap model never leaves the core.
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "async/completion.h"
#include "async/deadline.h"
#include "base/log.h"
#include "engine/limits.h"
#include "gateway/invocation.h"
#include "gateway/limits.h"
#include "gateway/v2/endpoints.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"

namespace slipway::gateway::v2 {
namespace {

using Clock = std::chrono::steady_clock;
using net::HttpRequest;
using net::HttpResponse;

uint64_t Ns(Clock::duration duration) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

// What can be refused before the body is read.
std::optional<Error> Refuse(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (net::EqualsIgnoringCase(name, "Inference-Header-Content-Length")) {
      return Unimplemented("BINARY_UNSUPPORTED",
                           "this server does not take binary tensor data: send all of the request "
                           "as JSON (with tritonclient: binary_data=False)");
    }
    if (net::EqualsIgnoringCase(name, "Content-Encoding") && value != "identity") {
      return Unimplemented("ENCODING_UNSUPPORTED", "this server does not take Content-Encoding '" +
                                                       std::string(value) +
                                                       "': send the body as it is");
    }
  }
  return std::nullopt;
}

// One request from its choice of a revision to its answer: counted in, with memory on loan.
class Exchange {
 public:
  Exchange(RevisionRuntime& revision, Lane& lane, Clock::time_point arrived)
      : revision_(revision), lane_(lane), in_flight_(lane), arrived_(arrived) {
    if (lane_.spare.empty()) {
      invocation_ = std::make_shared<Invocation>();
    } else {
      invocation_ = std::move(lane_.spare.back());
      lane_.spare.pop_back();
    }
  }
  ~Exchange() {
    invocation_->Recycle();
    if (lane_.spare.size() < kKeepInvocations) lane_.spare.push_back(std::move(invocation_));
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const std::shared_ptr<Invocation>& invocation() const { return invocation_; }
  RevisionRuntime& revision() const { return revision_; }
  Clock::time_point arrived() const { return arrived_; }

  Result<void> Parse(CoreSlot& core, std::string_view body) {
    const ModelFace face{.name = revision_.service(), .signature = revision_.model().signature()};
    Result<void> parsed = core.parser.Parse(body, face, invocation_->request);
    parsed_ = Clock::now();
    return parsed;
  }

  // Runs here and now if that is cheap enough; nothing if it is not, or has not been.
  std::optional<Result<void>> TryInline(CoreSlot& core) {
    engine::LoadedModel& model = revision_.model();
    const uint64_t elements = engine::InputElements(invocation_->request.inputs);
    const auto cost = model.cost().Predict(elements);
    if (!cost || *cost >= engine::kInlineCost || !core.budget.Allows(*cost) || !model.trusted() ||
        !model.model().completes_in_call()) {
      return std::nullopt;
    }
    if (!lane_.session) {
      Result<engine::SessionLease> lease = model.Borrow();
      if (lease.has_error()) return lease.error();
      lane_.session.emplace(*std::move(lease));
    }
    started_ = parsed_;
    core.inline_run.Begin(**lane_.session);
    Result<void> result = invocation_->RunInline(**lane_.session);
    const bool interrupted = core.inline_run.End();
    ended_ = Clock::now();
    core.budget.Spend(ended_ - started_);
    if (interrupted) {
      model.Distrust();
      LogWarning("a run held a core for long, the model runs on engine threads from now on",
                 {{"service", revision_.project() + "/" + revision_.service()},
                  {"revision", revision_.version()}});
      if (result.has_error()) return std::nullopt;
    }
    // What all cores share is written now and then only.
    constexpr uint64_t kObserveEvery = 16;
    if (lane_.counters.executions.Value() % kObserveEvery == 0 && result.has_value()) {
      model.cost().Observe(elements, ended_ - started_);
    }
    return result;
  }

  void RanOnThread() {
    started_ = invocation_->started();
    ended_ = invocation_->ended();
  }

  HttpResponse Answer(const Environment& environment) {
    std::string body;
    body.reserve(512);
    const Result<void> written =
        WriteAnswer({.id = invocation_->request.id,
                     .model = revision_.service(),
                     .version = revision_.version(),
                     .signature = revision_.model().signature(),
                     .wanted = invocation_->request.wanted,
                     .outputs = std::span(std::as_const(invocation_->outputs))
                                    .first(invocation_->request.wanted.size()),
                     .non_finite = environment.non_finite},
                    body);
    if (written.has_error()) return Fail(written.error(), Failure::kOther);
    CountSuccess();
    return HttpResponse::Json(200, std::move(body));
  }

  HttpResponse Fail(const Error& error, Failure failure) {
    lane_.counters.failure[static_cast<size_t>(failure)].Add(1);
    if (failure == Failure::kBackend) LogFailure(error);
    return ErrorResponse(error);
  }

 private:
  void CountSuccess() {
    const Clock::time_point now = Clock::now();
    RequestCounters& counters = lane_.counters;
    counters.success.Add(1);
    counters.inferences.Add(1);
    counters.executions.Add(1);
    counters.request_ns.Add(Ns(now - arrived_));
    counters.compute_input_ns.Add(Ns(parsed_ - arrived_));
    counters.queue_ns.Add(Ns(started_ - parsed_));
    counters.compute_infer_ns.Add(Ns(ended_ - started_));
    counters.compute_output_ns.Add(Ns(now - ended_));
    counters.latency[HistogramBucket(Ns(now - arrived_))].Add(1);
  }

  void LogFailure(const Error& error) {
    const Clock::time_point now = Clock::now();
    if (now - lane_.failure_logged < kFailureLogPause) return;
    lane_.failure_logged = now;
    LogError("a run failed", {{"service", revision_.project() + "/" + revision_.service()},
                              {"revision", revision_.version()},
                              {"error", error}});
  }

  RevisionRuntime& revision_;
  Lane& lane_;
  const InFlight in_flight_;
  const Clock::time_point arrived_;
  Clock::time_point parsed_;
  Clock::time_point started_;
  Clock::time_point ended_;
  std::shared_ptr<Invocation> invocation_;
};

// Hands the run to the engine threads and waits. A cancellation (the client left, the time is over)
// ends the run early, and is still waited for: until then the memory is in use.
Task<Result<void>> RunOnThreads(std::shared_ptr<Invocation> invocation, RevisionRuntime& revision,
                                Clock::time_point deadline) {
  bool accepted = true;
  co_await AwaitDone(
      [&](std::function<void()> done) {
        accepted = Invocation::Submit(invocation, revision, deadline, done);
        if (!accepted) done();
      },
      [&invocation] { invocation->Cancel(); });
  if (!accepted) co_return Unavailable("QUEUE_FULL", "Exceeds maximum queue size");
  co_return invocation->result();
}

// What a client is told whose request took all the time that the service allows.
Error RunTimeout(std::chrono::milliseconds limit) {
  const int64_t ms = limit.count();
  const std::string words =
      ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
  return Error(Code::kDeadlineExceeded, "RUN_TIMEOUT",
               "the request was ended, for it took longer than the " + words +
                   " that this service allows: send less at once, or have spec.timeout of the "
                   "service (--request-timeout of a stand-alone serve) raised");
}

Task<Result<void>> RunInTime(const Exchange& exchange) {
  const std::chrono::milliseconds limit = exchange.revision().request_timeout();
  const auto asked = exchange.invocation()->request.timeout;
  const bool is_clients = asked.has_value() && *asked < limit;
  const Clock::time_point deadline =
      exchange.arrived() + (is_clients ? Clock::duration(*asked) : Clock::duration(limit));
  Result<void> result = co_await WithDeadline(
      deadline, RunOnThreads(exchange.invocation(), exchange.revision(), deadline));
  if (result.has_error() && result.error().code() == Code::kDeadlineExceeded) {
    if (!is_clients) co_return RunTimeout(limit);
    co_return Error(Code::kDeadlineExceeded, "REQUEST_TIMEOUT", "Request timeout expired");
  }
  co_return result;
}

Failure KindOf(const Error& error) {
  if (error.reason() == "RUN_TIMEOUT") return Failure::kBackend;
  if (error.reason() == "QUEUE_FULL" || error.code() == Code::kDeadlineExceeded) {
    return Failure::kRejected;
  }
  return error.code() == Code::kCancelled ? Failure::kCanceled : Failure::kBackend;
}

}  // namespace

Task<HttpResponse> Infer(Environment& environment, HttpRequest& request) {
  const Clock::time_point arrived = Clock::now();
  if (const std::optional<Error> refusal = Refuse(request)) co_return ErrorResponse(*refusal);
  HeldBody held;
  std::string_view body;
  if (const auto buffered = request.body->TakeBuffered()) {
    body = *buffered;
  } else {
    const Result<void> read =
        co_await held.Read(*request.body, kMaxInferBodyBytes, environment.bodies);
    if (read.has_error()) co_return ErrorResponse(read.error());
    body = held.text();
  }
  CoreSlot& core = environment.slots.current();
  const Result<RevisionRuntime*> found = FindRevision(core, request);
  if (found.has_error()) co_return ErrorResponse(found.error());
  Exchange exchange(**found, (*found)->lane(core.number), arrived);
  const Result<void> parsed = exchange.Parse(core, body);
  if (parsed.has_error()) co_return exchange.Fail(parsed.error(), Failure::kOther);
  std::optional<Result<void>> result = exchange.TryInline(core);
  if (!result) {
    held.Drop();  // all of it is in the tensors
    result = co_await RunInTime(exchange);
    exchange.RanOnThread();
  }
  if (result->has_error()) co_return exchange.Fail(result->error(), KindOf(result->error()));
  co_return exchange.Answer(environment);
}

}  // namespace slipway::gateway::v2
