#include "cli/registry_access.h"

#include <optional>

#include <fmt/format.h>

#include "cli/model/local.h"
#include "cli/sign_in.h"
#include "oci/challenge.h"

namespace slipway::cli {
namespace {

// What was refused before the registry saw it is no error of the registry's format.
bool IsProblem(const net::ClientResponse& response) {
  return response.status >= 400 &&
         response.Header("Content-Type").value_or("").starts_with("application/problem+json");
}

Result<net::ClientResponse> SendToOwn(net::HttpClient& http, const Context& context,
                                      const net::ClientRequest& request) {
  Result<net::ClientResponse> response = http.Send(request);
  if (!response) return ErrorOfContext(context, response.error());
  const bool is_refusal = response->status == 401 || IsProblem(*response);
  if (request.method == "HEAD" && is_refusal) {  // no words come with it: a GET gets them
    net::ClientRequest why;
    why.url = context.address + "/v2/";
    for (const auto& [name, value] : request.headers) {
      if (name == "Authorization") why.headers.emplace_back(name, value);
    }
    Result<net::ClientResponse> words = http.Send(why);
    if (words && words->status == response->status) response = std::move(words);
  }
  if (!IsProblem(*response)) return response;
  return ErrorOfProblem(response->status, response->body)
      .Prefixed(fmt::format("context {}: ", context.name));
}

oci::Transport TransportOf(const Context& context) {
  auto http = std::make_shared<net::HttpClient>(HttpOptionsOf(context));
  return [context, http](const net::ClientRequest& request) {
    return SendToOwn(*http, context, request);
  };
}

// Another registry, with what Docker's files and helpers have for it.
Result<void> SignIn(const oci::Reference& reference, oci::ClientOptions& options) {
  TRY(of_registry, OptionsOfRegistry(reference.host));
  options = std::move(of_registry);
  options.sign_in = fmt::format("Sign in with `slipway login {}`.", reference.host);
  TRY(store, OpenCredentials());
  TRY(found, store.Find(reference.host, reference.repository));
  if (!found) return {};
  options.token = found->registry_token;
  options.user = found->user;
  options.password = found->password;
  options.identity_token = found->identity_token;
  return {};
}

// Beside the local store, in the user's cache.
std::shared_ptr<oci::UploadNotes> OpenNotes(Clock& clock) {
  const auto cache = CacheFolder();
  if (!cache) return nullptr;
  return std::make_shared<oci::UploadNotes>(PosixFileSystem(), *cache + "/uploads", clock);
}

}  // namespace

std::string RegistryAccess::FullName() const {
  return fmt::format("{}/{}", host, reference.repository);
}

Result<RegistryAccess> OpenRegistry(Client& client, const std::string& text, Selector selector) {
  RegistryAccess access;
  TRY(reference, oci::Reference::Parse(text));
  if (selector == Selector::kRequired && reference.tag.empty() && !reference.digest) {
    return InvalidArgument("REFERENCE_INVALID",
                           fmt::format("{0}: the tag is missing, write {0}:TAG", text));
  }
  access.is_own = reference.host.empty();
  oci::ClientOptions options;
  std::optional<Context> context;
  if (access.is_own) {
    TRY(api, client.Api());
    TRY(token, api->Token());
    options.base_url = api->context().address;
    options.token = token;
    context = api->context();
    TRY(address, oci::SplitUrl(api->context().address));
    access.host = address.origin.substr(address.origin.find("://") + 3);
  } else {
    TRY_VOID(SignIn(reference, options));
    access.host = reference.host;
  }
  access.reference = std::move(reference);
  access.make_client = [options, context] {
    oci::ClientOptions own = options;
    if (context) own.transport = TransportOf(*context);
    return std::make_unique<oci::Client>(std::move(own));
  };
  access.client = access.make_client();
  access.notes = OpenNotes(client.clock());
  return access;
}

}  // namespace slipway::cli
