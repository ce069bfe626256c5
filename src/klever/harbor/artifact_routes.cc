#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "klever/core.h"
#include "klever/harbor/artifact_list.h"
#include "klever/harbor/harbor.h"
#include "klever/limits.h"
#include "klever/ormb_metadata.h"
#include "model/layer_files.h"
#include "oci/reference.h"
#include "registry/lookup.h"
#include "registry/rows.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;

struct Place {
  std::string repository;
  int64_t project_id = 0;
};

Task<Result<Place>> PlaceOf(Core& core, const HttpRequest& request) {
  CO_TRY(repository, HarborRepositoryOf(request));
  CO_TRY(project, co_await core.options.resources->Get(
                      {.kind = "Project", .project = {}, .name = request.Parameter("project")}));
  co_return Place{.repository = std::move(repository),
                  .project_id = ProjectId(project.metadata.uid)};
}

// Absent: as Harbor has it, with tags.
bool WithTags(const HttpRequest& request) {
  const auto value = request.Query("with_tag");
  return !value || (*value != "false" && *value != "0");
}

// The config as Harbor copies it: an object, whatever it says. Blocking.
Json ExtraAttributes(oci::ContentSource& content, const oci::Manifest& manifest) {
  const Result<std::string> config = ReadConfig(content, manifest);
  if (!config) return Json::object();
  Json json = model::ParseConfig(*config);
  return json.is_object() ? std::move(json) : Json::object();
}

Task<Result<Json>> WholeArtifact(Core& core, const Place& place, const Digest& digest,
                                 bool with_tags) {
  Json json;
  std::string bytes;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found,
        ArtifactJson(snapshot, *core.options.objects, place.repository, digest, place.project_id));
    json = std::move(found);
    TRY(read,
        registry::ReadManifestBytes(snapshot, *core.options.objects, place.repository, digest));
    bytes = std::move(read);
    if (!with_tags) return {};
    TRY(names, FirstTags(snapshot, place.repository, digest));
    TRY(tags, TagsJson(snapshot, place.repository, digest, names));
    json["tags"] = std::move(tags);
    return {};
  }));
  const auto manifest = oci::ParseManifest(bytes, json.value("manifest_media_type", ""));
  if (!manifest) co_return json;
  CO_TRY(attributes, co_await core.pool().Run([&]() -> Result<Json> {
    return ExtraAttributes(*core.content, *manifest);
  }));
  json["extra_attrs"] = std::move(attributes);
  co_return json;
}

Task<Result<HttpResponse>> GetArtifacts(Core& core, HttpRequest& request) {
  CO_TRY(place, co_await PlaceOf(core, request));
  CO_TRY(page, HarborPageOf(request));
  ArtifactPage artifacts;
  CO_TRY_VOID(co_await core.ReadList([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ListArtifacts(snapshot, place.repository, page));
    artifacts = std::move(found);
    return {};
  }));
  Json body = Json::array();
  for (const Digest& digest : artifacts.digests) {
    auto json = co_await WholeArtifact(core, place, digest, WithTags(request));
    // One that was deleted since the page was read, or is damaged, hides no other.
    if (!json && json.error().code() == Code::kNotFound) continue;
    if (!json) co_return json.error();
    body.push_back(std::move(*json));
  }
  HttpResponse response = HttpResponse::Json(200, DumpJson(body));
  AddPaging(request, page, artifacts.total, response);
  co_return response;
}

Task<Result<Digest>> DigestOf(Core& core, const HttpRequest& request,
                              const std::string& repository) {
  const std::string& reference = request.Parameter("reference");
  CO_TRY(stored, co_await FindManifest(core, repository, reference));
  co_return stored.digest;
}

Task<Result<HttpResponse>> GetArtifact(Core& core, HttpRequest& request) {
  CO_TRY(place, co_await PlaceOf(core, request));
  CO_TRY(digest, co_await DigestOf(core, request, place.repository));
  CO_TRY(json, co_await WholeArtifact(core, place, digest, WithTags(request)));
  co_return HttpResponse::Json(200, DumpJson(json));
}

Task<Result<HttpResponse>> DeleteArtifact(Core& core, HttpRequest& request) {
  CO_TRY(repository, HarborRepositoryOf(request));
  CO_TRY(digest, co_await DigestOf(core, request, repository));
  CO_TRY_VOID(co_await core.options.registry->Change(
      request.context, repository,
      [digest](registry::RepositoryWriter& writer, const registry::CheckUnused& check) {
        return writer.DeleteManifest(digest, check);
      }));
  co_return HttpResponse::Empty(200);
}

Task<Result<HttpResponse>> GetTags(Core& core, HttpRequest& request) {
  CO_TRY(repository, HarborRepositoryOf(request));
  CO_TRY(page, HarborPageOf(request));
  CO_TRY(digest, co_await DigestOf(core, request, repository));
  Json tags;
  size_t total = 0;
  CO_TRY_VOID(co_await core.ReadList([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ListTags(snapshot, repository, digest, page));
    TRY(json, TagsJson(snapshot, repository, digest, found.names));
    tags = std::move(json);
    total = found.total;
    return {};
  }));
  HttpResponse response = HttpResponse::Json(200, DumpJson(tags));
  AddPaging(request, page, total, response);
  co_return response;
}

// The name in {"name": TAG}.
Result<std::string> NewTagOf(std::string_view body) {
  TRY(json, ParseJson(body));
  const auto name = json.is_object() ? json.find("name") : json.end();
  if (!json.is_object() || name == json.end() || !name->is_string()) {
    return Error(Code::kInvalidArgument, "FIELD_REQUIRED", "name: the tag's name is needed",
                 {{"field", "name"}});
  }
  std::string tag = name->get<std::string>();
  TRY_VOID(oci::CheckTag(tag));
  return tag;
}

Task<Result<HttpResponse>> PostTag(Core& core, HttpRequest& request) {
  CO_TRY(repository, HarborRepositoryOf(request));
  CO_TRY(body, co_await request.body->ReadAll(kMaxBodyBytes));
  CO_TRY(tag, NewTagOf(body));
  CO_TRY(digest, co_await DigestOf(core, request, repository));
  CO_TRY_VOID(co_await core.options.registry->Change(
      request.context, repository,
      [&](registry::RepositoryWriter& writer, const registry::CheckUnused&) {
        return writer.AddTag(tag, digest);
      }));
  HttpResponse response = HttpResponse::Empty(201);
  response.headers = {{"Location", std::string(request.path) + "/" + tag}};
  co_return response;
}

Task<Result<HttpResponse>> DeleteTag(Core& core, HttpRequest& request) {
  CO_TRY(repository, HarborRepositoryOf(request));
  const std::string& tag = request.Parameter("tag");
  CO_TRY(digest, co_await DigestOf(core, request, repository));
  CO_TRY_VOID(co_await core.options.registry->Change(
      request.context, repository,
      [&](registry::RepositoryWriter& writer, const registry::CheckUnused&) {
        return writer.DeleteTag(tag, digest);
      }));
  co_return HttpResponse::Empty(200);
}

}  // namespace

std::vector<net::Route> HarborArtifactRoutes(const std::shared_ptr<Core>& core) {
  const std::string all = "/api/v2.0/projects/{project}/repositories/{repository}/artifacts";
  const std::string one = all + "/{reference}";
  constexpr net::Access kRead = net::Access::kViewer;
  constexpr net::Access kWrite = net::Access::kEditor;
  return {
      HarborRoute(core, net::Method::kGet, all, kRead, GetArtifacts,
                  "Lists the artifacts of a repository, those that were tagged last first"),
      HarborRoute(core, net::Method::kGet, one, kRead, GetArtifact,
                  "Gives an artifact by tag or digest"),
      HarborRoute(core, net::Method::kDelete, one, kWrite, DeleteArtifact,
                  "Deletes an artifact with all its tags, unless somebody needs it"),
      HarborRoute(core, net::Method::kGet, one + "/tags", kRead, GetTags,
                  "Lists the tags of an artifact"),
      HarborRoute(core, net::Method::kPost, one + "/tags", kWrite, PostTag,
                  "Gives an artifact one more tag"),
      HarborRoute(core, net::Method::kDelete, one + "/tags/{tag}", kWrite, DeleteTag,
                  "Deletes a tag; the artifact stays"),
  };
}

}  // namespace slipway::klever
