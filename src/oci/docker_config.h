// DockerConfig: the file in which Docker's and containers' programs keep credentials for registries
// (~/.docker/config.json, auth.json).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/result.h"

namespace slipway::oci {

// What signs in to one registry. One of the three ways, or none.
struct Credentials {
  std::string user;
  std::string password;
  std::string identity_token;  // a refresh token of its token service, instead of a password
  std::string registry_token;  // what is sent to it as it is

  bool empty() const {
    return user.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
  bool operator==(const Credentials&) const = default;
};

// The name that Docker's files and helpers have for a registry: its HOST[:PORT], and for Docker Hub
// by any of its names `https://index.docker.io/v1/`.
std::string CredentialKey(std::string_view host);

// What is not about credentials is kept as it is.
class DockerConfig {
 public:
  DockerConfig() = default;  // an empty file
  // INVALID_ARGUMENT / CREDENTIALS_INVALID names the field, never a value of it. An empty text is
  // an empty file.
  static Result<DockerConfig> Parse(std::string_view text);

  // NAME of the program docker-credential-NAME that keeps the credentials of the host
  // (`credHelpers`, else `credsStore`); empty: none does, they are in this file.
  Result<std::string> HelperOf(std::string_view host) const;
  // From `auths`. Keys are tried from the longest to the shortest, as containers' programs write
  // them (`host/team/app`, `host/team`, `host`), then with a scheme in front, as old files have it.
  Result<std::optional<Credentials>> Find(std::string_view host, std::string_view repository) const;

  // The entry of the host in `auths`; empty credentials say that a helper has them.
  void Put(std::string_view host, const Credentials& credentials);
  // All entries of the host itself. false: there were none.
  bool Remove(std::string_view host);

  std::string Text() const;

 private:
  Json json_ = Json::object();
};

}  // namespace slipway::oci
