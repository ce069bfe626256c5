#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "klever/core.h"
#include "klever/harbor/harbor.h"
#include "klever/limits.h"
#include "registry/limits.h"
#include "registry/rows.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;

Error NoRepository(const std::string& repository) {
  return NotFound("NAME_UNKNOWN", "there is no repository " + repository + ".");
}

Result<size_t> CountManifests(const store::Snapshot& snapshot, const std::string& repository) {
  const std::string prefix = registry::ManifestPrefix(repository);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxListed));
  return rows.size();
}

// Nothing for a repository that is not there.
Result<std::optional<Json>> RepositoryJson(const store::Snapshot& snapshot,
                                           const std::string& repository, int64_t project_id) {
  TRY(row, snapshot.Get(registry::RepositoryKey(repository)));
  if (!row) return std::optional<Json>();
  TRY(count, CountManifests(snapshot, repository));
  Json json = {{"id", RepositoryId(repository)},
               {"name", repository},
               {"project_id", project_id},
               {"artifact_count", count}};
  const auto stored = ParseJson(*row);
  if (stored && stored->is_object() && stored->contains("createdAt")) {
    json["creation_time"] = (*stored)["createdAt"];
  }
  return std::optional(std::move(json));
}

Task<Result<int64_t>> IdOfProject(Core& core, const std::string& project) {
  CO_TRY(found,
         co_await core.options.resources->Get({.kind = "Project", .project = {}, .name = project}));
  co_return ProjectId(found.metadata.uid);
}

struct Listed {
  Json items = Json::array();
  size_t total = 0;
};

Result<Listed> ListRepositories(const store::Snapshot& snapshot, const std::string& project,
                                const std::string& filter, const HarborPage& page,
                                int64_t project_id) {
  const std::string prefix = registry::RepositoryPrefix(project);
  const size_t name_at = prefix.size() - project.size() - 1;
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxListed));
  std::erase_if(rows, [&](const store::KeySize& row) {
    return row.key.find(filter, prefix.size()) == std::string::npos;
  });
  Listed listed{.items = Json::array(), .total = rows.size()};
  for (size_t i = page.first(); i < rows.size() && listed.items.size() < page.size; ++i) {
    TRY(json, RepositoryJson(snapshot, rows[i].key.substr(name_at), project_id));
    if (json) listed.items.push_back(std::move(*json));
  }
  return listed;
}

// Harbor's filter is on the whole name, or on what follows the project.
std::string FilterOf(const HttpRequest& request) {
  std::string filter = NameFilterOf(request);
  const std::string begin = request.Parameter("project") + "/";
  return filter.starts_with(begin) ? filter.substr(begin.size()) : filter;
}

Task<Result<HttpResponse>> GetRepositories(Core& core, HttpRequest& request) {
  CO_TRY(page, HarborPageOf(request));
  const std::string& project = request.Parameter("project");
  CO_TRY(project_id, co_await IdOfProject(core, project));
  const std::string filter = FilterOf(request);
  Listed listed;
  CO_TRY_VOID(co_await core.ReadList([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ListRepositories(snapshot, project, filter, page, project_id));
    listed = std::move(found);
    return {};
  }));
  HttpResponse response = HttpResponse::Json(200, DumpJson(listed.items));
  AddPaging(request, page, listed.total, response);
  co_return response;
}

Task<Result<HttpResponse>> GetRepository(Core& core, HttpRequest& request) {
  CO_TRY(repository, HarborRepositoryOf(request));
  CO_TRY(project_id, co_await IdOfProject(core, request.Parameter("project")));
  std::optional<Json> json;
  CO_TRY_VOID(co_await core.ReadList([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, RepositoryJson(snapshot, repository, project_id));
    json = std::move(found);
    return {};
  }));
  if (!json) co_return NoRepository(repository);
  co_return HttpResponse::Json(200, DumpJson(*json));
}

Task<Result<HttpResponse>> DeleteRepository(Core& core, HttpRequest& request) {
  CO_TRY(repository, HarborRepositoryOf(request));
  bool exists = false;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, registry::RepositoryExists(snapshot, repository));
    exists = found;
    return {};
  }));
  if (!exists) co_return NoRepository(repository);
  CO_TRY_VOID(co_await core.options.registry->Change(
      request.context, repository,
      [](registry::RepositoryWriter& writer, const registry::CheckUnused& check) {
        return writer.DeleteRepository(check);
      }));
  co_return HttpResponse::Empty(200);
}

}  // namespace

std::vector<net::Route> HarborRepositoryRoutes(const std::shared_ptr<Core>& core) {
  const std::string all = "/api/v2.0/projects/{project}/repositories";
  const std::string one = all + "/{repository}";
  return {
      HarborRoute(core, net::Method::kGet, all, net::Access::kViewer, GetRepositories,
                  "Lists the repositories of a project"),
      HarborRoute(core, net::Method::kGet, one, net::Access::kViewer, GetRepository,
                  "Gives a repository"),
      HarborRoute(core, net::Method::kDelete, one, net::Access::kEditor, DeleteRepository,
                  "Deletes a repository with all that is in it, unless somebody needs it"),
  };
}

}  // namespace slipway::klever
