#include "gateway/v2/model_lookup.h"

#include <optional>
#include <string>
#include <string_view>

#include "gateway/key_guard.h"

namespace slipway::gateway::v2 {
namespace {

std::optional<std::string_view> Parameter(const net::HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Error NotReady(const std::string& what, const std::string& reason) {
  return Unavailable("MODEL_NOT_READY",
                     "Request for unknown model: " + what +
                         (reason.empty() ? " (it is being loaded)" : " (" + reason + ")"));
}

}  // namespace

Result<const ServiceEntry*> FindService(const CoreSlot& core, const net::HttpRequest& request) {
  const std::string_view model = Parameter(request, "model").value_or("");
  const ServiceEntry* service = core.snapshot->Find(ProjectOf(request), model);
  if (service != nullptr) return service;
  return NotFound("MODEL_UNKNOWN",
                  "Request for unknown model: '" + std::string(model) + "' is not found");
}

Result<RevisionRuntime*> FindRevision(CoreSlot& core, const net::HttpRequest& request) {
  TRY(service, FindService(core, request));
  const std::optional<std::string_view> version = Parameter(request, "version");
  if (!version) {
    if (RevisionRuntime* revision = service->Pick(core.NextRandom())) return revision;
    const std::string what = "'" + service->name + "' has no available versions";
    return NotReady(what, service->unready.empty() ? "nothing is deployed to it"
                                                   : service->unready.back().reason);
  }
  if (RevisionRuntime* revision = service->Find(*version)) return revision;
  const std::string what = "'" + service->name + "' version " + std::string(*version);
  if (const UnreadyRevision* unready = service->FindUnready(*version)) {
    return NotReady(what + " is not at ready state", unready->reason);
  }
  return NotFound("MODEL_UNKNOWN", "Request for unknown model: " + what + " is not found");
}

}  // namespace slipway::gateway::v2
