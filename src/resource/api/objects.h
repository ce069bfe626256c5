// The handlers of one resource at a time, and of its list. Each is awaited at once by the router.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http_message.h"
#include "resource/resource_store.h"
#include "trust/recheck.h"

namespace slipway::resource {

// One kind's place in the API. Immutable; shared by its routes.
class KindEndpoint {
 public:
  using MakeRecheck = std::function<trust::Recheck(const net::HttpRequest& request)>;

  // `recheck` is that of ApiHooks.
  KindEndpoint(ResourceStore& store, const KindInfo& kind, MakeRecheck recheck)
      : store_(store), kind_(kind), recheck_(std::move(recheck)) {}

  Task<net::HttpResponse> List(net::HttpRequest& request) const;
  Task<net::HttpResponse> Create(net::HttpRequest& request) const;
  Task<net::HttpResponse> Get(net::HttpRequest& request) const;
  Task<net::HttpResponse> GetStatus(net::HttpRequest& request) const;
  // Replaces what is at the version and has the uid that the body states, if it states them; with
  // ?apply=1 it creates what is missing, and replaces whatever is there.
  Task<net::HttpResponse> Put(net::HttpRequest& request) const;
  Task<net::HttpResponse> Patch(net::HttpRequest& request) const;
  // With ?cascade=1 it takes along what would otherwise stand in the way.
  Task<net::HttpResponse> Delete(net::HttpRequest& request) const;

  const KindInfo& kind() const { return kind_; }
  // Kind, project and name as the path gives them.
  Key KeyOf(const net::HttpRequest& request) const;

 private:
  Task<Result<net::HttpResponse>> TryList(net::HttpRequest& request) const;
  Task<Result<net::HttpResponse>> TryCreate(net::HttpRequest& request) const;
  Task<Result<net::HttpResponse>> TryPut(net::HttpRequest& request) const;
  Task<Result<net::HttpResponse>> TryPatch(net::HttpRequest& request) const;
  Task<Result<net::HttpResponse>> TryDelete(net::HttpRequest& request) const;
  // What shall be, given what is there or null. Called on the writer.
  using Wish = std::function<Result<Resource>(ResourceTransaction& transaction, const Resource*)>;
  Task<Result<net::HttpResponse>> Write(CallContext context, Key key,
                                        std::optional<uint64_t> if_version, bool make_missing,
                                        Wish wish) const;
  std::string ProjectOf(const net::HttpRequest& request) const;
  std::string PathOf(const Resource& resource) const;

  ResourceStore& store_;
  const KindInfo& kind_;
  const MakeRecheck recheck_;
};

// 200 with the resource and its ETag.
net::HttpResponse ResourceResponse(int status, const Resource& resource);

}  // namespace slipway::resource
