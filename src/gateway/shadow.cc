#include "gateway/shadow.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <utility>

#include "async/deadline.h"
#include "base/log.h"
#include "gateway/exchange.h"
#include "gateway/limits.h"
#include "gateway/shadow_compare.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway {
namespace {

// Elements that are compared before the core's other requests have their turn.
constexpr size_t kCompareStep = 64 << 10;

struct NamedTensor {
  std::string name;
  tensor::Tensor tensor;
};

size_t BytesOf(const tensor::Tensor& tensor) {
  size_t bytes = tensor.size_bytes();
  for (const std::string_view text : tensor.strings())
    bytes += text.size() + sizeof(std::string_view);
  return bytes;
}

Error Unlike(std::string what) {
  return FailedPrecondition("SHADOW_UNLIKE", std::move(what));
}

// What came of a run: an error when there is no answer to compare.
struct Verdict {
  Comparison comparison;
  std::string difference;  // a sentence; empty: the answers are the same
};

tensor::Tensor* Find(std::vector<NamedTensor>& tensors, std::string_view name) {
  for (NamedTensor& one : tensors) {
    if (one.name == name) return &one.tensor;
  }
  return nullptr;
}

const tensor::Tensor* FindOutput(const Exchange& exchange, v2::InferRequest& request,
                                 std::string_view name) {
  const tensor::Signature& signature = exchange.face().signature;
  for (size_t i = 0; i < request.wanted.size(); ++i) {
    if (signature.outputs[request.wanted[i]].name == name) return &exchange.outputs()[i];
  }
  return nullptr;
}

// The request as the shadow's model takes it. Outputs that it does not have are a difference.
Result<void> Translate(std::vector<NamedTensor>& inputs, const std::vector<NamedTensor>& outputs,
                       const v2::ModelFace& face, v2::InferRequest& out, Verdict& verdict) {
  out.Clear(face.signature);
  for (size_t i = 0; i < face.signature.inputs.size(); ++i) {
    const tensor::TensorSpec& spec = face.signature.inputs[i];
    tensor::Tensor* const found = Find(inputs, spec.name);
    if (found == nullptr) return Unlike("its input " + spec.name + " is not in the request");
    if (found->type() != spec.type) {
      return Unlike("its input " + spec.name + " has another type");
    }
    TRY_VOID(v2::CheckShape(face, i, found->shape()));
    out.inputs[i] = std::move(*found);
  }
  for (const NamedTensor& output : outputs) {
    if (v2::WantOutput(face, output.name, {.binary = true}, out).has_value()) continue;
    verdict.difference = "it has no output " + output.name;
  }
  if (out.wanted.empty()) return Unlike("it has none of the outputs of the answer");
  return {};
}

Task<void> Compare(const NamedTensor& answered, const tensor::Tensor& shadow,
                   routing::Tolerance tolerance, Verdict& verdict) {
  const tensor::Tensor& wanted = answered.tensor;
  if (wanted.type() != shadow.type() || !(wanted.shape() == shadow.shape())) {
    verdict.difference = "output " + answered.name + " is " +
                         std::string(DataTypeName(shadow.type())) + shadow.shape().ToString() +
                         ", not " + std::string(DataTypeName(wanted.type())) +
                         wanted.shape().ToString();
    co_return;
  }
  Comparison comparison;
  for (size_t at = 0; at < wanted.element_count(); at += kCompareStep) {
    if (at > 0) co_await SleepFor(std::chrono::milliseconds(0));
    const size_t end = std::min<size_t>(at + kCompareStep, wanted.element_count());
    CompareElements(wanted, shadow, at, end, tolerance, comparison);
  }
  verdict.comparison.greatest = std::max(verdict.comparison.greatest, comparison.greatest);
  if (comparison.differs) {
    verdict.difference = "output " + answered.name + " differs from element " +
                         std::to_string(comparison.first) + " on";
  }
}

void Log(std::string_view message, Lane& lane, const RevisionRuntime& shadow,
         const std::string& answered, std::string_view why) {
  const auto now = std::chrono::steady_clock::now();
  if (now - lane.shadow_logged < kShadowLogPause) return;
  lane.shadow_logged = now;
  LogWarning(message, {{"service", shadow.project() + "/" + shadow.service()},
                       {"revision", answered},
                       {"shadow", shadow.version()},
                       {"why", why}});
}

}  // namespace

// Owns all that the run needs. Its parts are in the order in which they may not go: the lease on
// the revision last.
struct Shadows::Job {
  std::unique_ptr<ShadowTicket> ticket;
  CoreSlot& core;
  std::string answered;  // the version that answered
  std::vector<NamedTensor> inputs;
  std::vector<NamedTensor> outputs;
  size_t bytes = 0;
  Telemetry* telemetry = nullptr;  // where the request's trace is kept
  ShadowSpan span = {};

  Result<void> Take(Exchange& exchange);
  Task<Result<Verdict>> Run();
  void BeginSpan(const RequestRecord& record);
  void EndSpan(const Result<Verdict>& verdict);
};

// What lies in the request's body or in the engine is copied: both go before the run is over.
Result<void> Shadows::Job::Take(Exchange& exchange) {
  const tensor::Signature& signature = exchange.face().signature;
  v2::InferRequest& request = exchange.request();
  for (size_t i = 0; i < signature.inputs.size(); ++i) {
    TRY_VOID(request.inputs[i].Own());
    inputs.push_back({signature.inputs[i].name, std::move(request.inputs[i])});
  }
  std::span<tensor::Tensor> answers = exchange.MutableOutputs();
  for (size_t i = 0; i < answers.size(); ++i) {
    TRY_VOID(answers[i].Own());
    outputs.push_back({signature.outputs[request.wanted[i]].name, std::move(answers[i])});
  }
  return {};
}

Task<Result<Verdict>> Shadows::Job::Run() {
  Exchange exchange(ticket->revision, core, Exchange::Clock::now());
  Verdict verdict;
  CO_TRY_VOID(Translate(inputs, outputs, exchange.face(), exchange.request(), verdict));
  exchange.Parsed();
  CO_TRY_VOID(co_await exchange.RunInTime());
  for (const NamedTensor& output : outputs) {
    const tensor::Tensor* const found = FindOutput(exchange, exchange.request(), output.name);
    if (found != nullptr) co_await Compare(output, *found, ticket->compare, verdict);
  }
  co_return verdict;
}

void Shadows::Job::BeginSpan(const RequestRecord& record) {
  telemetry = record.telemetry;
  span = {.parent = record.trace,
          .id = telemetry->NewSpan(core.number),
          .begin_unix_ns = UnixNanoseconds(),
          .end_unix_ns = 0,
          .service = record.service,
          .revision = ticket->revision.version(),
          .error = {}};
}

void Shadows::Job::EndSpan(const Result<Verdict>& verdict) {
  if (telemetry == nullptr) return;
  span.end_unix_ns = UnixNanoseconds();
  if (verdict.has_error()) span.error = verdict.error().message();
  telemetry->Give(core.number, span);
}

Shadows::Shadows(CorePool& cores)
    : cores_(cores), rooms_(cores.size()), group_(cores.executor(0)) {}

void Shadows::Start(std::unique_ptr<ShadowTicket> ticket, Exchange& answered) {
  CoreSlot& core = answered.core();
  Room& room = rooms_[core.number];
  Lane& lane = ticket->revision.lane(core.number);
  lane.shadow.requests.Add(1);
  size_t bytes = 0;
  for (const tensor::Tensor& input : answered.request().inputs) bytes += BytesOf(input);
  for (const tensor::Tensor& output : answered.outputs()) bytes += BytesOf(output);
  // A copy does not wait in the line of those that ask the shadow's revision themselves.
  const bool is_busy = ticket->revision.batcher().waiting() > 0;
  const bool has_room = !is_busy && room.runs < kMaxShadowRuns && bytes <= kMaxShadowRunBytes &&
                        room.bytes + bytes <= kMaxShadowBytes;
  auto job = std::make_shared<Job>(Job{.ticket = std::move(ticket),
                                       .core = core,
                                       .answered = answered.revision().version(),
                                       .inputs = {},
                                       .outputs = {},
                                       .bytes = bytes});
  RequestRecord* const record = answered.record();
  if (record != nullptr && record->telemetry->Decide(*record)) [[unlikely]] {
    job->BeginSpan(*record);
  }
  if (!has_room || job->Take(answered).has_error()) {
    lane.shadow.dropped.Add(1);
    return;
  }
  ++room.runs;
  room.bytes += bytes;
  group_.StartOn(cores_.executor(core.number), [this, job] { return Run(job); });
}

Task<void> Shadows::Run(std::shared_ptr<Job> job) {
  Lane& lane = job->ticket->revision.lane(job->core.number);
  const RevisionRuntime& shadow = job->ticket->revision;
  const Result<Verdict> verdict = co_await job->Run();
  job->EndSpan(verdict);
  if (verdict.has_error()) {
    lane.shadow.errors.Add(1);
    Log("a shadow did not answer", lane, shadow, job->answered, verdict.error().message());
  } else {
    lane.shadow.Raise(verdict->comparison.greatest);
    if (!verdict->difference.empty()) {
      lane.shadow.mismatches.Add(1);
      Log("a shadow answered otherwise", lane, shadow, job->answered, verdict->difference);
    }
  }
  Room& room = rooms_[job->core.number];
  --room.runs;
  room.bytes -= job->bytes;
}

Task<void> Shadows::Stop() {
  co_await group_.Stop();
}

void WriteShadowMetrics(const RevisionRuntime& revision, MetricSink& sink) {
  uint64_t requests = 0;
  uint64_t mismatches = 0;
  uint64_t errors = 0;
  uint64_t dropped = 0;
  double greatest = 0;
  for (const Lane& lane : revision.lanes()) {
    requests += lane.shadow.requests.Value();
    mismatches += lane.shadow.mismatches.Value();
    errors += lane.shadow.errors.Value();
    dropped += lane.shadow.dropped.Value();
    greatest = std::max(greatest, lane.shadow.greatest.load(std::memory_order_relaxed));
  }
  if (requests == 0) return;
  const MetricLabels labels = {{"model", revision.service()},
                               {"namespace", revision.project()},
                               {"version", revision.version()}};
  sink.Counter("slipway_shadow_requests_total", "Requests that were to be copied to the shadow.",
               labels, requests);
  sink.Counter("slipway_shadow_mismatches_total", "Answers of the shadow that were others.", labels,
               mismatches);
  sink.Counter("slipway_shadow_errors_total", "Copies that the shadow did not answer.", labels,
               errors);
  sink.Counter("slipway_shadow_dropped_total", "Copies for which there was no room.", labels,
               dropped);
  sink.Gauge("slipway_shadow_max_difference",
             "The greatest difference between two numbers of two answers.", labels, greatest);
}

}  // namespace slipway::gateway
