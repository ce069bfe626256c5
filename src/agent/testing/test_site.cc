#include "agent/testing/test_site.h"

#include <chrono>
#include <thread>

#include "async/testing/run.h"
#include "runtime/site_folder.h"

namespace slipway::agent {

TestSite::TestSite()
    : site_db(store::MakeMemoryMetaStore()),
      objects(*store::MakeLocalObjectStore(PosixFileSystem(), folder / "data")),
      content_(MakeStoreContent(*objects)),
      cores_(1),
      pool_(4) {
  options.unpacked_folder = folder / "data/unpacked";
  options.serve.folder = folder / "data/sites/local";
  options.serve.program = "/fake/slipway";
  options.serve.build_id = "build";
  options.serve.listen = {{"rest", "127.0.0.1", 0}, {"metrics", "127.0.0.1", 0}};
  options.serve.drain = std::chrono::milliseconds(200);
  options.serve.adopt_timeout = std::chrono::milliseconds(300);
  options.serve.backoff.second = std::chrono::milliseconds(20);
  driver.OnStart(
      [this](const runtime::WorkloadHandle& handle, const runtime::FakeDriver::Workload& workload) {
        auto serve = std::make_unique<FakeServe>(driver, handle, workload, serve_options);
        serves_.With([&](Serves& serves) { serves[handle.id] = std::move(serve); });
      });
  NewAgent();
}

TestSite::~TestSite() {
  cores_.Stop();
}

Agent& TestSite::NewAgent(ControlLink& control) {
  agent_ = std::make_unique<Agent>(
      options,
      AgentDependencies{control, driver, SiteContent{content_.get(), objects.get()}, *site_db,
                        PosixFileSystem(), SystemClock(), pool_, cores_.executor(0)});
  return *agent_;
}

Result<void> TestSite::StartAgent() {
  return RunSync(agent_->Start());
}

void TestSite::StopAgent(StopMode mode) {
  RunToEnd(agent_->Stop(mode));
}

model::Package TestSite::Offer(const std::string& path) {
  auto package = model::PackageModel(PosixFileSystem(), path);
  CHECK_NOTE(package.has_value(), path);
  link.Offer(package->manifest_digest, package->manifest);
  link.Offer(package->config_digest, package->config);
  for (const model::PackageFile& file : package->files) {
    link.Offer(file.digest, *ReadWholeFile(PosixFileSystem(), file.source, 64 << 20));
  }
  return *package;
}

runtime::DesiredRevision TestSite::Revision(int64_t number, const Digest& manifest) {
  return {.number = number,
          .uid = "uid-" + std::to_string(number),
          .name = "fraud-" + std::to_string(number),
          .repository = "default/fraud",
          .manifest_digest = manifest.text()};
}

void TestSite::Want(std::vector<runtime::DesiredRevision> revisions) {
  link.Want({{.project = "default",
              .name = "fraud",
              .access = "anonymous",
              .revisions = std::move(revisions)}});
}

bool TestSite::Eventually(const std::function<bool()>& holds) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

runtime::RevisionReport TestSite::ReportOf(int64_t number) const {
  for (const auto& report : link.last_report().revisions) {
    if (report.uid == "uid-" + std::to_string(number)) return report;
  }
  return {};
}

std::string TestSite::Phase(int64_t number) const {
  return ReportOf(number).phase;
}

std::string TestSite::NewestId() const {
  return "fake-" + std::to_string(driver.workloads().size());
}

FakeServe& TestSite::serve(const std::string& id) {
  FakeServe* serve = nullptr;
  // A workload is there before the serve that plays it.
  CHECK(Eventually([&] {
    serves_.With([&](Serves& serves) {
      auto found = serves.find(id);
      if (found != serves.end()) serve = found->second.get();
    });
    return serve != nullptr;
  }));
  return *serve;
}

void TestSite::EndServes() {
  serves_.With([](Serves& serves) { serves.clear(); });
}

runtime::ServingConfig TestSite::Serving() {
  auto config =
      runtime::ReadServingConfig(PosixFileSystem(), runtime::ServingPath(options.serve.folder));
  return config.has_value() ? *config : runtime::ServingConfig{};
}

}  // namespace slipway::agent
