#include "resource/testing/test_store.h"

#include "async/testing/run.h"
#include "base/check.h"
#include "resource/token_store.h"

namespace slipway::resource {
namespace {

constexpr std::array<std::byte, trust::SecretBox::kKeyBytes> kTestKey{};

}  // namespace

TestStore::TestStore(store::ChangeLogLimits log)
    : random_(MakeSeededRandom(7)),
      meta_(store::MakeMemoryMetaStore(log, &clock_)),
      secrets_(std::make_unique<trust::SecretBox>(kTestKey, *random_)),
      resources_(std::make_unique<ResourceStore>(*meta_, clock_, *random_, secrets_.get())) {
  CHECK(Bootstrap(*resources_).has_value());
}

CallContext TestStore::As(std::string subject) {
  CallContext context = CallContext::System("test");
  context.identity.subject = std::move(subject);
  context.request_id = "request-1";
  return context;
}

Resource TestStore::Wanted(std::string kind, std::string project, std::string name,
                           std::string_view spec) {
  Resource resource;
  resource.kind = std::move(kind);
  resource.metadata.project = std::move(project);
  resource.metadata.name = std::move(name);
  resource.spec = ParseJson(spec).value();
  return resource;
}

Resource TestStore::WantedService(std::string name) {
  std::string spec =
      R"({"predictor": {"model": "default/m@sha256:)" + std::string(64, 'a') + R"("}})";
  return Wanted("Service", "default", std::move(name), spec);
}

Resource TestStore::Create(Resource wanted) {
  Result<Resource> made = TryCreate(std::move(wanted));
  CHECK_NOTE(made.has_value(), made.has_value() ? "" : made.error().ToString());
  return *std::move(made);
}

Resource TestStore::Get(const Key& key) {
  Result<Resource> found = TryGet(key);
  CHECK_NOTE(found.has_value(), found.has_value() ? "" : found.error().ToString());
  return *std::move(found);
}

Result<Resource> TestStore::TryCreate(Resource wanted) {
  return RunSync(resources_->Create(As("tester"), std::move(wanted)));
}

Result<Resource> TestStore::TryUpdate(Resource wanted, std::optional<uint64_t> if_version) {
  return RunSync(resources_->Update(As("tester"), std::move(wanted), if_version));
}

Result<Resource> TestStore::TryUpdateStatus(const Key& key, std::string_view status) {
  return RunSync(resources_->UpdateStatus(As("system/test"), key, ParseJson(status).value()));
}

Result<void> TestStore::TryDelete(const Key& key, std::optional<uint64_t> if_version) {
  return RunSync(resources_->Delete(As("tester"), key, if_version));
}

std::string TestStore::Bearer(std::string token, std::string_view spec) {
  Result<IssuedToken> issued =
      RunSync(IssueToken(*resources_, As("tester"), Wanted("Token", "", std::move(token), spec)));
  CHECK_NOTE(issued.has_value(), issued.has_value() ? "" : issued.error().ToString());
  return "Bearer " + issued->secret;
}

Result<Resource> TestStore::TryGet(const Key& key) {
  return RunSync(resources_->Get(key));
}

Result<ListPage> TestStore::TryList(std::string kind, std::string project, ListOptions options) {
  return RunSync(resources_->List(std::move(kind), std::move(project), std::move(options)));
}

}  // namespace slipway::resource
