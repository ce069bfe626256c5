#include "oci/credentials.h"

#include <filesystem>

#include "oci/limits.h"

namespace slipway::oci {
namespace {

bool IsAbsolute(const std::string& path) {
  return path.starts_with('/');
}

}  // namespace

Result<std::vector<std::string>> CredentialFiles(const Environment& environment, unsigned user_id) {
  const std::string only = environment("REGISTRY_AUTH_FILE");
  if (!only.empty()) {
    if (IsAbsolute(only)) return std::vector{only};
    return InvalidArgument("PATH_INVALID",
                           "REGISTRY_AUTH_FILE: must be a path that begins with /, got " + only);
  }
  std::vector<std::string> paths;
  const std::string home = environment("HOME");
  std::string docker = environment("DOCKER_CONFIG");
  if (docker.empty() && IsAbsolute(home)) docker = home + "/.docker";
  if (!IsAbsolute(docker)) {
    return FailedPrecondition("HOME_MISSING",
                              "no folder for credentials: set HOME or DOCKER_CONFIG to a path that "
                              "begins with /");
  }
  paths.push_back(docker + "/config.json");
  const std::string run = environment("XDG_RUNTIME_DIR");
  paths.push_back(IsAbsolute(run) ? run + "/containers/auth.json"
                                  : "/run/containers/" + std::to_string(user_id) + "/auth.json");
  std::string config = environment("XDG_CONFIG_HOME");
  if (!IsAbsolute(config) && IsAbsolute(home)) config = home + "/.config";
  if (IsAbsolute(config)) paths.push_back(config + "/containers/auth.json");
  return paths;
}

CredentialStore::CredentialStore(FileSystem& files, std::vector<std::string> paths, RunHelper run)
    : files_(files), paths_(std::move(paths)), run_(std::move(run)) {}

Result<DockerConfig> CredentialStore::Read(const std::string& path) const {
  TRY(exists, files_.Exists(path));
  if (!exists) return DockerConfig();
  TRY(text, ReadWholeFile(files_, path, kMaxCredentialFileBytes));
  auto config = DockerConfig::Parse(text);
  if (!config) return config.error().Prefixed(path + ": ");
  return config;
}

Result<void> CredentialStore::Write(const std::string& path, const DockerConfig& config) {
  TRY(exists, files_.Exists(path));
  std::string target = path;
  if (exists) {
    TRY(canonical, files_.Canonical(path));
    target = std::move(canonical);
  } else {
    TRY_VOID(files_.MakeDirectories(std::filesystem::path(path).parent_path().string()));
  }
  return WriteFileDurably(files_, target, config.Text(), 0600);
}

Result<std::optional<Credentials>> CredentialStore::FindIn(const std::string& path,
                                                           std::string_view host,
                                                           std::string_view repository) const {
  TRY(config, Read(path));
  const auto in_file = [&path](const Error& error) { return error.Prefixed(path + ": "); };
  const auto name = config.HelperOf(host);
  if (!name) return in_file(name.error());
  if (!name->empty()) {
    const auto helper = CredentialHelper::Make(*name, run_);
    if (!helper) return in_file(helper.error());
    auto found = helper->Get(CredentialKey(host));
    if (!found) return in_file(found.error());
    if (*found) return found;
  }
  auto found = config.Find(host, repository);
  if (!found) return in_file(found.error());
  return found;
}

Result<std::optional<Credentials>> CredentialStore::Find(std::string_view host,
                                                         std::string_view repository) const {
  for (const std::string& path : paths_) {
    TRY(found, FindIn(path, host, repository));
    if (found) return found;
  }
  return std::optional<Credentials>();
}

Result<CredentialStore::Place> CredentialStore::Store(std::string_view host,
                                                      const Credentials& credentials) {
  const std::string& path = paths_.front();
  TRY(config, Read(path));
  TRY(name, config.HelperOf(host));
  Place place{.file = path, .helper = {}};
  if (name.empty()) {
    config.Put(host, credentials);
  } else {
    TRY(helper, CredentialHelper::Make(name, run_));
    TRY_VOID(helper.Store(CredentialKey(host), credentials));
    config.Put(host, {});  // as Docker does: who lists the file sees where there are sign-ins
    place.helper = helper.program();
  }
  TRY_VOID(Write(path, config));
  return place;
}

Result<CredentialStore::Removed> CredentialStore::Remove(std::string_view host) {
  const std::string& path = paths_.front();
  TRY(config, Read(path));
  TRY(name, config.HelperOf(host));
  Removed removed{.place = {.file = path, .helper = {}}};
  if (!name.empty()) {
    TRY(helper, CredentialHelper::Make(name, run_));
    TRY(erased, helper.Erase(CredentialKey(host)));
    removed.was_there = erased;
    removed.place.helper = helper.program();
  }
  if (config.Remove(host)) {
    TRY_VOID(Write(path, config));
    removed.was_there = true;
  }
  for (size_t i = 1; i < paths_.size(); ++i) {
    TRY(found, FindIn(paths_[i], host, ""));
    if (found) removed.others.push_back(paths_[i]);
  }
  return removed;
}

}  // namespace slipway::oci
