#include "gateway/v2/setting_routes.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/limits.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::v2 {
namespace {

using net::HttpRequest;
using net::HttpResponse;

Task<Result<Json>> ReadChanges(HttpRequest& request) {
  CO_TRY(body, co_await request.body->ReadAll(kMaxPlainMessageBytes));
  CO_TRY(changes, ParseJson(body));
  if (!changes.is_object()) co_return MemberFault("request", "a JSON object is wanted");
  co_return std::move(changes);
}

// Empty: the global settings.
Result<std::string> ModelOf(const Environment& environment, const HttpRequest& request) {
  const bool has_model =
      std::any_of(request.parameters.begin(), request.parameters.end(),
                  [](const auto& parameter) { return parameter.first == "model"; });
  if (!has_model) return std::string();
  TRY(service, FindService(environment.slots.current(), request));
  return FullName(*service);
}

HttpResponse Show(const Json& settings) {
  return HttpResponse::Json(200, DumpJson(settings));
}

}  // namespace

HttpResponse LogSettingsNow(Environment& environment, HttpRequest&) {
  return Show(environment.log.Get());
}

Task<HttpResponse> SetLogSettings(Environment& environment, HttpRequest& request) {
  const Result<Json> changes = co_await ReadChanges(request);
  if (changes.has_error()) co_return ErrorResponse(changes.error());
  const Result<void> set = environment.log.Set(*changes);
  co_return set.has_value() ? Show(environment.log.Get()) : ErrorResponse(set.error());
}

HttpResponse TraceSettingsNow(Environment& environment, HttpRequest& request) {
  const Result<std::string> model = ModelOf(environment, request);
  return model.has_value() ? Show(environment.trace.Get(*model)) : ErrorResponse(model.error());
}

Task<HttpResponse> SetTraceSettings(Environment& environment, HttpRequest& request) {
  const Result<Json> changes = co_await ReadChanges(request);
  if (changes.has_error()) co_return ErrorResponse(changes.error());
  const Result<std::string> model = ModelOf(environment, request);
  if (model.has_error()) co_return ErrorResponse(model.error());
  const Result<void> set = environment.trace.Set(*model, *changes);
  co_return set.has_value() ? Show(environment.trace.Get(*model)) : ErrorResponse(set.error());
}

}  // namespace slipway::gateway::v2
