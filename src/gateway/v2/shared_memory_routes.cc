#include "gateway/v2/shared_memory_routes.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/limits.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/shared_tensor.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::v2 {
namespace {

using net::Access;
using net::HttpRequest;
using net::HttpResponse;
using net::Method;
using net::Route;

// Empty where the route names none.
std::string RegionOf(const HttpRequest& request) {
  for (const auto& [name, value] : request.parameters) {
    if (name == "region") return value;
  }
  return "";
}

Result<uint64_t> Number(const Json& body, std::string_view member, bool is_required) {
  const auto found = body.find(member);
  if (found == body.end() && !is_required) return uint64_t{0};
  if (found != body.end() && found->is_number_unsigned()) return found->get<uint64_t>();
  return MemberFault(member, "a whole number that is not negative is wanted");
}

Result<RegionStatus> ReadRegion(std::string name, std::string_view text) {
  TRY(body, ParseJson(text));
  if (!body.is_object()) return MemberFault("request", "a JSON object is wanted");
  const auto key = body.find("key");
  if (key == body.end() || !key->is_string()) return MemberFault("key", "a string is wanted");
  TRY(offset, Number(body, "offset", false));
  TRY(size, Number(body, "byte_size", true));
  return RegionStatus{
      .name = std::move(name), .key = key->get<std::string>(), .offset = offset, .byte_size = size};
}

HttpResponse Answer(const Result<void>& result) {
  return result.has_value() ? HttpResponse::Empty(200) : ErrorResponse(result.error());
}

HttpResponse Status(const Environment& environment, const HttpRequest& request) {
  const auto regions = RegionsOf(environment, RegionOf(request));
  if (regions.has_error()) return ErrorResponse(regions.error());
  Json told = Json::array();
  for (const RegionStatus& region : *regions) {
    told.push_back({{"name", region.name},
                    {"key", region.key},
                    {"offset", region.offset},
                    {"byte_size", region.byte_size}});
  }
  return HttpResponse::Json(200, DumpJson(told));
}

Task<HttpResponse> Told(HttpResponse response) {
  co_return response;
}

Task<HttpResponse> Register(Environment& environment, HttpRequest& request) {
  const Result<std::string> body = co_await request.body->ReadAll(kMaxPlainMessageBytes);
  if (body.has_error()) co_return ErrorResponse(body.error());
  const Result<RegionStatus> region = ReadRegion(RegionOf(request), *body);
  if (region.has_error()) co_return ErrorResponse(region.error());
  co_return Answer(RegisterRegion(environment, *region));
}

void AddSystemRoutes(Environment& environment, std::vector<Route>& routes) {
  const std::string base = "/v2/systemsharedmemory";
  for (const char* of : {"", "/region/{region}"}) {
    routes.push_back(
        {.method = Method::kGet,
         .pattern = base + of + "/status",
         .access = Access::kLocal,
         .handler =
             [&environment](HttpRequest& request) { return Told(Status(environment, request)); },
         .summary = "Regions of shared memory that clients named."});
    routes.push_back({.method = Method::kPost,
                      .pattern = base + of + "/unregister",
                      .access = Access::kControl,
                      .handler =
                          [&environment](HttpRequest& request) {
                            UnregisterRegion(environment, RegionOf(request));
                            return Told(HttpResponse::Empty(200));
                          },
                      .summary = "Forgets regions of shared memory."});
  }
  routes.push_back(
      {.method = Method::kPost,
       .pattern = base + "/region/{region}/register",
       .access = Access::kControl,
       .handler = [&environment](HttpRequest& request) { return Register(environment, request); },
       .summary = "Names a region of shared memory."});
}

void AddCudaRoutes(std::vector<Route>& routes) {
  const std::string base = "/v2/cudasharedmemory";
  for (const char* of : {"", "/region/{region}"}) {
    routes.push_back({.method = Method::kGet,
                      .pattern = base + of + "/status",
                      .access = Access::kOpen,
                      .handler = [](HttpRequest&) { return Told(HttpResponse::Json(200, "[]")); },
                      .summary = "There are no regions of CUDA shared memory."});
    routes.push_back({.method = Method::kPost,
                      .pattern = base + of + "/unregister",
                      .access = Access::kOpen,
                      .handler = [](HttpRequest&) { return Told(HttpResponse::Empty(200)); },
                      .summary = "There is nothing to forget."});
  }
  routes.push_back({.method = Method::kPost,
                    .pattern = base + "/region/{region}/register",
                    .access = Access::kOpen,
                    .handler =
                        [](HttpRequest& request) {
                          return Told(ErrorResponse(NoCudaMemory(RegionOf(request))));
                        },
                    .summary = "Is refused: there is no CUDA shared memory."});
}

}  // namespace

Result<std::vector<RegionStatus>> RegionsOf(const Environment& environment,
                                            std::string_view region) {
  if (environment.shared_memory == nullptr && region.empty()) return std::vector<RegionStatus>();
  if (environment.shared_memory == nullptr) return NoSharedMemory();
  if (region.empty()) return environment.shared_memory->Status();
  TRY(found, environment.shared_memory->Find(region));
  return std::vector{found->status()};
}

Result<void> RegisterRegion(const Environment& environment, const RegionStatus& region) {
  if (environment.shared_memory == nullptr) return NoSharedMemory();
  return environment.shared_memory->Register(region);
}

void UnregisterRegion(const Environment& environment, std::string_view region) {
  if (environment.shared_memory == nullptr) return;
  if (region.empty()) return environment.shared_memory->UnregisterAll();
  environment.shared_memory->Unregister(region);
}

Error NoCudaMemory(std::string_view region) {
  return InvalidArgument("CUDA_UNSUPPORTED", "failed to register CUDA shared memory region: '" +
                                                 Utf8Of(region) + "', GPUs not supported");
}

std::vector<Route> SharedMemoryRoutes(Environment& environment) {
  std::vector<Route> routes;
  AddSystemRoutes(environment, routes);
  AddCudaRoutes(routes);
  return routes;
}

}  // namespace slipway::gateway::v2
