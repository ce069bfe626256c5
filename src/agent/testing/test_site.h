// TestSite: a site for tests of the agent, with a fake control centre, driver and serve. What is
// on disk outlives an agent, and so do the workloads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/testing/fake_control_link.h"
#include "agent/testing/fake_serve.h"
#include "async/blocking_pool.h"
#include "async/core_pool.h"
#include "base/testing/temporary_folder.h"
#include "model/package.h"
#include "oci/content_source.h"
#include "store/object/object_store.h"

namespace slipway::agent {

class TestSite {
 public:
  TestSite();
  ~TestSite();

  // A new agent on the same site, as a new process makes it.
  Agent& NewAgent() { return NewAgent(link); }
  Agent& NewAgent(ControlLink& control);
  Agent& agent() { return *agent_; }
  Result<void> StartAgent();
  void StopAgent(StopMode mode);

  // A model that the control centre offers, and a revision of it.
  model::Package Offer(const std::string& path);
  runtime::DesiredRevision Revision(int64_t number, const Digest& manifest);
  // One service `default/fraud` with these revisions.
  void Want(std::vector<runtime::DesiredRevision> revisions);

  // Waits until it holds, at most 10 s; false if it never did.
  static bool Eventually(const std::function<bool()>& holds);
  // The phase that was last reported of a revision, empty if none was.
  std::string Phase(int64_t number) const;
  runtime::RevisionReport ReportOf(int64_t number) const;
  // The serve of the newest workload, or of this one.
  FakeServe& serve() { return serve(NewestId()); }
  FakeServe& serve(const std::string& id);
  // Serves do not outlive their site's machine.
  void EndServes();
  std::string NewestId() const;
  runtime::ServingConfig Serving();

  // Changed before an agent starts.
  AgentOptions options;
  FakeServe::Options serve_options;

  FakeControlLink link;
  runtime::FakeDriver driver;
  TemporaryFolder folder;
  std::unique_ptr<store::MetaStore> site_db;
  std::unique_ptr<store::ObjectStore> objects;

 private:
  using Serves = std::map<std::string, std::unique_ptr<FakeServe>>;  // by handle id

  Guarded<Serves> serves_;
  std::unique_ptr<oci::ContentSource> content_;
  // The pool is joined first: its threads post to the cores.
  CorePool cores_;
  BlockingPool pool_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace slipway::agent
