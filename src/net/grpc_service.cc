#include "net/grpc_service.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipway::net {

void GrpcService::Add(GrpcMethod method) {
  CHECK((method.unary != nullptr) != (method.stream != nullptr));
  std::string path = method.path;
  CHECK_NOTE(methods_.emplace(std::move(path), std::move(method)).second,
             "a method is there twice");
}

const GrpcMethod* GrpcService::Find(std::string_view path) const {
  const auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

bool GrpcService::Has(std::string_view service) const {
  return std::any_of(methods_.begin(), methods_.end(), [service](const auto& method) {
    const std::string_view path = method.first;
    return path.size() > service.size() + 2 && path.substr(1).starts_with(service) &&
           path[service.size() + 1] == '/';
  });
}

}  // namespace slipway::net
