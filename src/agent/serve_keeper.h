// ServeKeeper: keeps one `slipway serve` running: starts it, finds it again, starts it anew when it
// ends, replaces one of another build without refusing a connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/answer_watch.h"
#include "agent/backoff.h"
#include "agent/hand_over.h"
#include "agent/limits.h"
#include "agent/load_suspects.h"
#include "agent/serve_connection.h"
#include "agent/serve_listeners.h"
#include "agent/site_record.h"
#include "async/blocking_pool.h"
#include "async/task_group.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "engine/blame_page.h"
#include "runtime/driver.h"

namespace slipway::agent {

struct ServeOptions {
  std::string folder;   // of the site, absolute
  std::string program;  // absolute path of `slipway`
  // After "serve --site-folder FOLDER". A running serve with others ends before one with these
  // begins: what a client is answered never depends on which of the two takes its connection.
  std::vector<std::string> arguments;
  std::string build_id;  // a running serve of another build is replaced
  std::vector<ListenAddress> listen;
  std::chrono::milliseconds drain{5'000};  // for requests in flight when serve is to end
  // How long a serve that is found running may take to answer before it is ended.
  std::chrono::milliseconds adopt_timeout{5'000};
  // How long the one that runs may take to answer, and what happens then.
  AnswerWatch::Options answer;
  Backoff::Options backoff;
  // After a serve of this build that could not take the place of one of another, until the next.
  std::chrono::milliseconds hand_over_pause = kHandOverPause;
};

// All calls and callbacks on the one executor.
class ServeKeeper {
 public:
  struct Dependencies {
    runtime::Driver& driver;
    SiteRecords& records;
    FileSystem& files;
    Clock& clock;
    BlockingPool& pool;
    asio::any_io_executor executor;
  };
  struct Events {
    // status(), pid(), message(), has_predecessor() or figures()
    std::function<void()> changed;
    // How people call the revision of this uid.
    std::function<std::string(const std::string& uid)> name_of;
    // Serve ended by itself.
    std::function<void(const ServeEnd& end)> ended;
  };
  ServeKeeper(ServeOptions options, Dependencies dependencies, Events events);
  ~ServeKeeper();  // CHECKs that it was stopped

  // Adopts the running serve that the record names, or starts one; returns when the sockets are
  // open and a process has them. `generation` is that of the serving.json which is there. One of
  // another build serves until one of this build, which does not listen before, has loaded all that
  // it serves, and goes on where that cannot.
  Task<Result<void>> Start(uint64_t generation);
  // With `end_serve` serve finishes what it has begun, at most for the drain time, and is gone
  // when this returns; else it keeps serving for the next agent.
  Task<void> Stop(bool end_serve);

  // serving.json of this generation is there: serve is told, now or as soon as it listens.
  void Reload(uint64_t generation);
  // The files of the certificate are there anew: serve is told likewise.
  void RenewCertificate();

  // The last word of the serve that runs; nothing until it has said any.
  const std::optional<runtime::ServingStatus>& status() const { return status_; }
  int64_t pid() const { return pid_; }  // 0: none runs
  // What the revisions of measured services had counted when serve was last asked.
  const std::vector<runtime::RevisionFigures>& figures() const { return figures_; }
  // Whether serve, which runs, comes round to what it is asked; else `message` tells.
  bool answers() const { return silence_.empty(); }
  // One sentence when serve cannot be kept running, does not answer, or is of another build because
  // none of this can take its place; else empty.
  const std::string& message() const {
    if (!silence_.empty()) return silence_;
    return message_.empty() ? refusal_ : message_;
  }
  // Whether `message` tells that a serve of this build cannot take the place of the one that runs.
  bool is_refused() const { return silence_.empty() && message_.empty() && !refusal_.empty(); }
  std::vector<runtime::SiteEndpoint> endpoints() const {
    return EndpointsOf(listeners_, options_.listen);
  }
  // Whether a serve of before may still answer, by the serving.json of its time.
  bool has_predecessor() const { return predecessors_ > 0; }

 private:
  struct Adopted;
  // Loads beside the current one, to take its place.
  struct Successor {
    ServeRecord record;
    int64_t pid = 0;
  };
  // What there is beside a serve that starts: none, one that ends when this one has loaded (and
  // perhaps failed to), or one that serves until this one is better.
  enum class Predecessor : uint8_t { kGone, kRetires, kServes };

  Task<Result<Adopted>> Adopt(ServeRecord record);
  Result<Adopted> TryAdopt(const ServeRecord& record);
  Task<Result<void>> Spawn(Predecessor predecessor);
  Result<runtime::WorkloadHandle> SpawnNow(Predecessor predecessor, int64_t pid);
  Task<void> HandOver();
  Task<std::string> TryHandOver();
  Task<Result<void>> SpawnSuccessor();
  Task<Result<Verdict>> AskSuccessor();
  Task<Result<void>> TakeOver(Predecessor predecessor);
  Task<void> EndSuccessor();
  Task<void> EndNext(runtime::WorkloadHandle handle);
  void Current(const ServeRecord& record, int64_t pid, std::shared_ptr<ServeConnection> connection);
  Task<void> Watch(uint64_t incarnation);
  Task<void> Restart(uint64_t incarnation);
  Task<void> Ask(uint64_t incarnation);
  Task<bool> IsHeld(runtime::WorkloadHandle handle);
  Task<void> SendPing(std::shared_ptr<ServeConnection> connection);
  void Judge(bool held);
  Task<void> EndTheLost(uint64_t incarnation);
  Task<void> Follow(uint64_t incarnation, std::shared_ptr<ServeConnection> connection);
  Task<void> FollowConnection(uint64_t incarnation, std::shared_ptr<ServeConnection> connection);
  void StartRetiring(const ServeRecord& record, std::shared_ptr<ServeConnection> connection);
  Task<void> Retire(ServeRecord record, std::shared_ptr<ServeConnection> connection);
  Task<void> End(ServeRecord record, std::shared_ptr<ServeConnection> connection);
  Task<void> SendReload(std::shared_ptr<ServeConnection> connection);
  Task<void> SendListen(std::shared_ptr<ServeConnection> connection);
  Task<void> SendCertificate(std::shared_ptr<ServeConnection> connection);
  bool IsSettled() const;
  void Said(const runtime::ServingStatus& status);
  void Answered(runtime::ServingAnswer answer);

  const ServeOptions options_;
  Dependencies dependencies_;
  Events events_;
  TaskGroup group_;
  Backoff backoff_;

  std::vector<NamedListener> listeners_;
  std::optional<ServeRecord> current_;
  uint64_t incarnation_ = 0;  // rises with each process that becomes the current one
  int64_t pid_ = 0;
  std::shared_ptr<ServeConnection> connection_;
  std::optional<runtime::ServingStatus> status_;
  std::vector<runtime::RevisionFigures> figures_;
  std::string message_;
  std::optional<Successor> successor_;
  bool is_taking_over_ = false;  // one that was successor_, in a moment
  std::string refusal_;          // why none takes the place of the current one
  AnswerWatch watch_;
  std::string silence_;               // the sentence while it does not answer
  std::string lost_;                  // why it is being ended, until it is
  engine::RunsUnderWay silent_runs_;  // when it stopped to answer
  std::string hung_;  // the revision whose run goes on since, once it is being ended
  uint64_t generation_ = 0;
  bool renew_ = false;    // serve has to be told as soon as it listens
  int predecessors_ = 0;  // that retire
};

}  // namespace slipway::agent
