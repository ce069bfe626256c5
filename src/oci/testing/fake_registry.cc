#include "oci/testing/fake_registry.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "net/http_message.h"
#include "oci/media_types.h"

namespace slipway::oci {
namespace {

net::ClientResponse Status(int status, std::string body = "") {
  net::ClientResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

net::ClientResponse NotFoundAnswer(const std::string& code) {
  return Status(404, "{\"errors\":[{\"code\":\"" + code + "\",\"message\":\"not here\"}]}");
}

std::string HeaderOf(const net::ClientRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

Error Lost() {
  return Unavailable("CONNECTION_LOST", "the connection was lost.");
}

}  // namespace

FakeRegistry::Parts FakeRegistry::Split(const std::string& url) {
  Parts parts;
  const size_t begin = url.find('/', url.find("://") + 3);
  const size_t question = url.find('?');
  parts.path = url.substr(begin, question == std::string::npos ? question : question - begin);
  if (question != std::string::npos) {
    std::string_view rest = std::string_view(url).substr(question + 1);
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find('&'));
      const size_t equals = pair.find('=');
      if (equals != std::string_view::npos) {
        parts.query[std::string(pair.substr(0, equals))] =
            net::PercentDecode(pair.substr(equals + 1)).value();
      }
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    }
  }
  for (const char* kind : {"/blobs/", "/manifests/", "/tags/", "/referrers/"}) {
    const size_t at = parts.path.find(kind);
    if (at == std::string::npos) continue;
    parts.repository = parts.path.substr(4, at - 4);
    parts.rest = parts.path.substr(at + 1);
    break;
  }
  return parts;
}

Result<void> FakeRegistry::ReadBody(const net::ClientRequest& request, std::string& out) {
  std::string body = request.body;
  if (request.upload) {
    char piece[4096];
    while (true) {
      const auto count = request.upload(piece, sizeof piece);
      if (!count) {  // what came before is here
        out += body;
        return count.error();
      }
      if (*count == 0) break;
      body.append(piece, *count);
    }
  }
  if (cut_after && *cut_after < body.size()) {
    out += body.substr(0, *cut_after);
    cut_after.reset();
    return Lost();
  }
  out += body;
  return {};
}

Transport FakeRegistry::transport() {
  return [this](const net::ClientRequest& request) { return Answer(request); };
}

Result<net::ClientResponse> FakeRegistry::Answer(const net::ClientRequest& request) {
  const Parts parts = Split(request.url);
  const bool session = parts.rest.starts_with("blobs/uploads/") && parts.rest != "blobs/uploads/";
  requests.push_back(
      request.method + " " +
      (session ? parts.path.substr(0, parts.path.rfind('/') + 1) + "ID" : parts.path));
  if (intercept) {
    if (auto answer = intercept(request)) return std::move(*answer);
  }
  if (parts.path == "/v2/") return Status(200, "{}");
  if (parts.rest.starts_with("manifests/")) return AnswerManifest(request, parts);
  if (parts.rest.starts_with("blobs/uploads/")) return AnswerUpload(request, parts);
  if (parts.rest.starts_with("blobs/")) return AnswerBlob(request, parts);
  if (parts.rest == "tags/list") return AnswerTags(parts);
  if (parts.rest.starts_with("referrers/") && referrers) return AnswerReferrers(parts);
  return Status(404);
}

Result<net::ClientResponse> FakeRegistry::AnswerManifest(const net::ClientRequest& request,
                                                         const Parts& parts) {
  const std::string selector = parts.rest.substr(10);
  if (request.method == "PUT") {
    const std::string digest = Digest::Of(request.body).text();
    manifests[{parts.repository, selector}] = request.body;
    manifests[{parts.repository, digest}] = request.body;
    net::ClientResponse response = Status(201);
    manifest_types[{parts.repository, digest}] = HeaderOf(request, "Content-Type");
    response.headers.emplace_back("Docker-Content-Digest", digest);
    const Json json = Json::parse(request.body, nullptr, false);
    if (referrers && json.is_object() && json.contains("subject")) {
      response.headers.emplace_back("OCI-Subject", json["subject"]["digest"].get<std::string>());
    }
    return response;
  }
  const auto found = manifests.find({parts.repository, selector});
  if (found == manifests.end()) return NotFoundAnswer("MANIFEST_UNKNOWN");
  net::ClientResponse response =
      Status(200, request.method == "HEAD" ? std::string() : found->second);
  const auto type = manifest_types.find({parts.repository, Digest::Of(found->second).text()});
  response.headers.emplace_back("Content-Type", type == manifest_types.end()
                                                    ? std::string(kImageManifestType)
                                                    : type->second);
  response.headers.emplace_back("Content-Length", std::to_string(found->second.size()));
  if (digest_header) {
    response.headers.emplace_back("Docker-Content-Digest", Digest::Of(found->second).text());
  }
  return response;
}

Result<net::ClientResponse> FakeRegistry::AnswerBlob(const net::ClientRequest& request,
                                                     const Parts& parts) {
  const auto found = blobs.find({parts.repository, parts.rest.substr(6)});
  if (found == blobs.end()) return NotFoundAnswer("BLOB_UNKNOWN");
  const std::string range = HeaderOf(request, "Range");
  net::ClientResponse response = Status(200, found->second);
  if (ranges && !range.empty()) {
    const uint64_t first = std::strtoull(range.c_str() + 6, nullptr, 10);
    response = Status(206, found->second.substr(first));
  }
  response.headers.emplace_back("Content-Length", std::to_string(response.body.size()));
  if (request.method == "HEAD") response.body.clear();
  if (request.on_head) TRY_VOID(request.on_head(response));
  if (!request.download) return response;
  std::string body = std::move(response.body);
  response.body.clear();
  const bool cut = cut_after && *cut_after < body.size();
  if (cut) body.resize(*cut_after);
  if (cut) cut_after.reset();
  for (size_t at = 0; at < body.size(); at += 1000) {
    TRY_VOID(request.download(std::string_view(body).substr(at, 1000)));
  }
  if (cut) return Lost();
  return response;
}

net::ClientResponse FakeRegistry::FinishUpload(const Parts& parts, const std::string& content) {
  const std::string digest = parts.query.at("digest");
  const auto parsed = Digest::Parse(digest);
  if (!parsed || Digest::Of(content, parsed->algorithm()) != *parsed) {
    return Status(400, "{\"errors\":[{\"code\":\"DIGEST_INVALID\",\"message\":\"wrong\"}]}");
  }
  blobs[{parts.repository, digest}] = content;
  net::ClientResponse response = Status(201);
  response.headers.emplace_back("Location", "/v2/" + parts.repository + "/blobs/" + digest);
  return response;
}

Result<net::ClientResponse> FakeRegistry::AnswerUpload(const net::ClientRequest& request,
                                                       const Parts& parts) {
  if (request.method == "POST") {
    if (parts.query.contains("digest") && monolithic) {
      std::string content;
      TRY_VOID(ReadBody(request, content));
      return FinishUpload(parts, content);
    }
    const std::string mount = parts.query.contains("mount") ? parts.query.at("mount") : "";
    const auto source =
        blobs.find({parts.query.contains("from") ? parts.query.at("from") : "", mount});
    if (source != blobs.end()) {
      blobs[{parts.repository, mount}] = source->second;
      return Status(201);
    }
    const std::string id = std::to_string(next_upload_++);
    uploads_[id] = "";
    net::ClientResponse response = Status(202);
    response.headers.emplace_back("Location", "/v2/" + parts.repository + "/blobs/uploads/" + id);
    return response;
  }
  const auto session = uploads_.find(parts.rest.substr(14));
  if (session == uploads_.end()) return NotFoundAnswer("BLOB_UPLOAD_UNKNOWN");
  std::string& content = session->second;
  if (request.method == "DELETE") {
    uploads_.erase(session);
    return Status(204);
  }
  const std::string range = HeaderOf(request, "Content-Range");
  if (!range.empty() && std::strtoull(range.c_str(), nullptr, 10) != content.size()) {
    return Status(416);
  }
  if (request.method == "PATCH") TRY_VOID(ReadBody(request, content));
  if (request.method == "PUT") return FinishUpload(parts, content);
  net::ClientResponse response = Status(request.method == "PATCH" ? 202 : 204);
  response.headers.emplace_back("Location", parts.path);
  response.headers.emplace_back("Range",
                                "0-" + std::to_string(content.empty() ? 0 : content.size() - 1));
  return response;
}

// Pages of one, for the same reason as those of tags.
Result<net::ClientResponse> FakeRegistry::AnswerReferrers(const Parts& parts) const {
  const std::string subject = parts.rest.substr(10);
  const std::string last = parts.query.contains("last") ? parts.query.at("last") : "";
  Json entries = Json::array();
  std::string next;
  for (const auto& [key, manifest] : manifests) {
    const Json json = Json::parse(manifest, nullptr, false);
    const bool refers = json.is_object() && json.contains("subject") &&
                        json["subject"]["digest"].get<std::string>() == subject;
    if (key.first != parts.repository || !refers || key.second != Digest::Of(manifest).text() ||
        key.second <= last) {
      continue;
    }
    if (!entries.empty()) next = entries.back()["digest"].get<std::string>();
    if (!next.empty()) break;
    entries.push_back({{"mediaType", manifest_types.at(key)},
                       {"digest", key.second},
                       {"size", manifest.size()},
                       {"artifactType", json.value("artifactType", "")}});
  }
  net::ClientResponse response = Status(
      200,
      DumpJson({{"schemaVersion", 2}, {"mediaType", kImageIndexType}, {"manifests", entries}}));
  if (!next.empty()) {
    response.headers.emplace_back("Link", "</v2/" + parts.repository + "/referrers/" + subject +
                                              "?last=" + next + ">; rel=\"next\"");
  }
  return response;
}

// Pages of two, so that the client has to follow links.
Result<net::ClientResponse> FakeRegistry::AnswerTags(const Parts& parts) const {
  const std::string last = parts.query.contains("last") ? parts.query.at("last") : "";
  Json tags = Json::array();
  bool more = false;
  for (const auto& [key, manifest] : manifests) {
    if (key.first != parts.repository || key.second <= last ||
        key.second.find(':') != std::string::npos)
      continue;
    more = tags.size() == 2;
    if (more) break;
    tags.push_back(key.second);
  }
  const std::string next = tags.empty() ? "" : tags.back().get<std::string>();
  net::ClientResponse response = Status(200, DumpJson(Json{{"tags", tags}}));
  if (more) {
    response.headers.emplace_back(
        "Link", "</v2/" + parts.repository + "/tags/list?last=" + next + ">; rel=\"next\"");
  }
  return response;
}

}  // namespace slipway::oci
