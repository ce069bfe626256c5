#include "oci/client.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "net/http_message.h"
#include "oci/client_error.h"
#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"

namespace slipway::oci {
namespace {

constexpr int kMaxRedirects = 5;

std::string PullScope(const std::string& repository) {
  return "repository:" + repository + ":pull";
}
std::string PushScope(const std::string& repository) {
  return "repository:" + repository + ":pull,push";
}

std::string AcceptedManifests() {
  std::string out;
  for (const std::string_view type :
       {kImageManifestType, kImageIndexType, kDockerManifestType, kDockerListType}) {
    out.append(out.empty() ? "" : ", ").append(type);
  }
  return out;
}

// The digest of an answer's manifest: the header's, which must be that of the bytes if there are
// any.
Result<FetchedManifest> CheckManifest(const net::ClientResponse& response,
                                      const std::string& selector) {
  const auto requested = Digest::Parse(selector);
  FetchedManifest out{
      .digest =
          Digest::Of(response.body, requested ? requested->algorithm() : DigestAlgorithm::kSha256),
      .media_type = MediaTypeWithoutParameters(response.Header("Content-Type").value_or("")),
      .bytes = response.body};
  if (requested && *requested != out.digest) {
    return DataLoss("DIGEST_MISMATCH", "the registry answered " + selector +
                                           " with a manifest of digest " + out.digest.text() +
                                           "; it is damaged there or on the way.");
  }
  return out;
}

Result<void> TakeTags(const std::string& body, std::vector<std::string>& tags) {
  TRY(json, ParseJson(body, {.max_bytes = kMaxAnswerBytes, .max_depth = 8}));
  const auto found = json.is_object() ? json.find("tags") : json.end();
  if (found == json.end()) return Internal("REGISTRY_PROTOCOL", "the tag list has no tags.");
  if (found->is_null()) return {};
  if (!found->is_array()) return Internal("REGISTRY_PROTOCOL", "the tag list's tags are no list.");
  for (const Json& tag : *found) {
    if (!tag.is_string()) return Internal("REGISTRY_PROTOCOL", "a tag in the list is no string.");
    tags.push_back(tag.get<std::string>());
  }
  return {};
}

}  // namespace

Client::Client(ClientOptions options)
    : options_(std::move(options)),
      clock_(options_.clock == nullptr ? &SystemClock() : options_.clock) {
  if (options_.transport) {
    transport_ = options_.transport;
  } else {
    http_ = std::make_unique<net::HttpClient>(options_.http);
    elsewhere_ = std::make_unique<net::HttpClient>(
        net::HttpClient::Options{.verify_tls = options_.http.verify_tls});
    transport_ = [this](const net::ClientRequest& request) {
      return (IsOwn(request.url) ? http_ : elsewhere_)->Send(request);
    };
  }
  while (options_.base_url.ends_with('/')) options_.base_url.pop_back();
  const auto parts = SplitUrl(options_.base_url);
  if (parts) origin_ = parts->origin;
}

Client::~Client() = default;

std::string Client::Url(const std::string& repository, std::string_view rest) const {
  return options_.base_url + "/v2/" + repository + "/" + std::string(rest);
}

Result<std::string> Client::Resolve(const net::ClientResponse& response) const {
  std::string location = response.Header("Location").value_or("");
  if (location.starts_with('/')) return origin_ + location;
  const auto parts = SplitUrl(location);
  if (parts) return location;
  return Internal("REGISTRY_PROTOCOL", "the registry's answer has no Location that can be used: '" +
                                           location.substr(0, 200) + "'.");
}

// From `Link: <...>; rel="next"`.
Result<std::string> Client::NextPage(const net::ClientResponse& response) const {
  const std::string link = response.Header("Link").value_or("");
  const size_t begin = link.find('<');
  const size_t end = link.find('>');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return std::string();
  if (link.find("rel=\"next\"", end) == std::string::npos &&
      link.find("rel=next", end) == std::string::npos) {
    return std::string();
  }
  std::string next = link.substr(begin + 1, end - begin - 1);
  if (next.starts_with('/')) next = origin_ + next;
  const auto parts = SplitUrl(next);
  if (parts && parts->origin == origin_) return next;
  return Internal("REGISTRY_PROTOCOL", "a list of the registry goes on at another host.");
}

Result<net::ClientResponse> Client::Send(net::ClientRequest request, const std::string& scope,
                                         std::initializer_list<int> also) {
  TRY_VOID(Renew(scope));
  Authorize(request, scope);
  TRY(response, transport_(request));
  if (response.status == 401 && IsOwn(request.url)) {
    TRY(answered, AnswerChallenge(response, scope));
    if (answered && request.upload) {
      // The body is used up: the caller sends what is left of it with the new credentials.
      return Unavailable("AUTHORIZATION_RENEWED", "the registry asked for new credentials.");
    }
    if (answered) {
      Authorize(request, scope);
      TRY(second, transport_(request));
      response = std::move(second);
    }
  }
  if (response.status >= 200 && response.status < 300) return response;
  if (std::ranges::find(also, response.status) != also.end()) return response;
  Error error = ErrorOfAnswer(response, "the registry");
  if (response.status != 401 || options_.sign_in.empty()) return error;
  return Error(error.code(), error.reason(), error.message() + " " + options_.sign_in,
               error.details());
}

Result<net::ClientResponse> Client::SendFollowing(net::ClientRequest request,
                                                  const std::string& scope) {
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    TRY(response, Send(request, scope, {301, 302, 303, 307, 308}));
    if (response.status < 300) return response;
    TRY(location, Resolve(response));
    request.url = location;
  }
  return Internal("REGISTRY_PROTOCOL", "the registry redirects in a circle.");
}

Result<void> Client::Ping() {
  net::ClientRequest request;
  request.url = options_.base_url + "/v2/";
  TRY(response, Send(std::move(request), ""));
  if (response.status == 200) return {};
  return Internal("REGISTRY_PROTOCOL", options_.base_url + " answers, but is no registry.");
}

Result<std::optional<ManifestInfo>> Client::HeadManifest(const std::string& repository,
                                                         const std::string& selector) {
  net::ClientRequest request;
  request.method = "HEAD";
  request.url = Url(repository, "manifests/" + selector);
  request.headers.emplace_back("Accept", AcceptedManifests());
  TRY(response, Send(std::move(request), PullScope(repository), {404}));
  if (response.status == 404) return std::optional<ManifestInfo>();
  auto digest = Digest::Parse(response.Header("Docker-Content-Digest").value_or(""));
  if (!digest) {
    // Registries of version 1.1 may leave the header out; then only the bytes tell.
    TRY(manifest, GetManifest(repository, selector));
    return std::optional(ManifestInfo{.digest = manifest.digest,
                                      .media_type = manifest.media_type,
                                      .size_bytes = manifest.bytes.size()});
  }
  const auto asked = Digest::Parse(selector);
  if (asked && *asked != *digest) {
    return DataLoss("DIGEST_MISMATCH", "the registry answers with " + digest->text() +
                                           " when it is asked for " + selector + ".");
  }
  return std::optional(ManifestInfo{
      .digest = *digest,
      .media_type = MediaTypeWithoutParameters(response.Header("Content-Type").value_or("")),
      .size_bytes =
          std::strtoull(response.Header("Content-Length").value_or("0").c_str(), nullptr, 10)});
}

Result<FetchedManifest> Client::GetManifest(const std::string& repository,
                                            const std::string& selector) {
  net::ClientRequest request;
  request.url = Url(repository, "manifests/" + selector);
  request.headers.emplace_back("Accept", AcceptedManifests());
  request.max_response_bytes = kMaxManifestBytes;
  TRY(response, SendFollowing(std::move(request), PullScope(repository)));
  return CheckManifest(response, selector);
}

Result<Digest> Client::PutManifest(const std::string& repository, const std::string& selector,
                                   const std::string& media_type, const std::string& bytes) {
  net::ClientRequest request;
  request.method = "PUT";
  request.url = Url(repository, "manifests/" + selector);
  request.headers.emplace_back("Content-Type", media_type);
  request.body = bytes;
  TRY(response, Send(std::move(request), PushScope(repository)));
  Digest digest = Digest::Of(bytes);
  const auto stated = Digest::Parse(response.Header("Docker-Content-Digest").value_or(""));
  if (stated && stated->algorithm() == digest.algorithm() && *stated != digest) {
    return DataLoss("DIGEST_MISMATCH", "the registry keeps the manifest as " + stated->text() +
                                           ", its bytes are " + digest.text() + ".");
  }
  return digest;
}

Result<void> Client::DeleteManifest(const std::string& repository, const std::string& selector) {
  net::ClientRequest request;
  request.method = "DELETE";
  request.url = Url(repository, "manifests/" + selector);
  TRY_VOID(Send(std::move(request), "repository:" + repository + ":pull,push,delete"));
  return {};
}

Result<std::vector<std::string>> Client::ListTags(const std::string& repository) {
  std::vector<std::string> tags;
  uint64_t taken_bytes = 0;
  net::ClientRequest request;
  request.url = Url(repository, "tags/list");
  request.max_response_bytes = kMaxAnswerBytes;
  for (size_t page = 0; page < kMaxTagPages; ++page) {
    TRY(response, Send(request, PullScope(repository)));
    taken_bytes += response.body.size();
    if (taken_bytes > kMaxListBytes) {
      return ResourceExhausted("TAGS_TOO_MANY", "the tags of " + repository + " are more than " +
                                                    std::to_string(kMaxListBytes) +
                                                    " bytes, which is all that is read of them.");
    }
    TRY_VOID(TakeTags(response.body, tags));
    TRY(next, NextPage(response));
    if (next.empty()) return tags;
    request.url = std::move(next);
  }
  return Internal("REGISTRY_PROTOCOL", "the tag list has no end.");
}

}  // namespace slipway::oci
