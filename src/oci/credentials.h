// Where the credentials of registries are found, and where a sign-in is kept.
//
// With REGISTRY_AUTH_FILE set, that file alone counts. Otherwise, for each registry, the first of
// these that has something for it:
//   1. ${DOCKER_CONFIG:-~/.docker}/config.json
//   2. ${XDG_RUNTIME_DIR}/containers/auth.json, or without that /run/containers/UID/auth.json
//   3. ${XDG_CONFIG_HOME:-~/.config}/containers/auth.json
// In each file a credential helper is asked before `auths`. Sign-ins are written to the first.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "oci/credential_helper.h"
#include "oci/docker_config.h"

namespace slipway::oci {

// The value of a variable of the environment, empty if it is not set.
using Environment = std::function<std::string(const char* name)>;

// The files above, from the first to the last. FAILED_PRECONDITION / HOME_MISSING if nothing says
// where the first one is.
Result<std::vector<std::string>> CredentialFiles(const Environment& environment, unsigned user_id);

// Blocking; not thread-safe. Errors begin with the file or the helper that they are about.
class CredentialStore {
 public:
  // At least one file.
  CredentialStore(FileSystem& files, std::vector<std::string> paths, RunHelper run);

  // What signs in to the repository's registry; nothing is known: nothing.
  Result<std::optional<Credentials>> Find(std::string_view host, std::string_view repository) const;

  // Where a sign-in is, for people.
  struct Place {
    std::string file;
    std::string helper;  // program that keeps it; empty: the file does
  };
  // Keeps the rest of the file. The file gets mode 0600 and is replaced as a whole; a link is
  // followed.
  Result<Place> Store(std::string_view host, const Credentials& credentials);

  struct Removed {
    bool was_there = false;
    Place place;
    std::vector<std::string> others;  // files that still have something for the host
  };
  Result<Removed> Remove(std::string_view host);

 private:
  Result<DockerConfig> Read(const std::string& path) const;
  Result<void> Write(const std::string& path, const DockerConfig& config);
  Result<std::optional<Credentials>> FindIn(const std::string& path, std::string_view host,
                                            std::string_view repository) const;

  FileSystem& files_;
  std::vector<std::string> paths_;
  RunHelper run_;
};

}  // namespace slipway::oci
