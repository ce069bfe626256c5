#include "registry/route_notes.h"

#include <tuple>

#include "trust/guard.h"

namespace slipway::registry {
namespace {

using net::Method;
using resource::NotedParameter;
using resource::RouteNote;
using Kind = net::QueryParameter::Kind;

constexpr NotedParameter kSize = {
    .name = "n", .text = "Entries of a page at most.", .kind = Kind::kNumber};
constexpr NotedParameter kLast = {.name = "last",
                                  .text = "The last entry of the page before, as Link has it."};
constexpr NotedParameter kDigest = {.name = "digest", .text = "Of the blob: ALGORITHM:HEX."};

void AddContent(std::vector<RouteNote>& notes) {
  const std::string manifest = "/v2/{name+}/manifests/{reference}";
  notes.push_back({Method::kGet, manifest, {200}});
  notes.push_back({Method::kHead, manifest, {200}});
  notes.push_back({Method::kPut,
                   manifest,
                   {201},
                   {{.name = "tag",
                     .text = "A tag that is to point at the manifest, which is put by its digest.",
                     .repeated = true}}});
  notes.push_back({Method::kDelete, manifest, {202}});
  const std::string blob = "/v2/{name+}/blobs/{digest}";
  notes.push_back({Method::kGet, blob, {200, 206}});
  notes.push_back({Method::kHead, blob, {200}});
  notes.push_back({Method::kDelete, blob, {202}});
}

void AddUploads(std::vector<RouteNote>& notes) {
  for (const char* uploads : {"/v2/{name+}/blobs/uploads/", "/v2/{name+}/blobs/uploads"}) {
    notes.push_back(
        {Method::kPost,
         uploads,
         {201, 202},
         {kDigest,
          {.name = "mount", .text = "The digest of a blob that another repository has."},
          {.name = "from", .text = "The repository to mount it from; without: any."},
          {.name = "digest-algorithm", .text = "What the digest will be: sha256 or sha512."}}});
  }
  const std::string session = "/v2/{name+}/blobs/uploads/{session}";
  notes.push_back({Method::kPatch, session, {202}});
  notes.push_back({Method::kPut, session, {201}, {kDigest}});
  notes.push_back({Method::kGet, session, {204}});
  notes.push_back({Method::kDelete, session, {204}});
}

void AddLists(std::vector<RouteNote>& notes) {
  notes.push_back({Method::kGet, "/v2/{name+}/tags/list", {200}, {kSize, kLast}});
  notes.push_back({Method::kGet,
                   "/v2/{name+}/referrers/{digest}",
                   {200},
                   {{.name = "artifactType", .text = "Only those of this type."}, kLast}});
  notes.push_back({Method::kGet, std::string(trust::kCatalogPattern), {200}, {kSize, kLast}});
}

void AddMaintenance(std::vector<RouteNote>& notes) {
  for (const auto& [method, path, status] :
       {std::tuple(Method::kGet, "/api/v1/registry", 200),
        std::tuple(Method::kPost, "/api/v1/registry/collections", 202),
        std::tuple(Method::kPost, "/api/v1/registry/scrubs", 202)}) {
    notes.push_back(
        {.method = method, .pattern = path, .statuses = {status}, .has_problems = true});
  }
}

void AddTokens(std::vector<RouteNote>& notes) {
  notes.push_back(
      {Method::kGet,
       "/token",
       {200},
       {{.name = "service", .text = "The service that the challenge named."},
        {.name = "scope",
         .text = "What the access token is for: repository:NAME:pull,push; several with spaces "
                 "between, or repeated.",
         .repeated = true},
        {.name = "account", .text = "Who signs in, for the client's own use; it is not looked at."},
        {.name = "client_id", .text = "The program that asks; it is not looked at."},
        {.name = "offline_token", .text = "true: a refresh token as well.", .kind = Kind::kFlag}}});
  notes.push_back({Method::kPost, "/token", {200}});
}

}  // namespace

std::vector<RouteNote> RegistryRouteNotes() {
  std::vector<RouteNote> notes;
  for (const char* version : {"/v2", "/v2/"}) notes.push_back({Method::kGet, version, {200}});
  AddContent(notes);
  AddUploads(notes);
  AddLists(notes);
  AddTokens(notes);
  AddMaintenance(notes);
  return notes;
}

}  // namespace slipway::registry
