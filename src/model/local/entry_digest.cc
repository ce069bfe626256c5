#include "model/local/entry_digest.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>

#include <fmt/format.h>

namespace slipway::model {
namespace {

constexpr std::string_view kAlgorithmPrefixes[] = {"sha256:", "sha512:"};
constexpr size_t kMaxCandidates = 5;

// "sha256:ab12... (default/fraud:v1)"
std::string Candidates(const std::map<Digest, std::string>& names) {
  std::string text;
  size_t count = 0;
  for (const auto& [digest, name] : names) {
    if (++count > kMaxCandidates)
      return text + fmt::format(" and {} more", names.size() - kMaxCandidates);
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", digest.text(),
                        name.empty() ? "<none>" : name);
  }
  return text;
}

}  // namespace

bool IsDigestPrefix(std::string_view text) {
  size_t max_digits = 128;
  for (const std::string_view algorithm : kAlgorithmPrefixes) {
    if (!text.starts_with(algorithm)) continue;
    text.remove_prefix(algorithm.size());
    if (algorithm == "sha256:") max_digits = 64;
    break;
  }
  return text.size() >= kMinDigestDigits && text.size() <= max_digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool HasDigestPrefix(const Digest& digest, std::string_view prefix) {
  return digest.text().starts_with(prefix) || digest.hex().starts_with(prefix);
}

Result<std::vector<LocalEntry>> EntriesOfDigest(const std::vector<LocalEntry>& entries,
                                                std::string_view prefix) {
  std::vector<LocalEntry> found;
  for (const bool has_name : {true, false}) {
    std::ranges::copy_if(entries, std::back_inserter(found), [&](const LocalEntry& entry) {
      return entry.name.empty() != has_name && HasDigestPrefix(entry.manifest.digest, prefix);
    });
  }
  std::map<Digest, std::string> names;
  for (const LocalEntry& entry : found) names.emplace(entry.manifest.digest, entry.name);
  if (names.size() <= 1) return found;
  return InvalidArgument("DIGEST_AMBIGUOUS",
                         fmt::format("{} is the beginning of {}: write more of it, or a name",
                                     prefix, Candidates(names)));
}

}  // namespace slipway::model
