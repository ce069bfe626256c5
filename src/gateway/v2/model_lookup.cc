#include "gateway/v2/model_lookup.h"

#include <optional>
#include <string>
#include <string_view>

#include "gateway/key_guard.h"
#include "gateway/v2/http_facts.h"

namespace slipway::gateway::v2 {
namespace {

std::optional<std::string_view> Parameter(const net::HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Error NotReady(const std::string& what, const std::string& why) {
  return Unavailable("MODEL_NOT_READY", "Request for unknown model: " + what + " (" + why + ")");
}

// To ask again helps while it is loading; one that failed never will be ready.
Error NotReady(const std::string& what, const UnreadyRevision& revision) {
  if (revision.reason.empty()) return NotReady(what, "it is being loaded");
  return Unavailable("MODEL_FAILED", "Request for unknown model: " + what + " (revision " +
                                         revision.version + " failed: " + revision.reason + ")");
}

}  // namespace

std::string FullName(const ServiceEntry& service) {
  if (service.project == kDefaultProject) return service.name;
  return service.project + "/" + service.name;
}

Result<const ServiceEntry*> FindService(const CoreSlot& core, const ModelName& name) {
  const ServiceEntry* service = core.snapshot->Find(name.project, name.service);
  if (service != nullptr) return service;
  return NotFound("MODEL_UNKNOWN",
                  "Request for unknown model: '" + std::string(name.service) + "' is not found");
}

Result<RevisionRuntime*> FindRevision(CoreSlot& core, const ServiceEntry& service,
                                      std::optional<std::string_view> version) {
  if (!version) {
    if (RevisionRuntime* revision = service.Pick(core.NextRandom())) return revision;
    const std::string what = "'" + service.name + "' has no available versions";
    if (service.unready.empty()) {
      return NotReady(what, "nothing that can serve is deployed to it: its status says more");
    }
    return NotReady(what, service.unready.back());
  }
  if (RevisionRuntime* revision = service.Find(*version)) return revision;
  const std::string what = "'" + service.name + "' version " + std::string(*version);
  if (const UnreadyRevision* unready = service.FindUnready(*version)) {
    return NotReady(what + " is not at ready state", *unready);
  }
  return NotFound("MODEL_UNKNOWN", "Request for unknown model: " + what + " is not found");
}

Result<Choice> ChooseRevision(CoreSlot& core, const ServiceEntry& service,
                              std::optional<std::string_view> version,
                              routing::RequestFacts& request) {
  if (service.plan != nullptr && !version) {
    Choice choice = service.plan->Choose(core.number, request);
    if (choice.revision != nullptr) return choice;
  }
  TRY(revision, FindRevision(core, service, version));
  return Choice{.revision = revision, .shadow = nullptr};
}

Result<Choice> ChooseRevision(CoreSlot& core, const net::HttpRequest& request,
                              std::string_view json) {
  TRY(service, FindService(core, request));
  HttpFacts facts(request, json, core.json_body);
  return ChooseRevision(core, *service, Parameter(request, "version"), facts);
}

Result<const ServiceEntry*> FindService(const CoreSlot& core, const net::HttpRequest& request) {
  return FindService(core, {.project = ProjectOf(request),
                            .service = Parameter(request, "model").value_or(""),
                            .version = std::nullopt});
}

Result<void> CheckTakesTensors(const RevisionRuntime& revision) {
  if (!revision.speaks_http()) [[likely]] {
    return {};
  }
  const std::string project =
      revision.project() == kDefaultProject ? "" : "/p/" + revision.project();
  return FailedPrecondition("SERVICE_SPEAKS_HTTP",
                            "'" + revision.service() +
                                "' is a program that speaks HTTP of its own, and takes no tensors: "
                                "send it its own requests, below " +
                                project + "/services/" + revision.service() + "/");
}

bool HasVersion(const net::HttpRequest& request) {
  return Parameter(request, "version").has_value();
}

Result<RevisionRuntime*> FindRevision(CoreSlot& core, const net::HttpRequest& request) {
  TRY(service, FindService(core, request));
  return FindRevision(core, *service, Parameter(request, "version"));
}

}  // namespace slipway::gateway::v2
