// What refers to a manifest: the registry's own list, and the fallback tag of older registries.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "oci/client.h"
#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"

namespace slipway::oci {
namespace {

// distribution-spec, "Referrers Tag Schema": the algorithm, a dash, at most 64 digits.
std::string FallbackTag(const Digest& subject) {
  std::string name = subject.text().substr(0, subject.text().find(':'));
  return name + "-" + std::string(subject.hex().substr(0, 64));
}

Result<std::vector<Descriptor>> EntriesOf(const std::string& index) {
  auto parsed = ParseManifest(index, kImageIndexType);
  if (!parsed) return parsed.error().Prefixed("the list of referrers: ");
  return std::move(parsed->children);
}

}  // namespace

Result<std::vector<Descriptor>> Client::ListReferrers(const std::string& repository,
                                                      const Digest& subject) {
  std::vector<Descriptor> found;
  uint64_t taken_bytes = 0;
  net::ClientRequest request;
  request.url = Url(repository, "referrers/" + subject.text());
  request.headers.emplace_back("Accept", std::string(kImageIndexType));
  request.max_response_bytes = kMaxAnswerBytes;
  for (size_t page = 0; page < kMaxTagPages && found.size() <= kMaxReferrers; ++page) {
    // Registries from before version 1.1 say that there is no such place, each in its own way.
    TRY(response, Send(request, "repository:" + repository + ":pull", {400, 404, 405}));
    if (response.status >= 300) {
      auto list = GetManifest(repository, FallbackTag(subject));
      if (!list && list.error().code() == Code::kNotFound) return found;
      if (!list) return list.error();
      return EntriesOf(list->bytes);
    }
    taken_bytes += response.body.size();
    if (taken_bytes > kMaxListBytes) break;
    TRY(entries, EntriesOf(response.body));
    std::ranges::move(entries, std::back_inserter(found));
    TRY(next, NextPage(response));
    if (next.empty()) return found;
    request.url = std::move(next);
  }
  return ResourceExhausted("REFERRERS_TOO_MANY",
                           "more manifests refer to " + subject.text() +
                               " than are read: " + std::to_string(kMaxReferrers) +
                               ", in lists of " + std::to_string(kMaxListBytes) + " bytes.");
}

Result<void> Client::PutReferrer(const std::string& repository, const Descriptor& referrer,
                                 const std::string& bytes, const Digest& subject) {
  net::ClientRequest request;
  request.method = "PUT";
  request.url = Url(repository, "manifests/" + referrer.digest.text());
  request.headers.emplace_back("Content-Type", referrer.media_type);
  request.body = bytes;
  TRY(response, Send(std::move(request), "repository:" + repository + ":pull,push"));
  if (response.Header("OCI-Subject")) return {};
  return NoteReferrer(repository, referrer, subject);
}

Result<void> Client::EnsureReferrer(const std::string& repository, const Descriptor& referrer,
                                    const Digest& subject) {
  TRY(listed, ListReferrers(repository, subject));
  if (std::ranges::find(listed, referrer.digest, &Descriptor::digest) != listed.end()) return {};
  return NoteReferrer(repository, referrer, subject);
}

Result<void> Client::NoteReferrer(const std::string& repository, const Descriptor& referrer,
                                  const Digest& subject) {
  const std::string tag = FallbackTag(subject);
  Json index = {{"schemaVersion", 2}, {"mediaType", kImageIndexType}, {"manifests", Json::array()}};
  auto list = GetManifest(repository, tag);
  if (!list && list.error().code() != Code::kNotFound) return list.error();
  if (list) {
    // Parsed twice: once for the checks, once to keep members that nobody here knows.
    TRY(entries, EntriesOf(list->bytes));
    if (std::ranges::find(entries, referrer.digest, &Descriptor::digest) != entries.end()) {
      return {};
    }
    TRY(json, ParseJson(list->bytes, {.max_bytes = kMaxManifestBytes}));
    index = std::move(json);
  }
  index["manifests"].push_back(ToJson(referrer));
  TRY_VOID(PutManifest(repository, tag, std::string(kImageIndexType), DumpJson(index)));
  return {};
}

}  // namespace slipway::oci
