#include "klever/klever.h"

#include "async/deadline.h"
#include "async/task_group.h"
#include "base/log.h"
#include "klever/core.h"
#include "klever/error_response.h"
#include "klever/limits.h"
#include "registry/content.h"
#include "registry/upload_age.h"

namespace slipway::klever {
namespace {

using ErrorResponse = net::HttpResponse (*)(const net::HttpRequest&, const Error&);

Task<net::HttpResponse> Answer(std::shared_ptr<Core> core, CoreHandler handler,
                               ErrorResponse error_response, net::HttpRequest& request) {
  Result<net::HttpResponse> response = co_await handler(*core, request);
  if (!response) co_return error_response(request, response.error());
  co_return std::move(*response);
}

net::Route MakeRoute(const std::shared_ptr<Core>& core, net::Method method, std::string pattern,
                     net::Access access, CoreHandler handler, std::string summary,
                     ErrorResponse error_response) {
  return {.method = method,
          .pattern = std::move(pattern),
          .access = access,
          .handler =
              [core, handler, error_response](net::HttpRequest& request) {
                return Answer(core, handler, error_response, request);
              },
          .summary = std::move(summary)};
}

Task<void> Sweep(std::shared_ptr<Core> core) {
  const registry::UploadAge age(*core->options.clock);
  while (co_await SleepFor(kSweepInterval)) {
    const int64_t before = age.ExpiredBefore(kUploadExpiry).time_since_epoch().count();
    const Result<uint64_t> removed =
        co_await core->pool().Run([core, before] { return core->uploads.RemoveStale(before); });
    if (!removed) {
      LogWarning("expired uploads of models were not removed", {{"error", removed.error()}});
    } else if (*removed > 0) {
      LogInfo("removed expired uploads of models", {{"count", *removed}});
    }
  }
}

}  // namespace

net::Route KleverRoute(const std::shared_ptr<Core>& core, net::Method method, std::string pattern,
                       net::Access access, CoreHandler handler, std::string summary) {
  return MakeRoute(core, method, std::move(pattern), access, handler, std::move(summary),
                   KleverErrorResponse);
}

net::Route HarborRoute(const std::shared_ptr<Core>& core, net::Method method, std::string pattern,
                       net::Access access, CoreHandler handler, std::string summary) {
  return MakeRoute(core, method, std::move(pattern), access, handler, std::move(summary),
                   HarborErrorResponse);
}

struct Klever::State {
  std::shared_ptr<Core> core;
  std::unique_ptr<TaskGroup> tasks;
};

Klever::Klever(KleverOptions options) : state_(std::make_unique<State>()) {
  auto content = registry::MakeRegistryContent(options.resources->meta(), *options.objects);
  state_->core = std::make_shared<Core>(std::move(options), std::move(content));
}

Klever::~Klever() = default;

std::vector<net::Route> Klever::Routes() const {
  std::vector<net::Route> routes;
  for (auto* part : {UploadRoutes, DownloadRoutes, ComparisonRoutes, HarborSystemRoutes,
                     HarborProjectRoutes, HarborRepositoryRoutes, HarborArtifactRoutes}) {
    for (net::Route& route : part(state_->core)) routes.push_back(std::move(route));
  }
  return routes;
}

void Klever::Start(asio::any_io_executor executor) {
  CHECK(!state_->tasks);
  const Result<void> cleared = state_->core->uploads.RemoveWork();
  if (!cleared) LogWarning("unfinished work was not removed", {{"error", cleared.error()}});
  state_->tasks = std::make_unique<TaskGroup>(std::move(executor));
  state_->tasks->Start([core = state_->core] { return Sweep(core); });
}

Task<void> Klever::Stop() {
  if (state_->tasks) co_await state_->tasks->Stop();
}

}  // namespace slipway::klever
