#include "resource/openapi.h"

#include <algorithm>
#include <cctype>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "resource/api/explain_endpoint.h"
#include "resource/explain.h"
#include "resource/kinds.h"

namespace slipway::resource {
namespace {

Json Reference(std::string_view schema) {
  return {{"$ref", fmt::format("#/components/schemas/{}", schema)}};
}

Json Content(std::string_view media_type, Json schema) {
  return {{"content", {{std::string(media_type), {{"schema", std::move(schema)}}}}}};
}

// The kind that a path of the resource API is about; nullptr for other paths.
const KindInfo* KindOfPath(std::string_view path) {
  constexpr std::string_view kRoot = "/api/v1/";
  if (!path.starts_with(kRoot)) return nullptr;
  std::string_view rest = path.substr(kRoot.size());
  constexpr std::string_view kProject = "projects/{project}/";
  if (rest.starts_with(kProject)) rest = rest.substr(kProject.size());
  const std::string_view plural = rest.substr(0, rest.find('/'));
  for (const KindInfo& kind : Kinds()) {
    if (kind.plural == plural) return &kind;
  }
  return nullptr;
}

bool IsList(std::string_view path, const KindInfo& kind) {
  return path.ends_with(kind.plural);
}

bool IsObject(std::string_view path) {
  return path.ends_with("/{name}") || path.ends_with("/projects/{project}");
}

void AddKindSchemas(const KindInfo& kind, Json& schemas) {
  const std::string name(kind.kind);
  Json spec = SchemaOf(*kind.spec, schemas);
  Json status = SchemaOf(*kind.status, schemas);
  Json metadata = SchemaOf(TypeOf<Metadata>(), schemas);
  schemas[name] = {{"type", "object"},
                   {"description", kind.text},
                   {"required", {"metadata", "spec"}},
                   {"properties",
                    {{"apiVersion", {{"const", kApiVersion}}},
                     {"kind", {{"const", kind.kind}}},
                     {"metadata", std::move(metadata)},
                     {"spec", std::move(spec)},
                     {"status", std::move(status)}}}};
  schemas[name + "List"] = {
      {"type", "object"},
      {"properties",
       {{"apiVersion", {{"const", kApiVersion}}},
        {"kind", {{"const", name + "List"}}},
        {"metadata",
         {{"type", "object"},
          {"properties",
           {{"version", {{"type", "integer"}}},
            {"continue", {{"type", "string"}}},
            {"undecided", {{"type", "array"}, {"items", {{"type", "string"}}}}}}}}},
        {"items", {{"type", "array"}, {"items", Reference(name)}}}}}};
}

void AddProblemSchema(Json& schemas) {
  const Json text = {{"type", "string"}};
  schemas["Problem"] = {{"type", "object"},
                        {"description", "An error, as RFC 9457 has it."},
                        {"required", {"status", "code", "reason", "detail"}},
                        {"properties",
                         {{"type", text},
                          {"title", text},
                          {"status", {{"type", "integer"}}},
                          {"detail", text},
                          {"code", text},
                          {"reason", text},
                          {"field", text}}}};
}

// The pattern as OpenAPI writes it, and its parameters.
struct Path {
  std::string text;
  Json parameters = Json::array();
};

Path PathOf(std::string_view pattern) {
  Path path;
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '+' && at + 1 < pattern.size() && pattern[at + 1] == '}') continue;
    path.text += pattern[at];
  }
  for (size_t open = path.text.find('{'); open != std::string::npos;
       open = path.text.find('{', open + 1)) {
    const size_t close = path.text.find('}', open);
    path.parameters.push_back({{"name", path.text.substr(open + 1, close - open - 1)},
                               {"in", "path"},
                               {"required", true},
                               {"schema", {{"type", "string"}}}});
  }
  return path;
}

std::string_view SchemaTypeOf(net::QueryParameter::Kind kind) {
  switch (kind) {
    case net::QueryParameter::Kind::kText:
      return "string";
    case net::QueryParameter::Kind::kNumber:
      return "integer";
    case net::QueryParameter::Kind::kFlag:
      return "boolean";
  }
  return "string";
}

void AddQuery(const net::Route& route, Json& parameters) {
  if (!route.query) return;
  for (const net::QueryParameter& parameter : *route.query) {
    parameters.push_back({{"name", parameter.name},
                          {"in", "query"},
                          {"description", parameter.text},
                          {"schema", {{"type", SchemaTypeOf(parameter.kind)}}}});
  }
}

void AddNoted(const RouteNote& note, Json& parameters) {
  for (const NotedParameter& parameter : note.query) {
    Json schema = {{"type", SchemaTypeOf(parameter.kind)}};
    if (parameter.repeated) schema = {{"type", "array"}, {"items", std::move(schema)}};
    parameters.push_back({{"name", parameter.name},
                          {"in", "query"},
                          {"description", parameter.text},
                          {"schema", std::move(schema)}});
  }
}

std::string_view DescriptionOf(int status) {
  switch (status) {
    case 201:
      return "Made.";
    case 202:
      return "Accepted.";
    case 204:
      return "Done; there is nothing to be told.";
    case 206:
      return "The range that was asked for.";
    default:
      return "Done.";
  }
}

void AddNote(const RouteNote& note, Json& operation, Json& parameters) {
  AddNoted(note, parameters);
  Json responses = {{"default", {{"description", "What went wrong, as the protocol has it."}}}};
  if (note.has_problems) responses["default"] = operation["responses"]["default"];
  for (const int status : note.statuses) {
    responses[std::to_string(status)] = {{"description", DescriptionOf(status)}};
  }
  operation["responses"] = std::move(responses);
}

void AddIfMatch(const net::Route& route, Json& parameters) {
  const bool changes = route.method == net::Method::kPut || route.method == net::Method::kPatch ||
                       route.method == net::Method::kDelete;
  if (!changes) return;
  parameters.push_back({{"name", "If-Match"},
                        {"in", "header"},
                        {"description", "Only if the resource is at this version, else 412."},
                        {"schema", {{"type", "string"}}}});
}

Json Operation(const net::Route& route, const RouteNote* note, Path& path) {
  Json operation = {{"summary", route.summary},
                    {"x-slipway-access", net::AccessName(route.access)}};
  Json responses = {{"default", Content("application/problem+json", Reference("Problem"))}};
  responses["default"]["description"] = "What went wrong.";
  Json done = Json::object();
  if (const KindInfo* kind = KindOfPath(path.text)) {
    operation["tags"] = {kind->kind};
    AddIfMatch(route, path.parameters);
    const bool list = IsList(path.text, *kind) && route.method == net::Method::kGet;
    if (list) done = Content("application/json", Reference(fmt::format("{}List", kind->kind)));
    const bool writes = route.method == net::Method::kPost || route.method == net::Method::kPut;
    if (writes) operation["requestBody"] = Content("application/json", Reference(kind->kind));
    if (route.method == net::Method::kPatch) {
      operation["requestBody"] = Content("application/merge-patch+json", {{"type", "object"}});
    }
    if (!list && (IsObject(path.text) || route.method == net::Method::kPost)) {
      done = Content("application/json", Reference(kind->kind));
    }
  }
  if (path.text == kExplainPath) {
    done = Content("application/json", Reference(TypeOf<Explanation>().name));
  }
  AddQuery(route, path.parameters);
  done["description"] = "Done.";
  responses[route.method == net::Method::kPost ? "201" : "200"] = std::move(done);
  operation["responses"] = std::move(responses);
  if (note != nullptr) AddNote(*note, operation, path.parameters);
  if (!path.parameters.empty()) operation["parameters"] = path.parameters;
  if (route.access == net::Access::kOpen) operation["security"] = Json::array();
  return operation;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

}  // namespace

const RouteNote* FindNote(std::span<const RouteNote> notes, net::Method method,
                          std::string_view pattern) {
  const auto found = std::ranges::find_if(notes, [&](const RouteNote& note) {
    return note.method == method && note.pattern == pattern;
  });
  return found == notes.end() ? nullptr : &*found;
}

Json OpenApiDocument(std::span<const net::Route> routes, std::string_view program_version,
                     std::span<const RouteNote> notes) {
  Json schemas = Json::object();
  AddProblemSchema(schemas);
  for (const KindInfo& kind : Kinds()) AddKindSchemas(kind, schemas);
  SchemaOf(TypeOf<Explanation>(), schemas);
  Json paths = Json::object();
  for (const net::Route& route : routes) {
    Path path = PathOf(route.pattern);
    Json operation = Operation(route, FindNote(notes, route.method, route.pattern), path);
    paths[path.text][LowerCase(net::MethodName(route.method))] = std::move(operation);
  }
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Slipway control centre"},
            {"version", program_version},
            {"license", {{"name", "MIT"}, {"identifier", "MIT"}}}}},
          {"security", {{{"token", Json::array()}}}},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
            {"schemas", std::move(schemas)}}}};
}

}  // namespace slipway::resource
