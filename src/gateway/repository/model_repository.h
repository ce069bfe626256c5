// ModelRepository: the models of a stand-alone data plane, loaded and unloaded while it runs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "async/core_pool.h"
#include "async/task_group.h"
#include "gateway/model_control.h"
#include "gateway/repository/override_folder.h"
#include "gateway/repository/source.h"
#include "runtime/serving_channel.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

// A change goes in two steps, so that nothing that serves is taken away before what follows it is
// there: the new versions are listed beside the old ones, which keep the traffic; once all of them
// are loaded they are listed alone. If one fails the old ones are, and the new ones go.
//
// Its state belongs to the first core. Stop before the data plane behind `apply` goes.
class ModelRepository final : public ModelControl {
 public:
  struct Plane {
    std::function<void(runtime::ServingConfig)> apply;
    std::function<runtime::ServingStatus()> status;
  };
  ModelRepository(CorePool& cores, StandAloneOptions options, Plane plane);
  ~ModelRepository() override;

  // Before the cores serve: lists all models that are there. Blocks. The errors of FindSources, and
  // that of the model where there is only one.
  Result<void> Open();
  // Once what Open listed is loaded or has failed: what failed is listed no more; an ensemble that
  // failed for its models is loaded again when they are. The error of a model if none serves and
  // not even that was wanted.
  Result<void> Settle();
  // Whether the plane has what Open and Settle listed last. Before the cores serve.
  bool IsInEffect() const { return plane_.status().generation >= generation_; }

  Task<Result<void>> Load(std::string name, ReadLoad read) override;
  Task<Result<void>> Unload(std::string name, bool with_steps) override;
  Task<std::vector<IndexEntry>> Idle() override;

  // Changes that wait for a model end soon, also those that begin later. Any thread.
  void EndChanges();
  // Returns when none is under way; nobody may begin one any more. Once.
  Task<void> Stop();

 private:
  using Names = std::vector<std::string>;
  // A model that was listed at some time.
  struct Model {
    std::optional<runtime::ServingService> service;  // as it is listed; nothing: it is not
    std::unique_ptr<OverrideFolder> files;           // of the versions that are listed
    bool is_busy = false;
    std::string waits_for;  // the step whose load it waits for, while it loads
    // Why it is not listed, and which versions of it were.
    std::string reason;
    std::vector<std::string> versions;
    // Of an ensemble that was to serve from the start and waits for them.
    Names missed_steps;
  };
  // What reading a model from disk gives.
  struct Planned {
    runtime::ServingService service;
    std::unique_ptr<OverrideFolder> files;
  };

  Task<Result<void>> OnFirstCore(std::function<Task<Result<void>>()> make);
  // `ensembles` are those that are loaded with it, the outermost first.
  Task<Result<void>> Change(std::string name, ReadLoad read, Names ensembles);
  Task<Result<void>> LoadHere(std::string name, ReadLoad read, Names ensembles);
  // What an ensemble needs and is not there.
  Task<Result<void>> LoadSteps(runtime::ServingService ensemble, Names ensembles);
  Task<Result<void>> LoadStep(std::string step, Names ensembles);
  // Waits for who changes the model now; false: stopped, or it waits for one of `ensembles` itself.
  Task<bool> AwaitOther(std::string name, Names ensembles);
  // The ensembles that waited for this model and now have all of theirs.
  Task<void> LoadWaiting(std::string name);
  Task<Result<void>> UnloadHere(std::string name, bool with_steps);
  Task<Result<void>> IdleHere(const std::vector<Source>& found, std::vector<IndexEntry>& out);
  Result<Planned> Plan(const std::string& name, const LoadRequest& request) const;
  Result<Source> SourceOf(const std::string& name) const;
  // The generation of the configuration that says what is listed now.
  uint64_t Apply();
  // Waits until the configuration is in effect and none of `service` is loading; false: stopped.
  Task<bool> InEffect(uint64_t generation, const runtime::ServingService* service);
  struct Failure {
    std::string reason;
    std::string message;
  };
  std::optional<Failure> FailureOf(const runtime::ServingService& service) const;
  void Unlist(Model& model, std::string reason);

  const StandAloneOptions options_;
  const Plane plane_;
  std::map<std::string, Model> models_;
  uint64_t generation_ = 0;
  std::atomic<bool> stopping_{false};
  BlockingPool pool_;
  TaskGroup changes_;
};

}  // namespace slipway::gateway
