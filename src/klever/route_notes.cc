#include "klever/route_notes.h"

namespace slipway::klever {
namespace {

using net::Method;
using resource::NotedParameter;
using resource::RouteNote;
using Kind = net::QueryParameter::Kind;

constexpr NotedParameter kPage = {
    .name = "page", .text = "The number of the page, from 1.", .kind = Kind::kNumber};
constexpr NotedParameter kPageSize = {
    .name = "page_size", .text = "Entries of a page.", .kind = Kind::kNumber};
constexpr NotedParameter kName = {.name = "name", .text = "Only those with this in their name."};
constexpr NotedParameter kFilter = {.name = "q", .text = "The same as name=TEXT or name=~TEXT."};
constexpr NotedParameter kWithTag = {
    .name = "with_tag", .text = "false: without the artifact's tags.", .kind = Kind::kFlag};

void AddKlever(std::vector<RouteNote>& notes) {
  const std::string version = "/api/v1alpha1/projects/{project}/models/{model}/versions/{version}/";
  notes.push_back({Method::kPost, version + "upload", {201}});
  notes.push_back({Method::kGet, version + "upload", {200}});
  notes.push_back({Method::kDelete, version + "upload", {204}});
  const std::vector<NotedParameter> part = {
      {.name = "start", .text = "How many models to leave out.", .kind = Kind::kNumber},
      {.name = "limit", .text = "How many to compare.", .kind = Kind::kNumber}};
  for (const Method method : {Method::kGet, Method::kPost}) {
    notes.push_back({method, version + "download", {200, 206}});
    notes.push_back({method, "/api/v1alpha1/comparisons", {200}, part});
    notes.push_back({method, "/api/v1alpha1/comparativedocument", {200}, part});
  }
}

void AddProjects(std::vector<RouteNote>& notes) {
  const std::string all = "/api/v2.0/projects";
  notes.push_back({Method::kGet,
                   all,
                   {200},
                   {kPage,
                    kPageSize,
                    kName,
                    kFilter,
                    {.name = "public",
                     .text = "true: only those that anybody may pull from; false: only the others.",
                     .kind = Kind::kFlag}}});
  notes.push_back({Method::kHead,
                   all,
                   {200},
                   {{.name = "project_name", .text = "The project that is looked for."}}});
  notes.push_back({Method::kPost, all, {201}});
  const std::string one = all + "/{project}";
  notes.push_back({Method::kGet, one, {200}});
  notes.push_back({Method::kDelete, one, {200}});
}

void AddRepositories(std::vector<RouteNote>& notes) {
  const std::string all = "/api/v2.0/projects/{project}/repositories";
  const std::string one = all + "/{repository}";
  notes.push_back({Method::kGet, all, {200}, {kPage, kPageSize, kName, kFilter}});
  notes.push_back({Method::kGet, one, {200}});
  notes.push_back({Method::kDelete, one, {200}});
  const std::string artifacts = one + "/artifacts";
  const std::string artifact = artifacts + "/{reference}";
  notes.push_back({Method::kGet, artifacts, {200}, {kPage, kPageSize, kWithTag}});
  notes.push_back({Method::kGet, artifact, {200}, {kWithTag}});
  notes.push_back({Method::kDelete, artifact, {200}});
  notes.push_back({Method::kGet, artifact + "/tags", {200}, {kPage, kPageSize}});
  notes.push_back({Method::kPost, artifact + "/tags", {201}});
  notes.push_back({Method::kDelete, artifact + "/tags/{tag}", {200}});
}

}  // namespace

std::vector<RouteNote> KleverRouteNotes() {
  std::vector<RouteNote> notes;
  AddKlever(notes);
  for (const char* path : {"ping", "health", "systeminfo", "users/current"}) {
    notes.push_back({Method::kGet, std::string("/api/v2.0/") + path, {200}});
  }
  AddProjects(notes);
  AddRepositories(notes);
  return notes;
}

}  // namespace slipway::klever
