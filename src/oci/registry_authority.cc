#include "oci/registry_authority.h"

#include <algorithm>

namespace slipway::oci {
namespace {

constexpr std::string_view kEtcFolders[] = {"/etc/containers/certs.d/", "/etc/docker/certs.d/"};
constexpr std::string_view kOwnFile = "ca.crt";

bool IsAbsolute(std::string_view path) {
  return path.starts_with('/');
}

}  // namespace

std::vector<std::string> AuthorityFolders(const Environment& environment, std::string_view host) {
  std::vector<std::string> folders;
  std::string config = environment("XDG_CONFIG_HOME");
  const std::string home = environment("HOME");
  if (!IsAbsolute(config) && IsAbsolute(home)) config = home + "/.config";
  if (IsAbsolute(config)) {
    folders.push_back(config.append("/containers/certs.d/").append(host));
  }
  for (const std::string_view folder : kEtcFolders) {
    folders.push_back(std::string(folder).append(host));
  }
  return folders;
}

Result<std::optional<std::string>> FindAuthority(FileSystem& files,
                                                 const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const auto names = files.List(folder);
    if (!names) continue;  // hardly anybody has such a folder, and some may not read one
    std::vector<std::string> found;
    std::ranges::copy_if(*names, std::back_inserter(found),
                         [](const std::string& name) { return name.ends_with(".crt"); });
    if (found.empty()) continue;
    if (std::ranges::find(found, kOwnFile) != found.end()) {
      return std::optional(folder + "/" + std::string(kOwnFile));
    }
    if (found.size() == 1) return std::optional(folder + "/" + found.front());
    return FailedPrecondition(
        "AUTHORITY_AMBIGUOUS",
        folder + ": has several *.crt files; put their content into one, " + std::string(kOwnFile));
  }
  return std::optional<std::string>();
}

Result<std::string> KeepAuthority(FileSystem& files, const std::vector<std::string>& folders,
                                  std::string_view pem) {
  if (pem.find("-----BEGIN CERTIFICATE-----") == std::string_view::npos) {
    return InvalidArgument("AUTHORITY_INVALID",
                           "has no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----");
  }
  if (folders.empty() || folders.front().starts_with("/etc/")) {
    return FailedPrecondition("HOME_MISSING",
                              "no folder to keep it in: set HOME or XDG_CONFIG_HOME to a path that "
                              "begins with /");
  }
  TRY_VOID(files.MakeDirectories(folders.front()));
  std::string path = folders.front() + "/" + std::string(kOwnFile);
  TRY_VOID(WriteFileDurably(files, path, pem, 0644));
  return path;
}

}  // namespace slipway::oci
