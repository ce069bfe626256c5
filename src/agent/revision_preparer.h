// RevisionPreparer: brings the bytes of revisions to the site and unpacks them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/content_fetch.h"
#include "agent/control_link.h"
#include "agent/revision_state.h"
#include "async/blocking_pool.h"
#include "async/task_group.h"
#include "async/wakeup.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "runtime/serving_config.h"
#include "runtime/site_state.h"

namespace slipway::agent {

// All calls and callbacks on the one executor. What failed for a reason that may pass (the network,
// a full disk) is tried again after a pause; what cannot come right fails the revision.
class RevisionPreparer {
 public:
  struct Dependencies {
    ControlLink& link;
    SiteContent content;
    std::string unpacked_folder;
    uint64_t unpacked_limit_bytes = 0;
    FileSystem& files;
    BlockingPool& pool;
    Clock& clock;
    asio::any_io_executor executor;
    std::function<Result<void>()> check_room;  // AgentDependencies
  };
  // `changed` is called after each change of states().
  RevisionPreparer(Dependencies dependencies, std::function<void()> changed);
  ~RevisionPreparer();

  void Start();
  // What is being unpacked ends at its next piece, and nothing of it stays.
  Task<void> Stop();

  // The revisions that are wanted, oldest first; the others are forgotten.
  void Want(const runtime::DesiredState& desired);
  const RevisionStates& states() const { return states_; }

  // Brings the folder of unpacked models within its limit, unless something is being prepared.
  // What is wanted and what `served` names stays. Nothing is prepared meanwhile.
  Task<void> Sweep(runtime::ServingConfig served);

 private:
  struct Work;

  Task<void> Run(Wakeup* wakeup);
  Task<void> Prepare(runtime::DesiredRevision revision);
  // What is there once it is done.
  Result<RevisionState> PrepareNow(const runtime::DesiredRevision& revision);
  Result<RevisionState> PrepareProgram(const runtime::DesiredRevision& revision);
  Result<model::UnpackedModel> Bring(const std::string& repository, const std::string& digest,
                                     bool any_files);
  // The next one that nobody has begun and whose pause is over.
  std::optional<runtime::DesiredRevision> Take();

  Dependencies dependencies_;
  std::function<void()> changed_;
  TaskGroup group_;
  std::vector<std::unique_ptr<Wakeup>> wakeups_;  // one for each preparer
  std::vector<runtime::DesiredRevision> wanted_;
  RevisionStates states_;
  std::map<std::string, Work> work_;  // by uid
  int running_ = 0;
  bool sweeping_ = false;
  std::atomic<bool> stopping_ = false;  // read on the pool
};

}  // namespace slipway::agent
