#include "engine/worker/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace slipway::engine::worker {
namespace {

constexpr std::array<std::string_view, 18> kWords = {
    "TOKEN",   "TOKENS",     "SECRET",      "SECRETS", "PASSWORD", "PASSWORDS",
    "PASSWD",  "PASSPHRASE", "CREDENTIAL",  "KEY",     "KEYS",     "APIKEY",
    "HEADERS", "AUTH",       "CREDENTIALS", "DSN",     "COOKIE",   "PASS",
};

// "https://user:password@host/path"
bool HasPassword(std::string_view value) {
  const size_t scheme = value.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view rest = value.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const size_t at = authority.rfind('@');
  return at != std::string_view::npos &&
         authority.substr(0, at).find(':') != std::string_view::npos;
}

std::set<std::string, std::less<>> Kept() {
  std::set<std::string, std::less<>> names;
  const char* const word = getenv("SLIPWAY_PROGRAM_ENVIRONMENT");  // NOLINT(concurrency-mt-unsafe)
  std::string_view rest = word == nullptr ? "" : word;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    names.emplace(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

}  // namespace

bool IsSecret(std::string_view name, std::string_view value) {
  std::string word;
  for (size_t i = 0; i <= name.size(); ++i) {
    const char c = i < name.size() ? name[i] : '_';
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      continue;
    }
    if (std::ranges::find(kWords, word) != kWords.end()) return true;
    word.clear();
  }
  return HasPassword(value);
}

void DropSecrets() {
  const auto kept = Kept();
  std::vector<std::string> dropped;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view whole = *entry;
    const size_t equals = std::min(whole.find('='), whole.size());
    const std::string_view name = whole.substr(0, equals);
    const std::string_view value = whole.substr(std::min(equals + 1, whole.size()));
    if (!kept.contains(name) && IsSecret(name, value)) dropped.emplace_back(name);
  }
  for (const std::string& name : dropped) unsetenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace slipway::engine::worker
