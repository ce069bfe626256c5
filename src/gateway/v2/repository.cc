#include "gateway/v2/repository.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/json.h"
#include "gateway/limits.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::v2 {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kFile = "file:";

// An object, or nothing at all, which is as good as an empty one.
Result<Json> ReadObject(std::string_view body, size_t max_bytes) {
  if (body.empty()) return Json::object();
  TRY(json, ParseJson(body, {.max_bytes = max_bytes}));
  if (!json.is_object()) return MemberFault("request", "a JSON object is wanted");
  return std::move(json);
}

Result<Json> ReadParameters(const Json& body) {
  const auto found = body.find("parameters");
  if (found == body.end()) return Json::object();
  if (!found->is_object()) return MemberFault("parameters", "a JSON object is wanted");
  return *found;
}

// {"parameters": {"config": "{...}", "file:1/model.onnx": "base64"}}
Result<LoadRequest> ReadLoadRequest(std::string_view text) {
  TRY(body, ReadObject(text, kMaxInferBodyBytes));
  TRY(parameters, ReadParameters(body));
  LoadRequest request;
  for (const auto& [key, value] : parameters.items()) {
    const bool is_file = key.starts_with(kFile);
    if (!is_file && key != "config") {
      return MemberFault("parameters", "'" + key +
                                           "' is no parameter of a load: config and "
                                           "file:PATH are");
    }
    if (!value.is_string()) {
      return MemberFault("parameters", "'" + key + "' must be a string");
    }
    const auto& content = value.get_ref<const std::string&>();
    if (!is_file) {
      request.config = content;
      continue;
    }
    std::optional<std::string> bytes = FromBase64(content);
    if (!bytes) return MemberFault("parameters", "'" + key + "' is not base64");
    request.files.emplace_back(key.substr(kFile.size()), *std::move(bytes));
  }
  return request;
}

// {"parameters": {"unload_dependents": true}}: with the models of an ensemble's steps.
Result<bool> ReadUnloadDependents(std::string_view text) {
  TRY(body, ReadObject(text, kMaxPlainMessageBytes));
  TRY(parameters, ReadParameters(body));
  const auto found = parameters.find("unload_dependents");
  if (found == parameters.end()) return false;
  if (!found->is_boolean()) {
    return MemberFault("parameters", "'unload_dependents' must be true or false");
  }
  return found->get<bool>();
}

Caller CallerOf(const HttpRequest& request) {
  return {.is_loopback = request.peer_is_loopback,
          .authorization = request.Header("authorization")};
}

HttpResponse Answer(const Result<void>& result) {
  return result.has_value() ? HttpResponse::Empty(200) : ErrorResponse(result.error());
}

// The word of Triton's client for what was asked to be ready alone.
Result<bool> ReadReadyOnly(std::string_view body) {
  TRY(json, ReadObject(body, kMaxPlainMessageBytes));
  const auto ready = json.find("ready");
  if (ready == json.end()) return false;
  if (!ready->is_boolean()) {
    return MemberFault("ready", "attempt to access JSON non-boolean as boolean");
  }
  return ready->get<bool>();
}

// Stand-alone, all of a name's revisions have versions of their own but while one follows another.
bool IsReady(const ServiceEntry& service, const UnreadyRevision& revision) {
  return service.Find(revision.version) != nullptr;
}

}  // namespace

Task<std::vector<IndexEntry>> CollectIndex(Environment& environment, Caller caller,
                                           bool ready_only) {
  std::vector<IndexEntry> entries;
  VisitAllowed(environment, caller.authorization, [&](const ServiceEntry& service) {
    const std::string name = FullName(service);
    for (const RevisionRuntime* revision : service.ready) {
      entries.push_back({.name = name, .version = revision->version(), .state = "READY"});
    }
    if (ready_only) return;
    for (const UnreadyRevision& revision : service.unready) {
      if (IsReady(service, revision)) continue;
      entries.push_back({.name = name,
                         .version = revision.version,
                         .state = revision.reason.empty() ? "LOADING" : "UNAVAILABLE",
                         .reason = Utf8Of(revision.reason)});
    }
  });
  // Where there is a token, only its holder learns what else there is.
  const bool needs_token = !environment.control.token_sha256.empty();
  const bool is_told =
      !needs_token ||
      CheckControl(environment.control, caller.is_loopback, caller.authorization).has_value();
  if (ready_only || environment.models == nullptr || !is_told) co_return entries;
  for (IndexEntry& entry : co_await environment.models->Idle()) {
    entry.reason = Utf8Of(entry.reason);
    entries.push_back(std::move(entry));
  }
  co_return entries;
}

Task<HttpResponse> RepositoryIndex(Environment& environment, HttpRequest& request) {
  const Result<std::string> body = co_await request.body->ReadAll(kMaxPlainMessageBytes);
  if (body.has_error()) co_return ErrorResponse(body.error());
  const Result<bool> ready_only = ReadReadyOnly(*body);
  if (ready_only.has_error()) co_return ErrorResponse(ready_only.error());
  Json index = Json::array();
  for (const IndexEntry& entry :
       co_await CollectIndex(environment, CallerOf(request), *ready_only)) {
    Json item = {{"name", entry.name}};
    if (!entry.version.empty()) item["version"] = entry.version;
    if (!entry.state.empty()) item["state"] = entry.state;
    if (!entry.reason.empty()) item["reason"] = entry.reason;
    index.push_back(std::move(item));
  }
  co_return HttpResponse::Json(200, DumpJson(index));
}

Task<HttpResponse> RepositoryLoad(Environment& environment, HttpRequest& request) {
  HeldBody body;
  const Result<void> read =
      co_await body.Read(*request.body, kMaxInferBodyBytes, environment.bodies, 0);
  if (read.has_error()) co_return ErrorResponse(read.error());
  co_return Answer(co_await environment.models->Load(
      request.Parameter("model"), [&body] { return ReadLoadRequest(body.text()); }));
}

Task<HttpResponse> RepositoryUnload(Environment& environment, HttpRequest& request) {
  const Result<std::string> body = co_await request.body->ReadAll(kMaxPlainMessageBytes);
  if (body.has_error()) co_return ErrorResponse(body.error());
  const Result<bool> with_steps = ReadUnloadDependents(*body);
  if (with_steps.has_error()) co_return ErrorResponse(with_steps.error());
  co_return Answer(co_await environment.models->Unload(request.Parameter("model"), *with_steps));
}

}  // namespace slipway::gateway::v2
