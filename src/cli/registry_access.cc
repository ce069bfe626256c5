#include "cli/registry_access.h"

#include <fmt/format.h>

namespace slipway::cli {
namespace {

bool IsThisMachine(std::string_view host) {
  std::string_view name =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

}  // namespace

Result<RegistryAccess> OpenRegistry(Client& client, const std::string& text) {
  RegistryAccess access;
  TRY(reference, oci::Reference::Parse(text));
  if (reference.tag.empty() && !reference.digest) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{0}: the tag is missing, write {0}:TAG", text));
  }
  access.is_own = reference.host.empty();
  oci::ClientOptions options;
  if (access.is_own) {
    TRY(api, client.Api());
    TRY(token, api->Token());
    options.base_url = api->context().address;
    options.token = token;
    options.http.ca_file = api->context().ca_file;
  } else {
    options.base_url = (IsThisMachine(reference.host) ? "http://" : "https://") + reference.host;
  }
  access.reference = std::move(reference);
  access.client = std::make_unique<oci::Client>(std::move(options));
  return access;
}

}  // namespace slipway::cli
