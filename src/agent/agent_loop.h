// The agent's reconcile loop; see agent.h. All on one executor.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "agent/agent.h"
#include "agent/blame_ledger.h"
#include "agent/load_suspects.h"
#include "agent/revision_preparer.h"
#include "agent/serve_keeper.h"
#include "agent/site_record.h"
#include "async/guarded.h"
#include "async/task_group.h"
#include "async/wakeup.h"
#include "runtime/serving_config.h"

namespace slipway::agent {

class Agent::Loop {
 public:
  Loop(AgentOptions options, AgentDependencies dependencies);

  Task<Result<void>> Start();
  // The answer is always success.
  Task<Result<void>> Stop(StopMode mode);
  Task<void> RenewCertificate() {
    if (keeper_.has_value()) keeper_->RenewCertificate();
    co_return;
  }
  AgentView View() const {
    return view_.With([](const AgentView& view) { return view; });
  }

 private:
  Task<Result<void>> Open();
  Task<void> FollowDesired();
  Task<void> Reconcile();
  Task<void> UpdateServing();
  // What `now` has and `before` had not.
  void NoteGiven(const runtime::ServingConfig& before, const runtime::ServingConfig& now);
  Task<void> SendReport();
  Task<void> SweepNowAndThen();
  // How people call a revision that is served.
  std::string NameOf(const std::string& uid) const;
  void ServeEnded(const ServeEnd& end);
  Task<void> BlameThoseThatHang(runtime::ServingStatus status);
  // Those with a process of their own, for the agents to come.
  Task<void> RecordIsolated();
  void UpdateView();
  runtime::SiteReport MakeReport() const;

  const AgentOptions options_;
  AgentDependencies dependencies_;
  std::unique_ptr<SiteRecords> records_;
  std::optional<RevisionPreparer> preparer_;
  std::optional<ServeKeeper> keeper_;
  LoadSuspects suspects_;
  BlameLedger blames_;
  TaskGroup group_;
  Wakeup wakeup_;

  std::optional<runtime::DesiredState> desired_;
  runtime::ServingConfig serving_;   // what serving.json says
  std::set<std::string> given_;      // uids that were added to serving.json once prepared
  std::set<std::string> inherited_;  // uids in the serving.json that was there at the start
  std::string serving_problem_;      // one sentence when it cannot be written
  std::string reported_;             // the last report that was taken, as JSON
  SteadyTime reported_at_;
  SteadyTime reloaded_at_;  // when serve was last told of serving.json
  std::optional<SteadyTime> swept_at_;
  Guarded<AgentView> view_;
};

}  // namespace slipway::agent
