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
// The revision of that version, else the one whose turn it is. Errors in Triton's words:
// UNAVAILABLE / MODEL_NOT_READY or MODEL_FAILED, NOT_FOUND / MODEL_UNKNOWN. Valid until the core's
// next suspension, or as long as it is counted in.
Result<RevisionRuntime*> FindRevision(CoreSlot& core, const ServiceEntry& service,
                                      std::optional<std::string_view> version);

// By the route's {model}, in its {project} or `default`, and its {version} if it has one.
Result<RevisionRuntime*> FindRevision(CoreSlot& core, const net::HttpRequest& request);
Result<const ServiceEntry*> FindService(const CoreSlot& core, const net::HttpRequest& request);
// Whether the route names a version.
bool HasVersion(const net::HttpRequest& request);

}  // namespace slipway::gateway::v2
