#include "cli/model/keys.h"

#include <sys/stat.h>

#include <cstdlib>

#include <fmt/format.h>

#include "cli/input.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "cli/text.h"
#include "trust/limits.h"
#include "trust/sealed_key.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxPasswordBytes = 8 << 10;

Result<std::string> FromInput() {
  TRY(text, ReadInput("-", kMaxPasswordBytes));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> FromTerminal(PasswordUse use) {
  auto password = Ask("Password of the private key: ", Echo::kHidden);
  if (!password && password.error().code() != Code::kCancelled) {
    return InvalidArgument("USAGE",
                           "there is no terminal to ask for the key's password at; give it with "
                           "--password-stdin or in COSIGN_PASSWORD");
  }
  if (!password || use == PasswordUse::kOpenKey) return password;
  TRY(again, Ask("The same again: ", Echo::kHidden));
  const bool is_same = again == *password;
  trust::Wipe(again);
  if (is_same) return password;
  trust::Wipe(*password);
  return InvalidArgument("USAGE", "the two passwords are not the same; nothing was written");
}

void WarnIfExposed(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 077) == 0) {
    return;
  }
  Note(Printable(fmt::format("warning: {} can be read by others: chmod 600 it", path)));
}

}  // namespace

Result<std::string> KeyPassword(bool from_stdin, PasswordUse use) {
  if (from_stdin) return FromInput();
  const char* variable = std::getenv("COSIGN_PASSWORD");  // NOLINT(concurrency-mt-unsafe)
  if (variable != nullptr) return std::string(variable);
  return FromTerminal(use);
}

Result<trust::SigningKey> ReadSigningKey(const std::string& path, bool password_from_stdin) {
  TRY(pem, ReadInput(path, trust::kMaxKeyBytes));
  WarnIfExposed(path);
  auto key = trust::SigningKey::Parse(
      pem, [&] { return KeyPassword(password_from_stdin, PasswordUse::kOpenKey); });
  trust::Wipe(pem);
  if (!key && key.error().reason() == "USAGE") return key.error();
  if (!key) return key.error().Prefixed(Printable(path) + ": ");
  return key;
}

Result<trust::PublicKey> ReadPublicKey(const std::string& path) {
  TRY(pem, ReadInput(path, trust::kMaxKeyBytes));
  auto key = trust::PublicKey::Parse(pem);
  if (!key) return key.error().Prefixed(Printable(path) + ": ");
  return key;
}

Result<std::map<std::string, std::string>> ParseAnnotations(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> annotations;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidArgument("USAGE", fmt::format("-a {}: write NAME=VALUE", Printable(text)));
    }
    if (!annotations.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      return InvalidArgument("USAGE",
                             fmt::format("-a {}: the name is there twice", Printable(text)));
    }
  }
  if (annotations.size() > trust::kMaxSignedAnnotations) {
    return InvalidArgument("USAGE", fmt::format("-a: at most {} annotations are signed",
                                                trust::kMaxSignedAnnotations));
  }
  return annotations;
}

}  // namespace slipway::cli
