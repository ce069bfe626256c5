#include "registry/error_response.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"

namespace slipway::registry {
namespace {

struct Answer {
  int status;
  std::string_view code;
};

struct ReasonAnswer {
  std::string_view reason;
  Answer answer;
};

// Reasons whose answer is not that of their code.
constexpr std::array kAnswers = {
    ReasonAnswer{"BLOB_UNKNOWN", {404, "BLOB_UNKNOWN"}},
    ReasonAnswer{"BLOB_UPLOAD_UNKNOWN", {404, "BLOB_UPLOAD_UNKNOWN"}},
    ReasonAnswer{"UPLOAD_UNKNOWN", {404, "BLOB_UPLOAD_UNKNOWN"}},
    ReasonAnswer{"UPLOAD_BUSY", {409, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"UPLOAD_TAKEN_OVER", {409, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"UPLOAD_RANGE", {416, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"BLOB_RANGE", {416, "SIZE_INVALID"}},
    ReasonAnswer{"BLOB_UPLOAD_INVALID", {400, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"BODY_TRUNCATED", {400, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"BODY_MALFORMED", {400, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"BODY_TIMEOUT", {408, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"DIGEST_INVALID", {400, "DIGEST_INVALID"}},
    ReasonAnswer{"DIGEST_MISMATCH", {400, "DIGEST_INVALID"}},
    ReasonAnswer{"SIZE_INVALID", {400, "SIZE_INVALID"}},
    ReasonAnswer{"MANIFEST_INVALID", {400, "MANIFEST_INVALID"}},
    ReasonAnswer{"MANIFEST_UNKNOWN", {404, "MANIFEST_UNKNOWN"}},
    ReasonAnswer{"MANIFEST_BLOB_UNKNOWN", {404, "MANIFEST_BLOB_UNKNOWN"}},
    ReasonAnswer{"BODY_TOO_LARGE", {413, "SIZE_INVALID"}},
    ReasonAnswer{"MODEL_IN_USE", {409, "DENIED"}},
    ReasonAnswer{"BLOB_IN_USE", {405, "DENIED"}},
    ReasonAnswer{"MANIFEST_IN_USE", {405, "DENIED"}},
    ReasonAnswer{"NAME_INVALID", {400, "NAME_INVALID"}},
    ReasonAnswer{"TAG_INVALID", {400, "NAME_INVALID"}},
    ReasonAnswer{"NAME_UNKNOWN", {404, "NAME_UNKNOWN"}},
    ReasonAnswer{"METHOD_NOT_ALLOWED", {405, "UNSUPPORTED"}},
    ReasonAnswer{"DISK_FULL", {507, "BLOB_UPLOAD_INVALID"}},
    ReasonAnswer{"FILE_SIZE_LIMIT", {507, "BLOB_UPLOAD_INVALID"}},
};

Answer AnswerOfCode(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return {400, "UNSUPPORTED"};
    case Code::kUnauthenticated:
      return {401, "UNAUTHORIZED"};
    case Code::kPermissionDenied:
      return {403, "DENIED"};
    case Code::kNotFound:
      return {404, "NAME_UNKNOWN"};
    case Code::kAlreadyExists:
    case Code::kAborted:
      return {409, "DENIED"};
    case Code::kFailedPrecondition:
      return {400, "DENIED"};
    case Code::kResourceExhausted:
      return {429, "TOOMANYREQUESTS"};
    case Code::kUnimplemented:
      return {501, "UNSUPPORTED"};
    case Code::kCancelled:
      return {499, "UNSUPPORTED"};
    case Code::kUnavailable:
      return {503, "TOOMANYREQUESTS"};
    case Code::kDeadlineExceeded:
      return {504, "UNSUPPORTED"};
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss:
      return {500, "UNSUPPORTED"};
  }
  return {500, "UNSUPPORTED"};
}

Answer AnswerOf(const Error& error) {
  for (const ReasonAnswer& entry : kAnswers) {
    if (entry.reason == error.reason()) return entry.answer;
  }
  return AnswerOfCode(error.code());
}

net::HttpResponse ResponseOf(int status, Json entry) {
  Json body = Json::object();
  body["errors"] = Json::array({std::move(entry)});
  net::HttpResponse response = net::HttpResponse::Json(status, DumpJson(body));
  response.headers.emplace_back(kVersionHeader, kVersionValue);
  return response;
}

}  // namespace

net::HttpResponse RefusalResponse(const Error& error) {
  const net::HttpResponse problem = net::ProblemResponse(error);
  const bool busy = problem.status == 429 || problem.status == 503;
  Json entry = Json::object();
  entry["code"] = busy ? "TOOMANYREQUESTS" : problem.status == 403 ? "DENIED" : "UNSUPPORTED";
  entry["message"] = error.message();
  net::HttpResponse response = ResponseOf(problem.status, std::move(entry));
  for (const auto& header : problem.headers) response.headers.push_back(header);
  return response;
}

net::HttpResponse ErrorResponse(const net::HttpRequest& request, const Error& error) {
  const Answer answer = AnswerOf(error);
  Json entry = Json::object();
  entry["code"] = answer.code;
  if (answer.status == 500) {
    LogError("registry request failed", {{"method", request.method_text},
                                         {"path", request.path},
                                         {"error", error},
                                         {"request", request.context.request_id}});
    entry["message"] = "something went wrong in the server; its log has request " +
                       request.context.request_id + ".";
  } else {
    entry["message"] = error.message();
  }
  if (!error.detail("field").empty()) entry["detail"]["field"] = error.detail("field");
  net::HttpResponse response = ResponseOf(answer.status, std::move(entry));
  if (!error.detail("allow").empty()) {
    response.headers.emplace_back("Allow", std::string(error.detail("allow")));
  }
  if (answer.status == 429 || answer.status == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  return response;
}

}  // namespace slipway::registry
