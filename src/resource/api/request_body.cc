#include "resource/api/request_body.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "resource/limits.h"

namespace slipway::resource {
namespace {

Error FieldError(std::string_view reason, std::string_view field, std::string_view problem) {
  return InvalidArgument(reason, fmt::format("{}: {}", field, problem))
      .With("field", std::string(field));
}

bool IsYaml(std::string_view content_type) {
  return content_type.find("yaml") != std::string_view::npos;
}

Result<void> CheckConstant(const Json& body, std::string_view field, std::string_view wanted) {
  auto found = body.find(std::string(field));
  if (found == body.end()) return {};
  if (!found->is_string() || found->get_ref<const std::string&>() != wanted) {
    return FieldError("FIELD_RANGE", field, fmt::format("must be \"{}\" here", wanted));
  }
  return {};
}

Result<void> CheckEnvelope(const KindInfo& kind, const Json& body) {
  if (!body.is_object()) {
    return InvalidArgument("FIELD_TYPE",
                           "the body must be one object with kind, metadata and spec");
  }
  for (const auto& [name, value] : body.items()) {
    if (name != "apiVersion" && name != "kind" && name != "metadata" && name != "spec" &&
        name != "status") {
      return FieldError("FIELD_UNKNOWN", name,
                        "no such field; a resource has apiVersion, kind, metadata and spec");
    }
  }
  TRY_VOID(CheckConstant(body, "apiVersion", kApiVersion));
  return CheckConstant(body, "kind", kind.kind);
}

// The name or project that the path gives, which the body may repeat.
Result<std::string> Agreed(std::string in_body, std::string_view in_path, std::string_view field) {
  if (in_path.empty() || in_body == in_path) return in_body;
  if (!in_body.empty()) {
    return FieldError("FIELD_RANGE", field,
                      fmt::format("\"{}\" in the body, \"{}\" in the path", in_body, in_path));
  }
  return std::string(in_path);
}

}  // namespace

Task<Result<Json>> ReadBody(net::HttpRequest& request) {
  CO_TRY(text, co_await request.body->ReadAll(kMaxResourceBytes));
  if (text.empty()) {
    co_return InvalidArgument("BODY_EMPTY", "the request has no body: send a resource as JSON");
  }
  const JsonLimits limits{.max_bytes = kMaxResourceBytes};
  co_return IsYaml(request.Header("Content-Type").value_or("")) ? ParseYaml(text, limits)
                                                                : ParseJson(text, limits);
}

Result<Resource> ResourceFromUser(const KindInfo& kind, const Json& body, std::string_view project,
                                  std::string_view name) {
  TRY_VOID(CheckEnvelope(kind, body));
  Resource resource;
  resource.kind = kind.kind;
  if (auto found = body.find("metadata"); found != body.end()) {
    TRY(metadata, Decode<Metadata>(*found, "metadata"));
    resource.metadata.project = std::move(metadata.project);
    resource.metadata.name = std::move(metadata.name);
    resource.metadata.uid = std::move(metadata.uid);
    resource.metadata.version = metadata.version;
    resource.metadata.labels = std::move(metadata.labels);
    resource.metadata.annotations = std::move(metadata.annotations);
  }
  TRY(agreed_project, Agreed(resource.metadata.project, project, "metadata.project"));
  TRY(agreed_name, Agreed(resource.metadata.name, name, "metadata.name"));
  resource.metadata.project = std::move(agreed_project);
  resource.metadata.name = std::move(agreed_name);
  if (auto found = body.find("spec"); found != body.end()) {
    if (!found->is_object()) return FieldError("FIELD_TYPE", "spec", "must be an object");
    resource.spec = *found;
  }
  return resource;
}

Result<std::optional<uint64_t>> IfMatch(const net::HttpRequest& request) {
  auto header = request.Header("If-Match");
  if (!header || *header == "*") return std::optional<uint64_t>();
  std::string_view text = *header;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument(
        "IF_MATCH_INVALID",
        fmt::format("If-Match must be a version such as \"7\", got {}", *header));
  }
  return std::optional<uint64_t>(version);
}

}  // namespace slipway::resource
