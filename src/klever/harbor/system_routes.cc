#include <nlohmann/json.hpp>

#include "base/json.h"
#include "klever/core.h"
#include "klever/harbor/harbor.h"
#include "trust/access.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;

Task<Result<HttpResponse>> GetPing(Core&, HttpRequest&) {
  co_return HttpResponse::Text(200, "Pong");
}

Task<Result<HttpResponse>> GetHealth(Core&, HttpRequest&) {
  const Json body = {{"status", "healthy"},
                     {"components", Json::array({{{"name", "core"}, {"status", "healthy"}}})}};
  co_return HttpResponse::Json(200, DumpJson(body));
}

Task<Result<HttpResponse>> GetSystemInfo(Core& core, HttpRequest& request) {
  const Json body = {{"auth_mode", "db_auth"},  // tokens of this server's own
                     {"harbor_version", core.options.program_version},
                     {"registry_url", request.Header("Host").value_or("")},
                     {"project_creation_restriction", "adminonly"},
                     {"self_registration", false},
                     {"has_ca_root", false},
                     {"read_only", false},
                     {"current_time", FormatRfc3339(core.options.clock->Wall())}};
  co_return HttpResponse::Json(200, DumpJson(body));
}

Task<Result<HttpResponse>> GetCurrentUser(Core&, HttpRequest& request) {
  const Identity& caller = request.context.identity;
  const bool is_admin = trust::CheckAccess(net::Access::kGlobalAdmin, caller, "", true).has_value();
  const Json body = {{"user_id", UserId(caller.subject)},
                     {"username", caller.subject.substr(caller.subject.rfind('/') + 1)},
                     {"sysadmin_flag", is_admin},
                     {"admin_role_in_auth", false}};
  co_return HttpResponse::Json(200, DumpJson(body));
}

}  // namespace

std::vector<net::Route> HarborSystemRoutes(const std::shared_ptr<Core>& core) {
  constexpr net::Method kGet = net::Method::kGet;
  return {
      HarborRoute(core, kGet, "/api/v2.0/ping", net::Access::kOpen, GetPing,
                  "Says that the server is there"),
      HarborRoute(core, kGet, "/api/v2.0/health", net::Access::kOpen, GetHealth,
                  "Says that the server works"),
      HarborRoute(core, kGet, "/api/v2.0/systeminfo", net::Access::kIdentified, GetSystemInfo,
                  "Says what server this is"),
      HarborRoute(core, kGet, "/api/v2.0/users/current", net::Access::kIdentified, GetCurrentUser,
                  "Says who asks"),
  };
}

}  // namespace slipway::klever
