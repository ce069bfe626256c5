#include <charconv>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "oci/media_types.h"
#include "registry/catalog.h"
#include "registry/core.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/referrers.h"
#include "resource/project_policy.h"
#include "trust/access.h"
#include "trust/guard.h"

namespace slipway::registry {
namespace {

using net::HttpRequest;
using net::HttpResponse;

// The page size that `n` asks for, at most `limit`.
Result<size_t> PageSize(const HttpRequest& request, size_t limit) {
  const auto text = request.Query("n");
  if (!text) return limit;
  uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (text->empty() || error == std::errc::invalid_argument || at != end) {
    return InvalidArgument("PAGE_SIZE", "n must be a whole number from 0 on.");
  }
  if (error == std::errc::result_out_of_range) return limit;
  return std::min<uint64_t>(number, limit);
}

void AddNextLink(HttpResponse& response, const std::string& path_and_query) {
  response.headers.emplace_back("Link", "<" + path_and_query + ">; rel=\"next\"");
}

struct TagPage {
  Json tags = Json::array();
  std::string next;  // the last tag that was looked at, if there are more
};

// Whether tags of some deleted manifest wait for their removal.
Result<bool> TagsLeave(const store::Snapshot& snapshot, const std::string& repository) {
  const std::string prefix = RemovingTagsPrefix(repository);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), 1));
  return !rows.empty();
}

// Whether it can be pulled by; one that leaves cannot.
Result<bool> NamesManifest(const store::Snapshot& snapshot, const std::string& repository,
                           std::string_view tag) {
  TRY(row, FindTag(snapshot, repository, tag));
  if (!row) return false;
  TRY(manifest, FindManifest(snapshot, repository, row->digest));
  return manifest.has_value();
}

Result<TagPage> ListTags(const store::Snapshot& snapshot, const std::string& repository,
                         const std::string& last, size_t size) {
  TRY(exists, RepositoryExists(snapshot, repository));
  if (!exists) {
    return NotFound("NAME_UNKNOWN", "there is no repository " + repository + ".");
  }
  TagPage page;
  if (size == 0) return page;
  const std::string prefix = TagPrefix(repository);
  const std::string begin = prefix + last + (last.empty() ? "" : std::string(1, '\0'));
  TRY(rows, snapshot.Scan(begin, store::PrefixEnd(prefix), size + 1));
  TRY(some_leave, TagsLeave(snapshot, repository));
  for (size_t i = 0; i < rows.size() && i < size; ++i) {
    std::string tag = rows[i].key.substr(prefix.size());
    if (rows.size() > size && i + 1 == size) page.next = tag;
    if (some_leave) {
      TRY(is_there, NamesManifest(snapshot, repository, tag));
      if (!is_there) continue;
    }
    page.tags.push_back(std::move(tag));
  }
  return page;
}

Task<Result<HttpResponse>> GetTags(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(size, PageSize(request, kMaxTagPage));
  const std::string last = request.Query("last").value_or("");
  TagPage page;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ListTags(snapshot, repository, last, size));
    page = std::move(found);
    return {};
  }));
  Json body = Json::object();
  body["name"] = request.Parameter("name");
  body["tags"] = std::move(page.tags);
  HttpResponse response = HttpResponse::Json(200, DumpJson(body));
  if (!page.next.empty()) {
    AddNextLink(response, PathOf(request, "tags/list?n=" + std::to_string(size) +
                                              "&last=" + net::PercentEncode(page.next)));
  }
  co_return response;
}

// The index of the page; its entries are JSON already.
std::string ReferrerIndex(const ReferrerPage& page) {
  std::string out = R"({"schemaVersion":2,"mediaType":")";
  out.append(oci::kImageIndexType).append(R"(","manifests":[)");
  for (size_t i = 0; i < page.descriptors.size(); ++i) {
    if (i > 0) out += ',';
    out += page.descriptors[i];
  }
  return out + "]}";
}

Task<Result<HttpResponse>> GetReferrers(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(subject, Digest::Parse(request.Parameter("digest")));
  const std::string artifact_type = request.Query("artifactType").value_or("");
  const std::string last = request.Query("last").value_or("");
  ReferrerPage page;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ListReferrers(snapshot, core.objects(), repository, subject, artifact_type, last));
    page = std::move(found);
    return {};
  }));
  HttpResponse response = HttpResponse::Json(200, ReferrerIndex(page));
  response.content_type = oci::kImageIndexType;
  std::string query = "?last=" + net::PercentEncode(page.next);
  if (!artifact_type.empty()) {
    response.headers.emplace_back("OCI-Filters-Applied", "artifactType");
    query += "&artifactType=" + net::PercentEncode(artifact_type);
  }
  if (!page.next.empty()) {
    AddNextLink(response, PathOf(request, "referrers/" + subject.text() + query));
  }
  co_return response;
}

Task<Result<HttpResponse>> GetCatalog(Core& core, HttpRequest& request) {
  CO_TRY(size, PageSize(request, kMaxTagPage));
  const std::string last = request.Query("last").value_or("");
  const Identity& caller = request.context.identity;
  CatalogPage page;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    const MayPullFrom may_pull = [&](std::string_view project) {
      if (trust::CheckAccess(net::Access::kRegistryPull, caller, project, true)) return true;
      const Result<bool> anybody = resource::AllowsAnonymousPull(snapshot, project);
      return anybody && *anybody;
    };
    TRY(found, ListRepositories(snapshot, may_pull, last, size));
    page = std::move(found);
    return {};
  }));
  Json body = Json::object();
  body["repositories"] = std::move(page.repositories);
  HttpResponse response = HttpResponse::Json(200, DumpJson(body));
  if (!page.next.empty()) {
    AddNextLink(response, "/v2/_catalog?n=" + std::to_string(size) +
                              "&last=" + net::PercentEncode(page.next));
  }
  co_return response;
}

}  // namespace

std::vector<net::Route> ListRoutes(const std::shared_ptr<Core>& core) {
  return {
      MakeRoute(core, net::Method::kGet, "/v2/{name+}/tags/list", net::Access::kRegistryPull,
                GetTags, "Lists the tags of a repository, in byte order."),
      MakeRoute(core, net::Method::kGet, "/v2/{name+}/referrers/{digest}",
                net::Access::kRegistryPull, GetReferrers,
                "Lists the manifests whose subject is this digest."),
      MakeRoute(core, net::Method::kGet, trust::kCatalogPattern, net::Access::kRegistry, GetCatalog,
                "Lists the repositories that the caller may pull from, in byte order."),
  };
}

}  // namespace slipway::registry
