// The REST routes of all resources: /api/v1/projects/{project}/{plural}[/{name}[/status|/events]]
// and /api/v1/{plural}[/{name}] for global kinds, lists over all projects, watches.
//
// Bodies are JSON, or YAML with a Content-Type that says so. Answers are JSON; errors are RFC 9457
// problems with code, reason and field. An ETag is the resource's version, for If-Match.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/router.h"
#include "resource/resource_store.h"
#include "trust/recheck.h"

namespace slipway::resource {

// What the API needs from parts that it does not know.
struct ApiHooks {
  // GET .../services/{name}/logs[?follow=1]: text/plain. No route where it is empty.
  std::function<Task<net::HttpResponse>(net::HttpRequest& request, Key service)> service_logs;
  // What ends a watch whose caller may no longer read. May be empty: then nothing does.
  std::function<trust::Recheck(const net::HttpRequest& request)> recheck;
};

// The routes keep a reference to `store`, which must outlive them.
std::vector<net::Route> ApiRoutes(ResourceStore& store, ApiHooks hooks);

}  // namespace slipway::resource
