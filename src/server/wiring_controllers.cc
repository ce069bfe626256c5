// The controllers, and the desk at which the site's agent gets its orders.
#include <boost/asio/any_io_executor.hpp>

#include "controller/model/model_controller.h"
#include "controller/model/usage.h"
#include "controller/service/admission.h"
#include "controller/service/service_controller.h"
#include "controller/site/site_desk.h"
#include "model/inspect.h"
#include "registry/content.h"
#include "registry/removal.h"
#include "registry/shown_tags.h"
#include "registry/tag_search.h"
#include "server/parts.h"

namespace slipway::server {
namespace {

using resource::InferenceAccess;

class Controllers final : public ControllersPart {
 public:
  Controllers(Threads& threads, Stores& stores, bool loopback)
      : content_(registry::MakeRegistryContent(*stores.meta, *stores.objects)),
        services_(threads.cores.executor(0), *stores.resources),
        models_(threads.cores.executor(0), *stores.resources, *content_, threads.blocking,
                model::Scratch{&PosixFileSystem(), stores.folder->unpacked_path()}),
        desk_(
            threads.cores.executor(0), *stores.resources,
            {.default_access = loopback ? InferenceAccess::kAnonymous : InferenceAccess::kToken}) {}

  void Start() override {
    services_.Start();
    models_.Start();
    desk_.Start();
  }

  Task<void> Stop() override {
    co_await desk_.Stop();
    co_await models_.Stop();
    co_await services_.Stop();
  }

  Task<Result<runtime::DesiredState>> Desired(uint64_t known) override {
    return desk_.Desired(known);
  }
  Task<Result<void>> Report(runtime::SiteReport report) override {
    services_.Note(report);
    return desk_.Report(std::move(report));
  }

 private:
  std::unique_ptr<oci::ContentSource> content_;
  controller::ServiceController services_;
  controller::ModelController models_;
  controller::SiteDesk desk_;
};

}  // namespace

void AddAdmissions(resource::ResourceStore& store) {
  controller::ServiceAdmission::Formats formats;
  for (std::string_view format : model::DeployableFormats()) {
    formats.deployable.emplace_back(format);
  }
  for (std::string_view format : model::OfferedFormats()) formats.offered.emplace_back(format);
  store.AddAdmission("Service", controller::ServiceAdmission(std::move(formats)));
  registry::AddRemovals(store, controller::CheckModelUnused);
  store.AddSearchPart("ModelVersion", registry::TagsOfVersions());
  registry::AddShownTags(store);
}

std::unique_ptr<ControllersPart> MakeControllersPart(Threads& threads, Stores& stores,
                                                     bool loopback) {
  return std::make_unique<Controllers>(threads, stores, loopback);
}

}  // namespace slipway::server
