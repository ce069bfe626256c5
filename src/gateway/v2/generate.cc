#include "gateway/v2/generate.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/exchange.h"
#include "gateway/limits.h"
#include "gateway/part_stream.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"
#include "gateway/v2/signature_check.h"
#include "net/sse.h"

namespace slipway::gateway::v2 {
namespace {

using net::HttpRequest;
using net::HttpResponse;

uint64_t CountElements(const Json& value) {
  if (!value.is_array()) return 1;
  uint64_t count = 0;
  for (const Json& item : value) count += CountElements(item);
  return count;
}

// The shape for so many elements.
Result<Json> ShapeFor(const tensor::TensorSpec& spec, uint64_t count) {
  std::optional<size_t> open;
  uint64_t fixed = 1;
  Json shape = Json::array();
  for (size_t i = 0; i < spec.shape.rank(); ++i) {
    shape.push_back(spec.shape[i] < 0 ? 1 : spec.shape[i]);
    if (spec.shape[i] < 0) {
      open = i;
    } else {
      fixed *= static_cast<uint64_t>(spec.shape[i]);  // a signature's product fits
    }
  }
  const bool fits = open ? fixed > 0 && count % fixed == 0 : count == fixed;
  if (!fits) {
    return InvalidArgument("INPUT_SHAPE", "input '" + spec.name + "' has " + std::to_string(count) +
                                              " elements, which do not fill its shape " +
                                              spec.shape.ToString());
  }
  if (open) shape[*open] = count / fixed;
  return shape;
}

Result<Json> InputOf(const tensor::TensorSpec& spec, const Json& value) {
  if (value.is_object() || value.is_null()) {
    return MemberFault(spec.name, "the data of an input is a value or a list of such");
  }
  TRY(shape, ShapeFor(spec, CountElements(value)));
  return Json{{"name", spec.name},
              {"shape", std::move(shape)},
              {"datatype", DataTypeName(spec.type)},
              {"data", value.is_array() ? value : Json::array({value})}};
}

// What comes with an answer on its way to the client.
struct Part {
  Exchange& exchange;
  const Environment& environment;

  Result<std::string> operator()(bool) const {
    const InferRequest& request = exchange.request();
    std::string body;
    TRY_VOID(WriteGenerated({.id = request.id,
                             .model = exchange.revision().service(),
                             .version = exchange.revision().version(),
                             .signature = exchange.revision().model().signature(),
                             .wanted = request.wanted,
                             .forms = request.forms,
                             .outputs = exchange.outputs(),
                             .non_finite = environment.non_finite},
                            body));
    return body;
  }
};

Result<void> Parse(CoreSlot& core, std::string_view text, Exchange& exchange) {
  TRY(body, GenerateRequest(text, exchange.face()));
  body.reserve(body.size() + kBodyPadding);
  TRY_VOID(core.parser.Parse(body, "", exchange.face(), exchange.request()));
  exchange.Parsed();
  return {};
}

// The exchange that a request asks for, complete.
Task<Result<std::shared_ptr<Exchange>>> Begin(Environment& environment, HttpRequest& request) {
  const Exchange::Clock::time_point arrived = Exchange::Clock::now();
  CO_TRY(permit, Admit(environment.slots.current(), request));
  HeldBody body;
  CO_TRY_VOID(co_await body.Read(*request.body, kMaxGenerateBytes, environment.bodies, 0));
  CoreSlot& core = environment.slots.current();
  CO_TRY(revision, FindRevision(core, request));
  CO_TRY_VOID(CheckTakesTensors(*revision));
  auto exchange = std::make_shared<Exchange>(*revision, core, arrived);
  exchange->Observe(RecordOf(request));
  exchange->Keep(std::move(permit));
  const Result<void> parsed = Parse(core, body.text(), *exchange);
  if (parsed.has_value()) co_return exchange;
  exchange->CountRefusal();
  co_return parsed.error();
}

// The one answer of a model.
Task<Result<std::string>> RunOnce(Environment& environment, Exchange& exchange) {
  std::optional<Result<void>> ran = exchange.TryInline();
  if (!ran) ran = co_await exchange.RunInTime();
  if (ran->has_error()) {
    exchange.CountFailure(ran->error());
    if (ran->error().reason() != "MODEL_DECOUPLED") co_return ran->error();
    co_return Unimplemented("MODEL_DECOUPLED",
                            "generate expects model to produce exactly 1 response, use generate "
                            "stream for model that may generate various number of responses");
  }
  Result<std::string> written = Part{exchange, environment}(true);
  written.has_value() ? exchange.CountSuccess() : exchange.CountRefusal();
  co_return written;
}

std::string Event(std::string data) {
  return net::FormatSse({.type = {}, .id = {}, .data = std::move(data)});
}

std::string ErrorEvent(const Error& error) {
  Json event = {{"error", Utf8Of(error.message())}};
  return Event(DumpJson(event));
}

Task<bool> SendEvent(net::StreamWriter& writer, std::string part) {
  co_return (co_await writer.Write(Event(std::move(part)))).has_value();
}

// The answers as they come.
Task<void> Stream(Environment& environment, std::shared_ptr<Exchange> exchange,
                  net::StreamWriter& writer) {
  const Result<void> ran = co_await RunInParts(
      *exchange, Part{*exchange, environment},
      [&writer](std::string part) { return SendEvent(writer, std::move(part)); });
  if (ran.has_value()) co_return exchange->CountSuccess();
  exchange->CountFailure(ran.error());
  const auto told = co_await writer.Write(ErrorEvent(ran.error()));
  if (told.has_error()) writer.Abort();
}

HttpResponse Events(net::StreamBody body) {
  HttpResponse response = net::SseResponse(std::move(body));
  response.content_type = "text/event-stream; charset=utf-8";
  return response;
}

}  // namespace

Result<std::string> GenerateRequest(std::string_view body, const ModelFace& model) {
  TRY(given, ParseJson(body, {.max_bytes = kMaxGenerateBytes}));
  if (!given.is_object()) return MemberFault("request", "a JSON object is wanted");
  Json inputs = Json::array();
  Json parameters = Json::object();
  Json request = Json::object();
  for (const auto& [key, value] : given.items()) {
    const std::optional<size_t> input = tensor::FindSpec(model.signature.inputs, key);
    if (input) {
      TRY(read, InputOf(model.signature.inputs[*input], value));
      inputs.push_back(std::move(read));
    } else if (key == "id") {
      request["id"] = value;
    } else if (key == "parameters") {
      if (!value.is_object()) return MemberFault(key, "a JSON object is wanted");
      parameters.update(value);
    } else {
      parameters[key] = value;
    }
  }
  // The form of the answer is this extension's.
  parameters.erase("binary_data_output");
  request["parameters"] = std::move(parameters);
  request["inputs"] = std::move(inputs);
  return DumpJson(request);
}

Result<void> WriteGenerated(const InferAnswer& answer, std::string& out) {
  WriteAnswerHead(answer, out);
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    const std::string& name = answer.signature.outputs[answer.wanted[i]].name;
    const bool is_list = answer.outputs[i].element_count() != 1;
    out += ',';
    WriteJsonString(name, out);
    out += is_list ? ":[" : ":";
    TRY_VOID(WriteElements(answer.outputs[i], name, answer.non_finite, out));
    if (is_list) out += ']';
  }
  out += '}';
  return {};
}

Task<HttpResponse> Generate(Environment& environment, HttpRequest& request) {
  const auto exchange = co_await Begin(environment, request);
  if (exchange.has_error()) co_return ErrorResponse(exchange.error());
  Result<std::string> answer = co_await RunOnce(environment, **exchange);
  if (answer.has_error()) co_return ErrorResponse(answer.error());
  co_return HttpResponse::Json(200, *std::move(answer));
}

Task<HttpResponse> GenerateStream(Environment& environment, HttpRequest& request) {
  const auto begun = co_await Begin(environment, request);
  if (begun.has_error()) co_return ErrorResponse(begun.error());
  const std::shared_ptr<Exchange>& exchange = *begun;
  if (exchange->revision().model().model().decoupled()) {
    co_return Events([&environment, exchange](net::StreamWriter& writer) {
      return Stream(environment, exchange, writer);
    });
  }
  // The status is that of the one answer.
  Result<std::string> answer = co_await RunOnce(environment, *exchange);
  if (answer.has_error()) co_return ErrorResponse(answer.error());
  HttpResponse response = Events(nullptr);
  response.body = Event(*std::move(answer));
  co_return response;
}

}  // namespace slipway::gateway::v2
