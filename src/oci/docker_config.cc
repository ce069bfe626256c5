#include "oci/docker_config.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "oci/limits.h"

namespace slipway::oci {
namespace {

constexpr std::string_view kHubKey = "https://index.docker.io/v1/";
constexpr std::array<std::string_view, 3> kHubHosts = {"docker.io", "index.docker.io",
                                                       "registry-1.docker.io"};

Error Invalid(const std::string& field, std::string_view words) {
  return InvalidArgument("CREDENTIALS_INVALID", field + ": " + std::string(words))
      .With("field", field);
}

// A member that is an object; nullptr where there is none, or null.
Result<const Json*> ObjectIn(const Json& json, const char* name, const std::string& field) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return static_cast<const Json*>(nullptr);
  if (!found->is_object()) return Invalid(field, "must be an object");
  return &*found;
}

Result<std::string> TextIn(const Json& json, const char* name, const std::string& field) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return std::string();
  if (!found->is_string()) return Invalid(field, "must be a string");
  return found->get<std::string>();
}

// "https://host/v1/" and "host" are the same registry.
std::string_view HostOfKey(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!key.starts_with(scheme)) continue;
    key.remove_prefix(scheme.size());
    return key.substr(0, key.find('/'));
  }
  return key;
}

Result<Credentials> CredentialsOf(const Json& entry, const std::string& field) {
  Credentials out;
  TRY(user, TextIn(entry, "username", field + ".username"));
  TRY(password, TextIn(entry, "password", field + ".password"));
  TRY(auth, TextIn(entry, "auth", field + ".auth"));
  TRY(identity, TextIn(entry, "identitytoken", field + ".identitytoken"));
  TRY(registry, TextIn(entry, "registrytoken", field + ".registrytoken"));
  if (!auth.empty()) {
    const auto pair = FromBase64(auth);
    const size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) {
      return Invalid(field + ".auth", "must be USER:PASSWORD in base64");
    }
    user = pair->substr(0, colon);
    password = pair->substr(colon + 1);
    // Some programs wrote zero bytes behind it.
    while (password.ends_with('\0')) password.pop_back();
  }
  return Credentials{.user = std::move(user),
                     .password = std::move(password),
                     .identity_token = std::move(identity),
                     .registry_token = std::move(registry)};
}

}  // namespace

std::string CredentialKey(std::string_view host) {
  if (std::ranges::find(kHubHosts, host) != kHubHosts.end()) return std::string(kHubKey);
  return std::string(host);
}

Result<DockerConfig> DockerConfig::Parse(std::string_view text) {
  DockerConfig config;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return config;
  TRY(json, ParseJson(text, {.max_bytes = kMaxCredentialFileBytes, .max_depth = 32}));
  if (!json.is_object()) return Invalid("the file", "must be a JSON object");
  TRY_VOID(ObjectIn(json, "auths", "auths"));
  TRY_VOID(ObjectIn(json, "credHelpers", "credHelpers"));
  config.json_ = std::move(json);
  return config;
}

Result<std::string> DockerConfig::HelperOf(std::string_view host) const {
  TRY(helpers, ObjectIn(json_, "credHelpers", "credHelpers"));
  for (const std::string& key : {CredentialKey(host), std::string(host)}) {
    if (helpers == nullptr) break;
    TRY(helper, TextIn(*helpers, key.c_str(), "credHelpers." + key));
    if (!helper.empty()) return helper;
  }
  return TextIn(json_, "credsStore", "credsStore");
}

Result<std::optional<Credentials>> DockerConfig::Find(std::string_view host,
                                                      std::string_view repository) const {
  TRY(auths, ObjectIn(json_, "auths", "auths"));
  if (auths == nullptr) return std::optional<Credentials>();
  const auto read = [](const std::string& key, const Json& entry) -> Result<Credentials> {
    const std::string field = "auths[" + key.substr(0, 200) + "]";
    if (!entry.is_object()) return Invalid(field, "must be an object");
    return CredentialsOf(entry, field);
  };
  std::string key = std::string(host) + "/" + std::string(repository);
  for (; key.size() >= host.size(); key.resize(std::min(key.rfind('/'), key.size()))) {
    const auto found = auths->find(key);
    if (found != auths->end()) {
      TRY(credentials, read(key, *found));
      if (!credentials.empty()) return std::optional(std::move(credentials));
    }
    if (key.find('/') == std::string::npos) break;
  }
  for (const auto& [name, entry] : auths->items()) {
    if (CredentialKey(HostOfKey(name)) != CredentialKey(host)) continue;
    TRY(credentials, read(name, entry));
    if (!credentials.empty()) return std::optional(std::move(credentials));
  }
  return std::optional<Credentials>();
}

void DockerConfig::Put(std::string_view host, const Credentials& credentials) {
  Remove(host);
  Json entry = Json::object();
  if (!credentials.identity_token.empty()) {
    entry["auth"] = Base64(credentials.user + ":");
    entry["identitytoken"] = credentials.identity_token;
  } else if (!credentials.empty()) {
    entry["auth"] = Base64(credentials.user + ":" + credentials.password);
  }
  if (!json_.contains("auths") || !json_["auths"].is_object()) json_["auths"] = Json::object();
  json_["auths"][CredentialKey(host)] = std::move(entry);
}

bool DockerConfig::Remove(std::string_view host) {
  const auto auths = json_.find("auths");
  if (auths == json_.end() || !auths->is_object()) return false;
  std::vector<std::string> keys;
  for (const auto& [name, entry] : auths->items()) {
    if (CredentialKey(HostOfKey(name)) == CredentialKey(host)) keys.push_back(name);
  }
  for (const std::string& key : keys) auths->erase(key);
  return !keys.empty();
}

std::string DockerConfig::Text() const {
  return DumpJsonPretty(json_) + "\n";
}

}  // namespace slipway::oci
