#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "klever/core.h"
#include "klever/harbor/harbor.h"
#include "klever/limits.h"
#include "registry/rows.h"
#include "resource/kinds/project.h"
#include "resource/limits.h"
#include "trust/access.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using resource::Resource;

constexpr size_t kListedTogether = 500;

// Harbor's numbers of roles.
int RoleIdOf(Role role) {
  switch (role) {
    case Role::kAdmin:
      return 1;
    case Role::kEditor:
      return 2;
    case Role::kViewer:
    case Role::kSite:
    case Role::kPackager:
      break;
  }
  return 3;
}

Error NoProject(std::string_view name) {
  return NotFound("PROJECT_UNKNOWN",
                  "there is no project " + std::string(name) + ", or none that you may read.");
}

bool MayRead(const Identity& caller, const std::string& project) {
  return trust::CheckAccess(net::Access::kViewer, caller, project, true).has_value();
}

// All projects that the caller may read, by name.
Task<Result<std::vector<Resource>>> ReadableProjects(Core& core, const Identity& caller) {
  std::vector<Resource> projects;
  resource::ListOptions options{.label = {}, .limit = kListedTogether, .continue_token = {}};
  while (true) {
    CO_TRY(page, co_await core.options.resources->List("Project", "", options));
    for (Resource& project : page.items) {
      if (MayRead(caller, project.metadata.name)) projects.push_back(std::move(project));
    }
    if (page.continue_token.empty()) co_return projects;
    options.continue_token = std::move(page.continue_token);
  }
}

Task<Result<size_t>> CountRepositories(Core& core, const std::string& project) {
  size_t count = 0;
  CO_TRY_VOID(co_await core.ReadList([&](const store::Snapshot& snapshot) -> Result<void> {
    const std::string prefix = registry::RepositoryPrefix(project);
    TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxListed));
    count = rows.size();
    return {};
  }));
  co_return count;
}

Task<Result<Json>> ProjectJson(Core& core, const Identity& caller, const Resource& project) {
  CO_TRY(spec, Decode<resource::ProjectSpec>(project.spec, "spec", UnknownFields::kIgnore));
  CO_TRY(repositories, co_await CountRepositories(core, project.metadata.name));
  const std::string& owner = project.metadata.created_by;
  Json json = {{"project_id", ProjectId(project.metadata.uid)},
               {"name", project.metadata.name},
               {"owner_name", owner.substr(owner.rfind('/') + 1)},
               {"creation_time", project.metadata.created_at},
               {"deleted", project.metadata.deleted_at.has_value()},
               {"repo_count", repositories},
               {"metadata", {{"public", spec.registry.anonymous_pull ? "true" : "false"}}}};
  if (const auto role = trust::RoleIn(caller, project.metadata.name)) {
    json["current_user_role_id"] = RoleIdOf(*role);
    json["current_user_role_ids"] = Json::array({RoleIdOf(*role)});
  }
  co_return json;
}

Task<Result<HttpResponse>> GetProjects(Core& core, HttpRequest& request) {
  CO_TRY(page, HarborPageOf(request));
  const Identity& caller = request.context.identity;
  CO_TRY(projects, co_await ReadableProjects(core, caller));
  const std::string filter = NameFilterOf(request);
  const auto is_public = request.Query("public");
  std::erase_if(projects, [&](const Resource& project) {
    if (project.metadata.name.find(filter) == std::string::npos) return true;
    if (!is_public) return false;
    const auto spec = Decode<resource::ProjectSpec>(project.spec, "spec", UnknownFields::kIgnore);
    return !spec || spec->registry.anonymous_pull != (*is_public == "true" || *is_public == "1");
  });
  Json body = Json::array();
  for (size_t i = page.first(); i < projects.size() && body.size() < page.size; ++i) {
    CO_TRY(json, co_await ProjectJson(core, caller, projects[i]));
    body.push_back(std::move(json));
  }
  HttpResponse response = HttpResponse::Json(200, DumpJson(body));
  AddPaging(request, page, projects.size(), response);
  co_return response;
}

Task<Result<HttpResponse>> HeadProjects(Core& core, HttpRequest& request) {
  const std::string name = request.Query("project_name").value_or("");
  const auto found =
      co_await core.options.resources->Get({.kind = "Project", .project = {}, .name = name});
  if (!found || !MayRead(request.context.identity, name)) co_return NoProject(name);
  co_return HttpResponse::Empty(200);
}

// {project_name, public?, metadata: {public?}}: a project is public if anybody may pull from it.
Result<Resource> ProjectOf(std::string_view body) {
  TRY(json, ParseJson(body));
  const auto name = json.is_object() ? json.find("project_name") : json.end();
  if (!json.is_object() || name == json.end() || !name->is_string()) {
    return Error(Code::kInvalidArgument, "FIELD_REQUIRED", "project_name: a name is needed",
                 {{"field", "project_name"}});
  }
  const auto is_true = [](const Json& object, const char* member) {
    const auto found = object.find(member);
    if (found == object.end()) return false;
    return found->is_boolean() ? found->get<bool>() : *found == "true";
  };
  resource::ProjectSpec spec;
  spec.registry.anonymous_pull =
      is_true(json, "public") || (json.contains("metadata") && json["metadata"].is_object() &&
                                  is_true(json["metadata"], "public"));
  Resource project{.kind = "Project"};
  project.metadata.name = name->get<std::string>();
  project.spec = Encode(spec);
  return project;
}

Task<Result<HttpResponse>> PostProject(Core& core, HttpRequest& request) {
  CO_TRY(body, co_await request.body->ReadAll(kMaxBodyBytes));
  CO_TRY(wanted, ProjectOf(body));
  CO_TRY(made, co_await core.options.resources->Create(request.context, std::move(wanted)));
  HttpResponse response = HttpResponse::Empty(201);
  response.headers = {
      {"Location", fmt::format("/api/v2.0/projects/{}", ProjectId(made.metadata.uid))}};
  co_return response;
}

// By name or, where no project has that name, by number. Only one that the caller may read, as the
// rule of the route cannot know it from a number.
Task<Result<Resource>> FindProject(Core& core, const HttpRequest& request) {
  const std::string& text = request.Parameter("project");
  const Identity& caller = request.context.identity;
  auto found =
      co_await core.options.resources->Get({.kind = "Project", .project = {}, .name = text});
  if (found) {
    if (!MayRead(caller, text)) co_return NoProject(text);
    co_return found;
  }
  const bool is_name = request.Header("X-Is-Resource-Name") == "true";
  CO_TRY(projects, co_await ReadableProjects(core, caller));
  std::erase_if(projects, [&](const Resource& project) {
    return std::to_string(ProjectId(project.metadata.uid)) != text;
  });
  // Two projects may share a number; then only names tell them apart.
  if (projects.size() != 1 || is_name) co_return NoProject(text);
  co_return std::move(projects.front());
}

Task<Result<HttpResponse>> GetProject(Core& core, HttpRequest& request) {
  CO_TRY(project, co_await FindProject(core, request));
  CO_TRY(json, co_await ProjectJson(core, request.context.identity, project));
  co_return HttpResponse::Json(200, DumpJson(json));
}

Task<Result<HttpResponse>> DeleteProject(Core& core, HttpRequest& request) {
  CO_TRY(project, co_await FindProject(core, request));
  CO_TRY_VOID(co_await core.options.resources->Delete(
      request.context, {.kind = "Project", .project = {}, .name = std::move(project.metadata.name)},
      std::nullopt));
  co_return HttpResponse::Empty(200);
}

}  // namespace

std::vector<net::Route> HarborProjectRoutes(const std::shared_ptr<Core>& core) {
  const std::string all = "/api/v2.0/projects";
  const std::string one = "/api/v2.0/projects/{project}";
  return {
      HarborRoute(core, net::Method::kGet, all, net::Access::kIdentified, GetProjects,
                  "Lists the projects that the caller may read"),
      HarborRoute(core, net::Method::kHead, all, net::Access::kIdentified, HeadProjects,
                  "Says whether there is a project of a name, if the caller may read it"),
      HarborRoute(core, net::Method::kPost, all, net::Access::kGlobalAdmin, PostProject,
                  "Makes a project"),
      HarborRoute(core, net::Method::kGet, one, net::Access::kIdentified, GetProject,
                  "Gives a project by name or number, if the caller may read it"),
      HarborRoute(core, net::Method::kDelete, one, net::Access::kGlobalAdmin, DeleteProject,
                  "Deletes a project that is empty"),
  };
}

}  // namespace slipway::klever
