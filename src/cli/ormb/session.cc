#include "cli/ormb/session.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "base/json.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/sign_in.h"
#include "cli/text.h"

namespace slipway::cli::ormb {
namespace {

constexpr uint64_t kMaxConfigFileBytes = 1 << 20;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

// rootPath of a configuration, in any case, as ormb reads it; empty: it says nothing of it.
Result<std::string> RootPathOf(const std::string& path) {
  TRY(text, ReadWholeFile(PosixFileSystem(), path, kMaxConfigFileBytes));
  auto json = ParseYaml(text);
  if (!json) return json.error().Prefixed(path + ": ");
  if (!json->is_object()) return std::string();
  for (const auto& [name, value] : json->items()) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    if (lower != "rootpath") continue;
    if (value.is_string()) return value.get<std::string>();
    return InvalidArgument("CONFIG_INVALID", path + ": rootPath is no text");
  }
  return std::string();
}

Error Invalid(const std::string& text, std::string_view why) {
  return InvalidArgument("REFERENCE_INVALID",
                         fmt::format("invalid reference {}: {}", Printable(text), why));
}

// "models.example:5000", "127.0.0.1", "gaocegege": what may stand before the first slash.
bool IsHost(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view port =
      colon == std::string_view::npos ? std::string_view("0") : text.substr(colon + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && name.size() <= 253 && name.front() != '-' && name.front() != '.' &&
         !port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_digit) &&
         std::ranges::all_of(name, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
                  c == '.' || c == '_';
         });
}

}  // namespace

Result<std::string> RootPath(const GlobalOptions& global) {
  const std::string set = Variable("ORMB_ROOTPATH");
  if (!set.empty()) return AbsolutePath(set);
  if (!global.config.empty()) {
    TRY(stated, RootPathOf(AbsolutePath(global.config)));
    return AbsolutePath(stated.empty() ? "." : stated);
  }
  const std::string home = Variable("HOME");
  if (!home.starts_with('/')) {
    return FailedPrecondition("HOME_MISSING",
                              "no folder for ormb's models: set HOME or ORMB_ROOTPATH");
  }
  std::string own = home + "/.ormb";
  TRY(exists, PosixFileSystem().Exists(own + "/config.yaml"));
  if (!exists) return own;
  TRY(stated, RootPathOf(own + "/config.yaml"));
  return stated.empty() ? own : AbsolutePath(stated);
}

Result<OrmbReference> OrmbReference::Parse(const std::string& text) {
  std::string rest = text;
  if (const size_t at = rest.find('@'); at != std::string::npos) {
    if (!Digest::Parse(rest.substr(at + 1))) return Invalid(text, "the digest is malformed");
    rest.resize(at);
  }
  OrmbReference reference;
  const size_t colon = rest.rfind(':');
  if (colon != std::string::npos && rest.find('/', colon) == std::string::npos) {
    reference.tag = rest.substr(colon + 1);
    rest.resize(colon);
    if (!oci::CheckTag(reference.tag)) return Invalid(text, "the tag is malformed");
  }
  if (const size_t slash = rest.find('/'); slash != std::string::npos) {
    reference.host = rest.substr(0, slash);
    rest.erase(0, slash + 1);
    if (!IsHost(reference.host)) return Invalid(text, "the host is malformed");
  }
  reference.name = std::move(rest);
  const Result<void> name = oci::CheckRepositoryName(reference.name);
  if (!name) return Invalid(text, name.error().message());
  return reference;
}

Result<OrmbReference> OrmbReference::ParseExpanded(const std::string& text) {
  TRY(reference, Parse(text));
  const bool has_two_parts =
      !reference.host.empty() && reference.name.find('/') == std::string::npos;
  if (has_two_parts && !reference.tag.empty()) reference.name += "/" + reference.name;
  return reference;
}

Result<Session> Session::Open(const GlobalOptions& global) {
  TRY(root, RootPath(global));
  return OpenAt(std::move(root));
}

Result<Session> Session::OpenAt(std::string root) {
  FileSystem& files = PosixFileSystem();
  TRY_VOID(files.MakeDirectories(root, 0700));
  auto store = std::make_unique<model::LocalStore>(files, root + "/cache", SystemClock());
  oci::CredentialStore credentials(files, {root + "/config.json"}, oci::MakeRunHelper());
  auto notes = std::make_unique<oci::UploadNotes>(files, root + "/uploads", SystemClock());
  return Session(std::move(root), std::move(store), std::move(credentials), std::move(notes));
}

Result<model::LocalEntry> Session::Find(const OrmbReference& reference) {
  auto found = store_->Find(reference.full());
  if (found || found.error().reason() != "MODEL_UNKNOWN") return found;
  return NotFound("MODEL_UNKNOWN", fmt::format("Model not found: {}", reference.full()));
}

Result<Session::Registry> Session::OpenRegistry(const OrmbReference& reference,
                                                const NetworkOptions& network) {
  if (reference.host.empty()) {
    return Invalid(reference.full(), "it names no registry, write HOST/NAME:TAG");
  }
  TRY(options, ClientOptionsOf(reference.host, network));
  options.sign_in = fmt::format("Sign in with `slipway ormb login {}`.", reference.host);
  TRY(found, credentials_.Find(reference.host, reference.name));
  if (found) {
    options.user = found->user;
    options.password = found->password;
    options.identity_token = found->identity_token;
  }
  Registry registry;
  registry.reference = {
      .host = reference.host, .repository = reference.name, .tag = reference.tag, .digest = {}};
  registry.transfers.make_client = [options] { return std::make_unique<oci::Client>(options); };
  registry.client = registry.transfers.make_client();
  registry.transfers.notes = notes_.get();
  return registry;
}

Result<oci::ClientOptions> ClientOptionsOf(const std::string& host, const NetworkOptions& network) {
  TRY(options, OptionsOfRegistry(host));
  if (network.plain_http) options.base_url = "http://" + host;
  if (options.base_url.starts_with("https://") && network.insecure) {
    options.http.verify_tls = false;
    Note(
        Printable(fmt::format("WARNING! The certificate of {} is not checked. Use "
                              "--insecure=false.",
                              host)));
  }
  return options;
}

}  // namespace slipway::cli::ormb
