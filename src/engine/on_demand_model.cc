#include "engine/on_demand_model.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "engine/limits.h"
#include "engine/same_signature.h"

namespace slipway::engine {
namespace {

bool IsCancelled(const exec::Run& run) {
  return run.cancelled != nullptr && run.cancelled->load(std::memory_order_relaxed) != 0;
}

}  // namespace

// Keeps a session of the model as long as that is loaded.
class OnDemandSession final : public exec::Session, private exec::RunObserver {
 public:
  explicit OnDemandSession(OnDemandModel& owner) : owner_(owner) {}

  void Start(const exec::Run& run, exec::RunObserver& observer) override {
    Result<std::shared_ptr<exec::Model>> model = owner_.Enter(run);
    if (model.has_error()) return observer.OnError(model.error());
    observer_ = &observer;
    if (*model != model_) {
      session_.reset();
      model_ = *std::move(model);
      Result<std::unique_ptr<exec::Session>> session = model_->OpenSession();
      if (session.has_error()) {
        model_.reset();
        return OnError(session.error());
      }
      session_ = *std::move(session);
    }
    {
      std::lock_guard lock(mutex_);
      running_ = session_.get();
    }
    session_->Start(run, *this);
  }

  void Interrupt() override {
    std::lock_guard lock(mutex_);
    if (running_ != nullptr) running_->Interrupt();
  }

 private:
  void OnResponse(bool last) override {
    if (last) End();
    observer_->OnResponse(last);
  }
  void OnError(const Error& error) override {
    End();
    observer_->OnError(error);
  }
  void End() {
    {
      std::lock_guard lock(mutex_);
      running_ = nullptr;
    }
    owner_.Leave();
  }

  OnDemandModel& owner_;
  std::shared_ptr<exec::Model> model_;
  std::unique_ptr<exec::Session> session_;  // of model_
  exec::RunObserver* observer_ = nullptr;
  std::mutex mutex_;
  exec::Session* running_ = nullptr;
};

OnDemandModel::OnDemandModel(std::unique_ptr<exec::Model> model, Loader load)
    : load_(std::move(load)),
      signature_(model->signature()),
      platform_(model->platform()),
      decoupled_(model->decoupled()),
      model_(std::move(model)) {}

OnDemandModel::~OnDemandModel() {
  if (loader_.joinable()) loader_.join();
}

Result<std::unique_ptr<exec::Session>> OnDemandModel::OpenSession() {
  return std::unique_ptr<exec::Session>(std::make_unique<OnDemandSession>(*this));
}

bool OnDemandModel::Unload() {
  std::shared_ptr<exec::Model> gone;
  std::lock_guard lock(mutex_);
  if (runs_ > 0 || loading_) return false;
  gone = std::move(model_);
  return true;
}

bool OnDemandModel::is_loaded() const {
  std::lock_guard lock(mutex_);
  return model_ != nullptr;
}

std::optional<exec::ProcessState> OnDemandModel::process() const {
  std::shared_ptr<exec::Model> model;
  {
    std::lock_guard lock(mutex_);
    model = model_;
  }
  return model != nullptr ? model->process() : std::nullopt;
}

void OnDemandModel::ExpectRuns(size_t runs) {
  std::lock_guard lock(mutex_);
  expected_runs_ = runs;
  if (model_ != nullptr) model_->ExpectRuns(runs);
}

Result<std::shared_ptr<exec::Model>> OnDemandModel::Enter(const exec::Run& run) {
  std::unique_lock lock(mutex_);
  if (model_ == nullptr && !loading_) {
    if (loader_.joinable()) loader_.join();  // it is over: it cleared loading_ at its end
    failure_.reset();
    loading_ = true;
    loader_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "model-waker");
      Load();
    });
  }
  while (model_ == nullptr) {
    if (failure_ && !loading_) return *failure_;
    if (IsCancelled(run)) return Error(Code::kCancelled, "RUN_CANCELLED", "");
    const Clock::time_point now = Clock::now();
    if (now >= run.deadline) {
      return Error(Code::kDeadlineExceeded, "REQUEST_TIMEOUT",
                   "Request timeout expired: the model had been unloaded, for nobody asked for it, "
                   "and is being loaded again");
    }
    changed_.wait_until(lock, std::min(run.deadline, now + kCancelCheck));
  }
  ++runs_;
  return model_;
}

void OnDemandModel::Leave() {
  std::lock_guard lock(mutex_);
  --runs_;
}

void OnDemandModel::Load() {
  Result<std::unique_ptr<exec::Model>> loaded = load_();
  std::lock_guard lock(mutex_);
  loading_ = false;
  if (loaded.has_error()) {
    failure_ = loaded.error();
  } else if (!HaveSameTensors((*loaded)->signature(), signature_)) {
    failure_ = Unavailable("MODEL_CHANGED",
                           "the model came back with other inputs or outputs than it had before");
  } else {
    model_ = *std::move(loaded);
    if (expected_runs_ > 0) model_->ExpectRuns(expected_runs_);
  }
  changed_.notify_all();
}

}  // namespace slipway::engine
