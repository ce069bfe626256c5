// A resource store in memory with everything that it needs, for tests of this and later modules.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "resource/bootstrap.h"
#include "resource/resource_store.h"
#include "trust/secret_box.h"

namespace slipway::resource {

// Bootstrapped: project default and site local are there. Time stands still until told.
class TestStore {
 public:
  explicit TestStore(store::ChangeLogLimits log = {});

  // A context with this subject and an admin's rights.
  static CallContext As(std::string subject);
  // A resource as users send it; `spec` is JSON text.
  static Resource Wanted(std::string kind, std::string project, std::string name,
                         std::string_view spec = "{}");
  // A Service of the project default with a pinned model.
  static Resource WantedService(std::string name);

  // One write each, as the user `tester`; CHECKs that it succeeds.
  Resource Create(Resource wanted);
  Resource Get(const Key& key);
  // The same, for what may fail.
  Result<Resource> TryCreate(Resource wanted);
  Result<Resource> TryUpdate(Resource wanted, std::optional<uint64_t> if_version = std::nullopt);
  Result<Resource> TryUpdateStatus(const Key& key, std::string_view status);
  Result<void> TryDelete(const Key& key, std::optional<uint64_t> if_version = std::nullopt);
  Result<Resource> TryGet(const Key& key);
  // Makes a Token; returns the value of the header `Authorization` that it stands for.
  std::string Bearer(std::string token, std::string_view spec);
  Result<ListPage> TryList(std::string kind, std::string project, ListOptions options = {});

  FakeClock& clock() { return clock_; }
  store::MetaStore& meta() { return *meta_; }
  ResourceStore& resources() { return *resources_; }

 private:
  FakeClock clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<store::MetaStore> meta_;
  std::unique_ptr<trust::SecretBox> secrets_;
  std::unique_ptr<ResourceStore> resources_;
};

}  // namespace slipway::resource
