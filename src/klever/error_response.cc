#include "klever/error_response.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "store/object/local_spool.h"

namespace slipway::klever {
namespace {

struct Answer {
  int status;
  std::string_view code;  // Harbor's
};

struct ReasonAnswer {
  std::string_view reason;
  Answer answer;
};

// Reasons whose answer is not that of their code.
constexpr std::array kAnswers = {
    ReasonAnswer{"BODY_TOO_LARGE", {413, "BAD_REQUEST"}},
    ReasonAnswer{"UPLOAD_TOO_LARGE", {413, "BAD_REQUEST"}},
    ReasonAnswer{"BODY_TIMEOUT", {408, "BAD_REQUEST"}},
    ReasonAnswer{"METHOD_NOT_ALLOWED", {405, "METHOD_NOT_ALLOWED"}},
    ReasonAnswer{"MULTIPART_TYPE", {415, "BAD_REQUEST"}},
    ReasonAnswer{"MODEL_IN_USE", {409, "CONFLICT"}},
    ReasonAnswer{"DOWNLOAD_RANGE", {416, "BAD_REQUEST"}},
    // Files of the server's own: no caller named one.
    ReasonAnswer{"FILE_NOT_FOUND", {500, "INTERNAL"}},
    ReasonAnswer{"FILE_EXISTS", {500, "INTERNAL"}},
    ReasonAnswer{"FILE_TYPE", {500, "INTERNAL"}},
    ReasonAnswer{"FILE_ACCESS", {500, "INTERNAL"}},
    ReasonAnswer{"FILE_TOO_LARGE", {500, "INTERNAL"}},
    ReasonAnswer{"DISK_FULL", {507, "INSUFFICIENT_STORAGE"}},
    ReasonAnswer{"FILE_SIZE_LIMIT", {507, "INSUFFICIENT_STORAGE"}},
};

Answer AnswerOfCode(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return {400, "BAD_REQUEST"};
    case Code::kUnauthenticated:
      return {401, "UNAUTHORIZED"};
    case Code::kPermissionDenied:
      return {403, "FORBIDDEN"};
    case Code::kNotFound:
      return {404, "NOT_FOUND"};
    case Code::kAlreadyExists:
    case Code::kAborted:
      return {409, "CONFLICT"};
    case Code::kFailedPrecondition:
      return {412, "PRECONDITION"};
    case Code::kResourceExhausted:
      return {429, "TOO_MANY_REQUESTS"};
    case Code::kUnimplemented:
      return {501, "NOT_IMPLEMENTED"};
    case Code::kCancelled:
      return {499, "CANCELLED"};
    case Code::kUnavailable:
      return {503, "SERVICE_UNAVAILABLE"};
    case Code::kDeadlineExceeded:
      return {504, "TIMEOUT"};
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss:
      return {500, "INTERNAL"};
  }
  return {500, "INTERNAL"};
}

Answer AnswerOf(const Error& error) {
  for (const ReasonAnswer& entry : kAnswers) {
    if (entry.reason == error.reason()) return entry.answer;
  }
  return AnswerOfCode(error.code());
}

// What a caller is told; of the server's own faults the log has the rest.
std::string MessageFor(const net::HttpRequest& request, const Error& error, int status) {
  // What the reserve says has no path in it.
  if (status == 507 && error.detail("free_bytes").empty()) {
    return store::WithoutPath(error).message();
  }
  if (status != 500) return error.message();
  LogError("request failed", {{"method", request.method_text},
                              {"path", request.path},
                              {"error", error},
                              {"request", request.context.request_id}});
  return "something went wrong in the server; its log has request " + request.context.request_id;
}

void AddHeaders(const Error& error, net::HttpResponse& response) {
  // Browsers ask for user and password then: any user, and the token as the password.
  if (response.status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"slipway\"");
  }
  if (!error.detail("allow").empty()) {
    response.headers.emplace_back("Allow", std::string(error.detail("allow")));
  }
  if (response.status == 429 || response.status == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
}

// Routes that Klever has and this server does not.
struct Elsewhere {
  std::string_view kind;
  std::string_view message;
};
constexpr std::array kElsewhere = {
    Elsewhere{"/modeljobs",
              "ModelJobs are not answered here: the signature of a model is read when it is "
              "pushed (GET /api/v1/projects/{project}/modelversions, or slipway inspect); "
              "conversion is not there yet"},
    Elsewhere{"/servings",
              "servings are not answered here: make a service with slipway deploy, or POST "
              "/api/v1/projects/{project}/services"},
    Elsewhere{"/pods",
              "there are no pods: the logs of a service are at "
              "/api/v1/projects/{project}/services/{name}/logs (slipway logs)"},
};

Error Explained(const net::HttpRequest& request, const Error& error) {
  if (error.reason() != "ROUTE_UNKNOWN" || !request.path.starts_with("/api/v1alpha1/namespaces/")) {
    return error;
  }
  for (const Elsewhere& elsewhere : kElsewhere) {
    if (request.path.find(elsewhere.kind) == std::string_view::npos) continue;
    return Unimplemented("KLEVER_ROUTE", std::string(elsewhere.message));
  }
  return error;
}

}  // namespace

net::HttpResponse KleverErrorResponse(const net::HttpRequest& request, const Error& error) {
  const int status = AnswerOf(error).status;
  Json body = {{"message", MessageFor(request, error, status)}, {"reason", error.reason()}};
  if (status != 500) {
    for (const auto& [name, value] : error.details()) body["data"][name] = value;
  }
  net::HttpResponse response = net::HttpResponse::Json(status, DumpJson(body));
  AddHeaders(error, response);
  return response;
}

net::HttpResponse HarborErrorResponse(const net::HttpRequest& request, const Error& error) {
  const Answer answer = AnswerOf(error);
  Json entry = {{"code", answer.code}, {"message", MessageFor(request, error, answer.status)}};
  const Json body = {{"errors", Json::array({std::move(entry)})}};
  net::HttpResponse response = net::HttpResponse::Json(answer.status, DumpJson(body));
  AddHeaders(error, response);
  return response;
}

net::HttpResponse WriteKleverError(const net::HttpRequest& request, const Error& error) {
  return KleverErrorResponse(request, Explained(request, error));
}

net::HttpResponse WriteHarborError(const net::HttpRequest& request, const Error& error) {
  if (error.reason() != "ROUTE_UNKNOWN") return HarborErrorResponse(request, error);
  return HarborErrorResponse(
      request, NotFound("ROUTE_UNKNOWN",
                        "of Harbor's API only projects, repositories, artifacts and tags are "
                        "answered here; /openapi.json has all that this server does"));
}

}  // namespace slipway::klever
