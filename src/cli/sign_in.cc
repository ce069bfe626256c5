#include "cli/sign_in.h"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "cli/input.h"
#include "oci/reference.h"
#include "oci/registry_authority.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxAuthorityBytes = 1 << 20;

bool IsThisMachine(std::string_view host) {
  std::string_view name =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

// `authority` is what FindAuthority found.
std::string RegistryUrl(std::string_view host, const std::optional<std::string>& authority) {
  if (IsThisMachine(host) && !authority) return fmt::format("http://{}", host);
  // Docker Hub's registry has another name than its references.
  const bool is_hub = oci::CredentialKey(host) != host;
  return fmt::format("https://{}", is_hub ? "registry-1.docker.io" : host);
}

}  // namespace

Result<void> CheckRegistryHost(const std::string& host) {
  const auto reference = oci::Reference::Parse(host + "/name:tag");
  if (reference && reference->host == host) return {};
  return InvalidArgument(
      "HOST_INVALID", fmt::format("\"{}\" is no registry's host: write HOST or HOST:PORT, with a "
                                  "dot or a port (or localhost), and neither scheme nor path",
                                  host));
}

Result<oci::ClientOptions> OptionsOfRegistry(const std::string& host, const std::string& ca_file) {
  std::optional<std::string> authority;
  if (ca_file.empty()) {
    TRY(found, oci::FindAuthority(PosixFileSystem(), oci::AuthorityFolders(Variable, host)));
    authority = std::move(found);
  } else {
    authority = AbsolutePath(ca_file);
  }
  oci::ClientOptions options;
  options.base_url = RegistryUrl(host, authority);
  options.http.ca_file = authority.value_or("");
  return options;
}

Result<std::string> KeepRegistryAuthority(const std::string& host, const std::string& ca_file) {
  FileSystem& files = PosixFileSystem();
  TRY(pem, ReadWholeFile(files, AbsolutePath(ca_file), kMaxAuthorityBytes));
  auto kept = oci::KeepAuthority(files, oci::AuthorityFolders(Variable, host), pem);
  return kept ? kept : kept.error().Prefixed(ca_file + ": ");
}

Result<oci::CredentialStore> OpenCredentials() {
  TRY(paths, oci::CredentialFiles(Variable, ::getuid()));
  return oci::CredentialStore(PosixFileSystem(), std::move(paths), oci::MakeRunHelper());
}

std::string PlaceText(const oci::CredentialStore::Place& place) {
  return place.helper.empty() ? place.file : fmt::format("{} (of {})", place.helper, place.file);
}

}  // namespace slipway::cli
