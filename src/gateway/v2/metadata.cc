#include "gateway/v2/metadata.h"

#include <string>

#include "base/build_info.h"
#include "base/json.h"
#include "gateway/model_config/describe.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/model_lookup.h"

namespace slipway::gateway::v2 {
namespace {

using net::HttpRequest;
using net::HttpResponse;

void WriteSpecs(const std::vector<tensor::TensorSpec>& specs, std::string& out) {
  out += '[';
  for (const tensor::TensorSpec& spec : specs) {
    if (out.back() != '[') out += ',';
    out += "{\"name\":";
    WriteJsonString(spec.name, out);
    out += ",\"datatype\":\"" + std::string(DataTypeName(spec.type)) +
           "\",\"shape\":" + spec.shape.ToString() + "}";
  }
  out += ']';
}

}  // namespace

std::vector<std::string_view> Extensions(const Environment& environment) {
  std::vector<std::string_view> names = {"classification",     "model_configuration",
                                         "binary_tensor_data", "parameters",
                                         "statistics",         "logging"};
  if (environment.models != nullptr) names.emplace_back("model_repository");
  if (environment.shared_memory != nullptr) names.emplace_back("system_shared_memory");
  return names;
}

HttpResponse ServerMetadata(Environment& environment, HttpRequest&) {
  std::string body = "{\"name\":";
  WriteJsonString(environment.server_name, body);
  body += ",\"version\":";
  WriteJsonString(Version(), body);
  body += ",\"extensions\":[";
  for (const std::string_view extension : Extensions(environment)) {
    if (body.back() != '[') body += ',';
    WriteJsonString(extension, body);
  }
  body += "]}";
  return HttpResponse::Json(200, std::move(body));
}

// Triton's bodies are empty and its clients look at the status; KServe's read the body.
HttpResponse ServerLive(Environment&, HttpRequest&) {
  return HttpResponse::Json(200, "{\"live\":true}");
}

HttpResponse ServerReady(Environment& environment, HttpRequest&) {
  if (environment.ready()) return HttpResponse::Json(200, "{\"ready\":true}");
  return HttpResponse::Json(503, "{\"ready\":false}");
}

HttpResponse ModelNames(Environment& environment, HttpRequest& request) {
  const std::string_view project = ProjectOf(request);
  std::string body = "{\"models\":[";
  VisitAllowed(environment, request.Header("authorization"), [&](const ServiceEntry& service) {
    if (service.project != project) return;
    if (body.back() != '[') body += ',';
    WriteJsonString(service.name, body);
  });
  return HttpResponse::Json(200, body + "]}");
}

HttpResponse ModelMetadata(Environment& environment, HttpRequest& request) {
  CoreSlot& core = environment.slots.current();
  const Result<RevisionRuntime*> found = FindRevision(core, request);
  if (found.has_error()) return ErrorResponse(found.error());
  const RevisionRuntime& revision = **found;
  const Result<const ServiceEntry*> service = FindService(core, request);
  const tensor::Signature& signature = revision.shown_signature();
  std::string body = "{\"name\":";
  WriteJsonString(revision.service(), body);
  body += ",\"versions\":[";
  for (const RevisionRuntime* ready : (*service)->ready) {
    if (body.back() != '[') body += ',';
    body += "\"" + ready->version() + "\"";
  }
  body += "],\"platform\":";
  WriteJsonString(revision.model().model().platform(), body);
  body += ",\"inputs\":";
  WriteSpecs(signature.inputs, body);
  body += ",\"outputs\":";
  WriteSpecs(signature.outputs, body);
  body += '}';
  return HttpResponse::Json(200, std::move(body));
}

HttpResponse ModelConfig(Environment& environment, HttpRequest& request) {
  const Result<RevisionRuntime*> found = FindRevision(environment.slots.current(), request);
  if (found.has_error()) return ErrorResponse(found.error());
  return HttpResponse::Json(200, DumpJson(model_config::Describe(**found, (*found)->service())));
}

HttpResponse ModelReady(Environment& environment, HttpRequest& request) {
  const Result<RevisionRuntime*> found = FindRevision(environment.slots.current(), request);
  if (found.has_value()) {
    std::string body = "{\"name\":";
    WriteJsonString((*found)->service(), body);
    return HttpResponse::Json(200, body + ",\"ready\":true}");
  }
  // As Triton says it, also of a model that does not exist.
  return HttpResponse::Json(400, "{\"error\":\"Model version not ready\"}");
}

}  // namespace slipway::gateway::v2
