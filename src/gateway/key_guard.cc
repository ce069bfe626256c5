#include "gateway/key_guard.h"

#include <string>
#include <string_view>

#include "gateway/limits.h"
#include "gateway/telemetry/telemetry.h"
#include "trust/access.h"

namespace slipway::gateway {
namespace {

Error Missing() {
  return Unauthenticated("TOKEN_MISSING",
                         "this needs a key: send `Authorization: Bearer KEY`, or Basic with any "
                         "user name and the key as password");
}

Error Invalid() {
  return Unauthenticated("TOKEN_INVALID",
                         "the key is not valid here: make one with `slipway token create "
                         "--service NAME`");
}

// The hash of the key that a request brings. Hashes of keys that were good are kept by the core.
Result<std::string> SentHash(CoreSlot& core, std::optional<std::string_view> authorization) {
  const std::optional<std::string> token = trust::SentToken(authorization);
  if (!token) return Missing();
  if (token->empty()) return Invalid();
  if (const auto known = core.known_keys.find(*token); known != core.known_keys.end()) {
    return known->second;
  }
  std::string hash = trust::HashToken(*token);
  if (!core.snapshot->KnowsKey(hash)) return Invalid();
  if (core.known_keys.size() < kMaxCachedKeys) core.known_keys.emplace(*token, hash);
  return hash;
}

Result<void> CheckNamedService(CoreSlot& core, Clock& clock, const net::HttpRequest& request) {
  const ServiceEntry* service = core.snapshot->Find(ProjectOf(request), request.Parameter("model"));
  if (service == nullptr || !service->needs_key) return {};
  TRY(key, CheckKey(core, clock, *service, request.Header("authorization")));
  RequestRecord* const record = RecordOf(request);
  if (record != nullptr && key != nullptr) record->key = key->name;
  return {};
}

Result<void> Check(CoreSlots& slots, Clock& clock, const ControlAccess& control,
                   const net::Route& route, const net::HttpRequest& request) {
  switch (route.access) {
    case net::Access::kOpen:
      return {};
    case net::Access::kInference:
      return CheckNamedService(slots.current(), clock, request);
    case net::Access::kLocal: {
      if (request.peer_is_loopback) return {};
      TRY_VOID(SentHash(slots.current(), request.Header("authorization")));
      return {};
    }
    case net::Access::kControl:
      return CheckControl(control, request.peer_is_loopback, request.Header("authorization"));
    default:
      break;
  }
  return PermissionDenied("ROUTE_CLOSED", "nobody may call this route");
}

}  // namespace

const KeyEntry* FindKey(CoreSlot& core, const ServiceEntry& service,
                        std::optional<std::string_view> authorization) {
  const Result<std::string> hash = SentHash(core, authorization);
  if (hash.has_error()) return nullptr;
  const auto key = service.keys.find(*hash);
  return key == service.keys.end() ? nullptr : &key->second;
}

Result<const KeyEntry*> CheckKey(CoreSlot& core, Clock& clock, const ServiceEntry& service,
                                 std::optional<std::string_view> authorization) {
  if (!service.needs_key) return nullptr;
  TRY(hash, SentHash(core, authorization));
  const auto key = service.keys.find(hash);
  if (key == service.keys.end()) {
    return PermissionDenied("TOKEN_OTHER_SERVICE",
                            "the key is for another service, not for '" + service.name +
                                "': make one with `slipway token create --service " + service.name +
                                "`");
  }
  const int64_t now_ms = clock.Wall().time_since_epoch().count();
  const int64_t expires_at_ms = key->second.expires_at_ms;
  if (expires_at_ms != 0 && now_ms >= expires_at_ms) {
    return Unauthenticated("TOKEN_EXPIRED",
                           "the key has expired: make a new one with `slipway "
                           "token create --service " +
                               service.name + "`");
  }
  return &key->second;
}

Result<void> CheckControl(const ControlAccess& control, bool peer_is_loopback,
                          std::optional<std::string_view> authorization) {
  if (control.is_managed) {
    return FailedPrecondition("MANAGED",
                              "what is served here is managed: `slipway deploy` and `slipway "
                              "apply` change it, and `slipway delete service/NAME` ends it");
  }
  if (!control.token_sha256.empty()) {
    const std::optional<std::string> token = trust::SentToken(authorization);
    if (!token) return Missing();
    if (trust::HashToken(*token) == control.token_sha256) return {};
    return Unauthenticated("TOKEN_INVALID", "the token is not the one in the file of --token-file");
  }
  if (control.is_open_on_loopback && peer_is_loopback) return {};
  return PermissionDenied("CONTROL_CLOSED",
                          "this changes what the server does, and nobody may: start it with "
                          "--token-file FILE, or on loopback with --allow-control");
}

std::string_view ProjectOf(const net::HttpRequest& request) {
  for (const auto& [name, value] : request.parameters) {
    if (name == "project") return value;
  }
  return kDefaultProject;
}

net::QuickGuard MakeKeyGuard(CoreSlots& slots, Clock& clock, const ControlAccess& control) {
  return [&slots, &clock, &control](const net::Route& route, net::HttpRequest& request) {
    return Check(slots, clock, control, route, request);
  };
}

}  // namespace slipway::gateway
