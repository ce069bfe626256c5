#include "gateway/telemetry/telemetry.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <utility>
#include <variant>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/random.h"
#include "gateway/key_guard.h"
#include "net/transport.h"

namespace slipway::gateway {
namespace {

constexpr std::string_view kTraceResponse = "traceresponse";
constexpr size_t kMaxPolicies = 4'096;  // that a core remembers

void Keep(std::string_view text, std::string& out) {
  out = text.substr(0, kMaxRecordedPathBytes);
}

// Counts what is written.
class CountingWriter final : public net::StreamWriter {
 public:
  CountingWriter(net::StreamWriter& writer, uint64_t& bytes) : writer_(writer), bytes_(bytes) {}

  Task<Result<void>> Write(std::string_view bytes) override {
    bytes_ += bytes.size();
    return writer_.Write(bytes);
  }
  void Abort() override { writer_.Abort(); }

 private:
  net::StreamWriter& writer_;
  uint64_t& bytes_;
};

// `written` and `body` live in the response, which outlives this.
Task<void> WriteCounted(const net::StreamBody* body, net::StreamWriter* writer, uint64_t* bytes) {
  CountingWriter counting(*writer, *bytes);
  co_await (*body)(counting);
}

std::string_view StateOf(std::optional<std::string_view> header) {
  const std::string_view state = header.value_or("");
  return state.size() <= kMaxTraceStateBytes ? state : std::string_view();
}

}  // namespace

int64_t UnixNanoseconds() {
  std::timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Over when nobody has it any more: the last is the answer's body.
struct Telemetry::OpenRecord {
  explicit OpenRecord(Telemetry& owner) : telemetry(owner) {}
  ~OpenRecord() { telemetry.End(record); }
  OpenRecord(const OpenRecord&) = delete;
  OpenRecord& operator=(const OpenRecord&) = delete;

  Telemetry& telemetry;
  RequestRecord record;
};

Result<std::unique_ptr<Telemetry>> Telemetry::Open(TelemetryOptions options, CorePool& cores) {
  const AccessLogOptions log = options.access_log;
  std::unique_ptr<Telemetry> telemetry(new Telemetry(std::move(options), cores));
  if (!log.file.empty()) {
    TRY(opened, AccessLog::Open(log, cores.size()));
    telemetry->access_log_ = std::move(opened);
  }
  return telemetry;
}

Telemetry::Telemetry(TelemetryOptions options, CorePool& cores)
    : cores_(cores),
      states_(cores.size()),
      trace_settings_(options.traces ? std::optional(options.traces->ratio) : std::nullopt) {
  for (Core& core : states_) core.random = {SystemRandom().Next() | 1, SystemRandom().Next()};
  if (options.traces) {
    traces_ = std::make_unique<OtlpExporter>(*std::move(options.traces), cores.size());
  }
}

Telemetry::~Telemetry() = default;

// xorshift128+
uint64_t Telemetry::NextRandom(size_t core) {
  auto& [a, b] = states_[core].random;
  uint64_t x = a;
  const uint64_t y = b;
  a = y;
  x ^= x << 23;
  b = x ^ y ^ (x >> 17) ^ (y >> 26);
  return b + y;
}

SpanId Telemetry::NewSpan(size_t core) {
  const uint64_t number = NextRandom(core) | 1;  // all zeros are no id
  SpanId id;
  std::memcpy(id.data(), &number, id.size());
  return id;
}

void Telemetry::Begin(std::optional<std::string_view> traceparent, std::string_view tracestate,
                      RequestRecord& record) {
  record.telemetry = this;
  record.core = cores_.current();
  record.arrived_unix_ns = UnixNanoseconds();
  const auto parent = traceparent ? ParseTraceparent(*traceparent) : std::nullopt;
  if (parent) {
    record.trace = *parent;
    record.parent = parent->span_id;
    record.trace_state = tracestate;
  } else {
    for (size_t at = 0; at < record.trace.trace_id.size(); at += sizeof(uint64_t)) {
      const uint64_t number = NextRandom(record.core) | 1;
      std::memcpy(record.trace.trace_id.data() + at, &number, sizeof(number));
    }
  }
  record.trace.span_id = NewSpan(record.core);
}

void Telemetry::BeginHttp(const net::HttpRequest& request, RequestRecord& record) {
  record.arrived = RequestRecord::Clock::now();
  Begin(request.Header("traceparent"), StateOf(request.Header("tracestate")), record);
  Keep(request.method_text, record.method);
  Keep(request.path, record.path);
  record.peer = request.peer;
  record.request_id = request.context.request_id;
  const std::string& subject = request.context.identity.subject;
  if (subject.starts_with(net::kCertificateSubject)) {
    Keep(std::string_view(subject).substr(net::kCertificateSubject.size()), record.identity);
  }
  record.bytes_in = request.body->length().value_or(0);
}

Task<net::HttpResponse> Telemetry::Handle(const net::Router& router, net::HttpRequest& request) {
  const auto open = std::make_shared<OpenRecord>(*this);
  RequestRecord& record = open->record;
  BeginHttp(request, record);
  request.guard_data = &record;
  // What the connection answers where the handler throws.
  constexpr int kThrown = 500;
  const asio::cancellation_state cancelled = co_await asio::this_coro::cancellation_state;
  const auto has_left = [&] { return cancelled.cancelled() != asio::cancellation_type::none; };
  net::HttpResponse response;
  try {
    response = co_await router.Handle(request);
  } catch (...) {
    record.status = has_left() ? 0 : kThrown;
    throw;
  }
  record.status = has_left() ? 0 : response.status;
  if (Decide(record)) {
    response.headers.emplace_back(kTraceResponse, FormatTraceparent(record.trace));
  }
  if (const auto* text = std::get_if<std::string>(&response.body)) {
    if (request.method != net::Method::kHead) record.bytes_out = text->size();
  } else if (auto* stream = std::get_if<net::StreamBody>(&response.body)) {
    response.body = net::StreamBody([open, body = std::move(*stream)](net::StreamWriter& writer) {
      return WriteCounted(&body, &writer, &open->record.bytes_out);
    });
  }
  co_return response;
}

void Telemetry::OnBegin(net::GrpcCall& call) {
  auto record = std::make_shared<RequestRecord>();
  record->arrived = call.arrived();
  record->is_grpc = true;
  Begin(call.Metadata("traceparent"), StateOf(call.Metadata("tracestate")), *record);
  const std::string_view path = call.path();
  Keep(path.substr(0, path.find('?')), record->path);
  record->peer = call.peer();
  Keep(call.peer_identity(), record->identity);
  call.notes = std::move(record);
}

void Telemetry::OnEnd(net::GrpcCall& call, int status) {
  RequestRecord& record = *RecordOf(call);
  record.grpc_status = status;
  record.bytes_out = call.answer_bytes();
  if (Decide(record) && !call.head_sent()) {
    call.AddMetadata(std::string(kTraceResponse), FormatTraceparent(record.trace));
  }
  End(record);
}

void Telemetry::End(RequestRecord& record) {
  record.finished = RequestRecord::Clock::now();
  if (access_log_ != nullptr) access_log_->Write(record, NextRandom(record.core));
  if (!Decide(record)) return;
  thread_local std::string spans;
  spans.clear();
  const SpanId queue = NewSpan(record.core);
  const SpanId compute = NewSpan(record.core);
  for (RequestRecord::Step& step : record.steps) step.id = NewSpan(record.core);
  const uint64_t count = WriteSpans(record, queue, compute, spans);
  traces_->Give(record.core, spans, count);
}

const TracePolicy& Telemetry::PolicyOf(size_t core, const std::string& service) {
  Core& state = states_[core];
  const uint64_t version = trace_settings_.version();
  if (state.settings_version != version) {
    state.policies.clear();
    state.settings_version = version;
  }
  const auto known = state.policies.find(service);
  if (known != state.policies.end()) return known->second;
  if (state.policies.size() >= kMaxPolicies) state.policies.clear();
  // As V2 names models.
  const std::string prefix = std::string(kDefaultProject) + "/";
  const std::string model = service.starts_with(prefix) ? service.substr(prefix.size()) : service;
  return state.policies.emplace(service, trace_settings_.PolicyOf(model)).first->second;
}

bool Telemetry::Decide(RequestRecord& record) {
  if (traces_ == nullptr) return false;
  if (record.decided) return record.trace.sampled;
  const bool parent_wants = record.parent && record.trace.sampled;
  // Nobody wants to see the probes of a load balancer.
  if (record.service.empty() && !parent_wants) return record.trace.sampled = false;
  record.decided = true;
  const TracePolicy& policy = PolicyOf(record.core, record.service);
  if (!policy.is_on) return record.trace.sampled = false;
  if (record.parent && traces_->settings().follows_parent) return record.trace.sampled;
  // As TraceIdRatioBased: every program with this ratio decides alike.
  uint64_t number = 0;
  for (size_t i = 8; i < record.trace.trace_id.size(); ++i) {
    number = number << 8 | record.trace.trace_id[i];
  }
  const double place = std::ldexp(static_cast<double>(number >> 1), -63);
  record.trace.sampled = place < policy.ratio && policy.TakeOne();
  return record.trace.sampled;
}

void Telemetry::Give(size_t core, const ShadowSpan& shadow) {
  std::string spans;
  WriteShadowSpan(shadow, spans);
  traces_->Give(core, spans, 1);
}

void Telemetry::ReopenLog() {
  if (access_log_ != nullptr) access_log_->Reopen();
}

}  // namespace slipway::gateway
