#include "oci/credential_helper.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "oci/limits.h"

namespace slipway::oci {
namespace {

constexpr std::string_view kPrefix = "docker-credential-";
// A helper's way to say that the password is a refresh token.
constexpr std::string_view kTokenUser = "<token>";
constexpr std::string_view kNotFound = "credentials not found";
constexpr size_t kShownBytes = 200;

std::string Printable(std::string_view text) {
  std::string out(text.substr(0, kShownBytes));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

bool IsName(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 64 && name.front() != '.' &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

Result<CredentialHelper> CredentialHelper::Make(std::string_view name, RunHelper run) {
  if (!IsName(name)) {
    return InvalidArgument("HELPER_NAME", "'" + Printable(name) +
                                              "' is no credential helper's name: letters, digits, "
                                              "'.', '_' and '-' are, as in `pass`");
  }
  return CredentialHelper(std::string(kPrefix) + std::string(name), std::move(run));
}

Error CredentialHelper::Failed(std::string_view verb, const HelperResult& result) const {
  const std::string said = Printable(result.output);
  return FailedPrecondition("HELPER_FAILED", program_ + " " + std::string(verb) + ": exited with " +
                                                 std::to_string(result.exit_status) +
                                                 (said.empty() ? std::string() : ": " + said));
}

Result<std::optional<Credentials>> CredentialHelper::Get(const std::string& key) const {
  TRY(result, run_(program_, "get", key));
  if (result.exit_status != 0) {
    if (result.output.find(kNotFound) != std::string::npos) return std::optional<Credentials>();
    return Failed("get", result);
  }
  // What it wrote is not told: it may hold the secret.
  const auto json = ParseJson(result.output, {.max_bytes = kMaxHelperBytes, .max_depth = 4});
  const auto text = [&](const char* name) {
    const bool is_there = json && json->is_object() && json->contains(name);
    return is_there && (*json)[name].is_string() ? (*json)[name].get<std::string>() : std::string();
  };
  if (!json || !json->is_object()) {
    return FailedPrecondition("HELPER_FAILED",
                              program_ + " get: what it answered is no JSON object");
  }
  Credentials out;
  if (text("Username") == kTokenUser) {
    out.identity_token = text("Secret");
  } else {
    out.user = text("Username");
    out.password = text("Secret");
  }
  return out.empty() ? std::optional<Credentials>() : std::optional(std::move(out));
}

Result<void> CredentialHelper::Store(const std::string& key, const Credentials& credentials) const {
  const bool is_token = !credentials.identity_token.empty();
  const Json input = {{"ServerURL", key},
                      {"Username", is_token ? std::string(kTokenUser) : credentials.user},
                      {"Secret", is_token ? credentials.identity_token : credentials.password}};
  TRY(result, run_(program_, "store", DumpJson(input)));
  if (result.exit_status == 0) return {};
  // What repeats the secret is not told.
  const std::string& secret = is_token ? credentials.identity_token : credentials.password;
  if (result.output.find(secret) == std::string::npos) return Failed("store", result);
  return Failed("store", {.exit_status = result.exit_status, .output = {}});
}

Result<bool> CredentialHelper::Erase(const std::string& key) const {
  TRY(result, run_(program_, "erase", key));
  if (result.exit_status == 0) return true;
  if (result.output.find(kNotFound) != std::string::npos) return false;
  return Failed("erase", result);
}

}  // namespace slipway::oci
