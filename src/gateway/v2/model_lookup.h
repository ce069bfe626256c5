// ModelLookup: which revision a V2 request is for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/core_slot.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

// What clients call a model.
struct ModelName {
  std::string_view project;
  std::string_view service;
  std::optional<std::string_view> version;
};

// SERVICE, or PROJECT/SERVICE outside of the project `default`: what gRPC's clients call it.
std::string FullName(const ServiceEntry& service);
// The service, ready or not: NOT_FOUND / MODEL_UNKNOWN.
Result<const ServiceEntry*> FindService(const CoreSlot& core, const ModelName& name);
// The revision of that version, else one of the default route. Errors in Triton's words:
// UNAVAILABLE / MODEL_NOT_READY or MODEL_FAILED, NOT_FOUND / MODEL_UNKNOWN. Valid until the core's
// next suspension, or as long as it is counted in.
Result<RevisionRuntime*> FindRevision(CoreSlot& core, const ServiceEntry& service,
                                      std::optional<std::string_view> version);

// The revision that the service's traffic gives to this request, and its shadow. A version goes by
// no rule. Errors and validity as above.
Result<Choice> ChooseRevision(CoreSlot& core, const ServiceEntry& service,
                              std::optional<std::string_view> version,
                              routing::RequestFacts& request);
// The same for a request whose JSON, followed by kBodyPadding readable bytes, is this.
Result<Choice> ChooseRevision(CoreSlot& core, const net::HttpRequest& request,
                              std::string_view json);

// By the route's {model}, in its {project} or `default`, and its {version} if it has one.
Result<RevisionRuntime*> FindRevision(CoreSlot& core, const net::HttpRequest& request);
Result<const ServiceEntry*> FindService(const CoreSlot& core, const net::HttpRequest& request);
// Whether the route names a version.
bool HasVersion(const net::HttpRequest& request);

// FAILED_PRECONDITION / SERVICE_SPEAKS_HTTP for a revision that takes no tensors.
Result<void> CheckTakesTensors(const RevisionRuntime& revision);

}  // namespace slipway::gateway::v2
