// The request path of inference over REST. Between reading the body and the run it never suspends,
// and a cheap model never leaves the core.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "async/deadline.h"
#include "gateway/call_limiter.h"
#include "gateway/exchange.h"
#include "gateway/limits.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/endpoints.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"
#include "gateway/v2/shared_tensor.h"
#include "net/content_coding.h"

namespace slipway::gateway::v2 {
namespace {

using net::ContentCoding;
using net::HttpRequest;
using net::HttpResponse;

// Answers below are sent as they are; larger ones are packed so many bytes at a time.
constexpr size_t kMinCodedBytes = 1024;
constexpr size_t kCodingStep = 256 << 10;
constexpr std::string_view kJsonLengthHeader = "Inference-Header-Content-Length";

// What the headers say of the body, and of the answer.
struct BodyForm {
  // Of the JSON at the begin of the body, once unpacked; nothing: all of it is.
  std::optional<uint64_t> json_bytes;
  ContentCoding coding = ContentCoding::kIdentity;
  bool wants_coding = false;
};

Result<uint64_t> ReadJsonLength(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, value);
  if (fault == std::errc() && stopped == end) return value;
  return InvalidArgument("JSON_LENGTH", std::string(kJsonLengthHeader) + " is '" +
                                            std::string(text.substr(0, 64)) +
                                            "': the number of bytes of the JSON is wanted");
}

Result<BodyForm> ReadForm(const HttpRequest& request) {
  BodyForm form;
  for (const auto& [name, value] : request.headers) {
    if (net::EqualsIgnoringCase(name, kJsonLengthHeader)) {
      TRY(bytes, ReadJsonLength(value));
      form.json_bytes = bytes;
    } else if (net::EqualsIgnoringCase(name, "Content-Encoding")) {
      const auto coding = net::ParseContentCoding(value);
      if (!coding) {
        return Unimplemented("ENCODING_UNSUPPORTED",
                             "this server does not take Content-Encoding '" + std::string(value) +
                                 "': gzip, deflate and identity are known");
      }
      form.coding = *coding;
    } else if (net::EqualsIgnoringCase(name, "Accept-Encoding")) {
      form.wants_coding = true;
    }
  }
  return form;
}

// The body in memory, unpacked.
class Body {
 public:
  Task<Result<void>> Read(HttpRequest& request, const BodyForm& form, BodyBudget& budget) {
    const bool packed = form.coding != ContentCoding::kIdentity;
    if (const auto buffered = request.body->TakeBuffered()) {
      text_ = *buffered;
    } else {
      const uint64_t aligned_at = packed ? 0 : form.json_bytes.value_or(0);
      CO_TRY_VOID(co_await held_.Read(*request.body, kMaxInferBodyBytes, budget, aligned_at));
      text_ = held_.text();
    }
    if (!packed) co_return Result<void>();
    CO_TRY_VOID(co_await unpacked_.Unpack(form.coding, text_, kMaxInferBodyBytes, budget,
                                          form.json_bytes.value_or(0)));
    held_.Drop();
    text_ = unpacked_.text();
    co_return Result<void>();
  }

  std::string_view text() const { return text_; }
  void Drop() {
    held_.Drop();
    unpacked_.Drop();
  }

 private:
  HeldBody held_;
  HeldBody unpacked_;
  std::string_view text_;
};

// The JSON of a body as it is announced; empty where there is none.
std::string_view JsonOf(const BodyForm& form, std::string_view body) {
  return body.substr(0, form.json_bytes.value_or(body.size()));
}

Result<void> Parse(CoreSlot& core, const BodyForm& form, std::string_view body,
                   Exchange& exchange) {
  if (!form.json_bytes) return core.parser.Parse(body, "", exchange.face(), exchange.request());
  if (*form.json_bytes == 0) return ReadRawRequest(body, exchange.face(), exchange.request());
  if (*form.json_bytes > body.size()) {
    return InvalidArgument(
        "JSON_LENGTH", std::string(kJsonLengthHeader) + " is " + std::to_string(*form.json_bytes) +
                           ", but the body has only " + std::to_string(body.size()) + " bytes");
  }
  return core.parser.Parse(body.substr(0, *form.json_bytes), body.substr(*form.json_bytes),
                           exchange.face(), exchange.request());
}

HttpResponse Fail(Exchange& exchange, const Error& error) {
  exchange.CountFailure(error);
  return ErrorResponse(error);
}

// About what the outputs take in the answer.
uint64_t AnswerBytes(const Exchange& exchange, const InferRequest& request) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < request.wanted.size(); ++i) {
    const tensor::Tensor& output = exchange.outputs()[i];
    if (request.forms[i].classes > 0 || request.SharedOf(i) != nullptr) continue;  // few
    const bool plain = request.forms[i].binary || output.type() == tensor::DataType::kBytes;
    bytes += plain ? output.size_bytes() : output.element_count() * kTextBytes;
    for (const std::string_view text : output.strings()) bytes += text.size() + sizeof(uint32_t);
  }
  return bytes;
}

// Whether the binary outputs are many numbers: those go to the client from where the engine put
// them. A shadow takes them away before.
bool GoApart(Exchange& exchange) {
  const InferRequest& request = exchange.request();
  uint64_t bytes = 0;
  for (size_t i = 0; i < request.wanted.size(); ++i) {
    if (!request.forms[i].binary) continue;
    const tensor::Tensor& output = exchange.outputs()[i];
    const bool is_as_it_is = request.forms[i].classes == 0 && request.SharedOf(i) == nullptr &&
                             output.type() != tensor::DataType::kBytes;
    if (!is_as_it_is) return false;
    bytes += output.size_bytes();
  }
  return bytes >= kCountedAnswerBytes && !exchange.has_shadow();
}

// With `apart` the body is the JSON alone.
HttpResponse Answer(Exchange& exchange, const Environment& environment, bool apart) {
  constexpr size_t kLeastBytes = 512;
  const InferRequest& request = exchange.request();
  const Result<void> given = GiveSharedOutputs(exchange.face(), request, exchange.outputs());
  if (given.has_error()) {
    exchange.CountRefusal();
    return ErrorResponse(given.error());
  }
  const uint64_t expected = apart ? 0 : AnswerBytes(exchange, request);
  if (const Result<void> held = exchange.HoldAnswer(expected); held.has_error()) {
    return Fail(exchange, held.error());
  }
  std::string body;
  body.reserve(kLeastBytes + expected);
  const Result<size_t> json_bytes =
      WriteAnswer({.id = request.id,
                   .model = exchange.revision().service(),
                   .version = exchange.revision().version(),
                   .signature = exchange.revision().model().signature(),
                   .wanted = request.wanted,
                   .forms = request.forms,
                   .outputs = exchange.outputs(),
                   .shared = request.shared_outputs,
                   .non_finite = environment.non_finite,
                   .json_alone = apart},
                  body);
  if (json_bytes.has_error()) {
    exchange.CountRefusal();
    return ErrorResponse(json_bytes.error());
  }
  exchange.CountSuccess();
  const bool binary = std::any_of(request.forms.begin(), request.forms.end(),
                                  [](const OutputForm& form) { return form.binary; });
  HttpResponse response = HttpResponse::Json(200, std::move(body));
  if (binary) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back(kJsonLengthHeader, std::to_string(*json_bytes));
  }
  return response;
}

// An answer that counts until the client has taken it.
struct HeldAnswer {
  std::string text;
  std::vector<tensor::Tensor> numbers;  // behind the text
  MemoryHold memory;
};

Task<void> WriteHeld(std::shared_ptr<HeldAnswer> answer, net::StreamWriter* writer) {
  // The connection knows of a failure itself.
  if ((co_await writer->Write(answer->text)).has_error()) co_return;
  for (const tensor::Tensor& tensor : answer->numbers) {
    const std::string_view bytes(reinterpret_cast<const char*>(tensor.data()), tensor.size_bytes());
    if ((co_await writer->Write(bytes)).has_error()) co_return;
  }
}

HttpResponse Hold(HttpResponse response, std::vector<tensor::Tensor> numbers, BodyBudget& memory) {
  auto& body = std::get<std::string>(response.body);
  uint64_t bytes = body.size();
  for (const tensor::Tensor& tensor : numbers) bytes += tensor.size_bytes();
  MemoryHold hold(memory);
  if (const Result<void> held = hold.Take(bytes); held.has_error()) {
    return ErrorResponse(held.error());
  }
  response.declared_length = bytes;
  auto answer = std::make_shared<HeldAnswer>(HeldAnswer{
      .text = std::move(body), .numbers = std::move(numbers), .memory = std::move(hold)});
  response.body =
      net::StreamBody([answer](net::StreamWriter& writer) { return WriteHeld(answer, &writer); });
  return response;
}

// Small ones are as they are.
HttpResponse Hold(HttpResponse response, BodyBudget& memory) {
  if (std::get<std::string>(response.body).size() < kCountedAnswerBytes) return response;
  return Hold(std::move(response), {}, memory);
}

// The answer with its binary outputs behind the JSON, which takes them from the exchange.
HttpResponse AnswerApart(Exchange& exchange, const Environment& environment) {
  HttpResponse response = Answer(exchange, environment, true);
  if (response.status != 200) return response;
  std::vector<tensor::Tensor> numbers;
  const std::span<tensor::Tensor> outputs = exchange.MutableOutputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!exchange.request().forms[i].binary) continue;
    // What it shows of the request's memory goes with the request.
    if (const Result<void> own = outputs[i].Own(); own.has_error()) {
      return ErrorResponse(own.error());
    }
    numbers.push_back(std::move(outputs[i]));
  }
  return Hold(std::move(response), std::move(numbers), environment.bodies);
}

// The answer as the client may have it compressed; small ones are not worth it.
Task<HttpResponse> Encode(HttpResponse response, ContentCoding coding) {
  std::string& body = std::get<std::string>(response.body);
  if (coding == ContentCoding::kIdentity || body.size() < kMinCodedBytes) co_return response;
  net::Deflater deflater(coding);
  std::string packed;
  for (size_t at = 0; at < body.size(); at += kCodingStep) {
    const std::string_view piece = std::string_view(body).substr(at, kCodingStep);
    deflater.Write(piece, at + piece.size() == body.size(), packed);
    // Other requests of the core have their turn between the pieces.
    co_await SleepFor(std::chrono::milliseconds(0));
  }
  body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", net::ContentCodingName(coding));
  response.headers.emplace_back("Vary", "Accept-Encoding");
  co_return response;
}

}  // namespace

Task<HttpResponse> Infer(Environment& environment, HttpRequest& request) {
  const Exchange::Clock::time_point arrived = Exchange::Clock::now();
  // Before the body is read, and until the answer is there.
  const Result<CallPermit> permit = Admit(environment.slots.current(), request);
  if (permit.has_error()) co_return ErrorResponse(permit.error());
  const Result<BodyForm> form = ReadForm(request);
  if (form.has_error()) co_return ErrorResponse(form.error());
  Body body;
  const Result<void> read = co_await body.Read(request, *form, environment.bodies);
  if (read.has_error()) co_return ErrorResponse(read.error());
  CoreSlot& core = environment.slots.current();
  Result<Choice> found = ChooseRevision(core, request, JsonOf(*form, body.text()));
  if (found.has_error()) co_return ErrorResponse(found.error());
  const Result<void> fit = CheckTakesTensors(*found->revision);
  if (fit.has_error()) co_return ErrorResponse(fit.error());
  Exchange exchange(*std::move(found), core, arrived);
  exchange.Observe(RecordOf(request));
  const Result<void> parsed = Parse(core, *form, body.text(), exchange);
  const Result<void> complete =
      parsed.has_error()
          ? parsed
          : TakeSharedInputs(environment.shared_memory, exchange.face(), exchange.request());
  if (complete.has_error()) {
    exchange.CountRefusal();
    co_return ErrorResponse(complete.error());
  }
  exchange.Parsed();
  std::optional<Result<void>> result = exchange.TryInline();
  if (!result) {
    if (!form->json_bytes) body.Drop();  // all of it is in the tensors
    result = co_await exchange.RunInTime();
  }
  if (result->has_error()) co_return Fail(exchange, result->error());
  if (!form->wants_coding && GoApart(exchange)) co_return AnswerApart(exchange, environment);
  HttpResponse answer = Answer(exchange, environment, false);
  if (form->wants_coding) {
    const ContentCoding coding = net::AcceptedCoding(request.HeaderList("Accept-Encoding"));
    answer = co_await Encode(std::move(answer), coding);
  }
  co_return Hold(std::move(answer), environment.bodies);
}

}  // namespace slipway::gateway::v2
