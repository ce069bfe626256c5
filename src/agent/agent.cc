#include "agent/agent.h"

#include <utility>

#include "agent/agent_loop.h"
#include "async/completion.h"

namespace slipway::agent {
namespace {

template <class T>
Task<void> Answer(Task<T> task, Completion<T> done) {
  done(co_await std::move(task));
}

}  // namespace

Agent::Agent(AgentOptions options, AgentDependencies dependencies)
    : loop_(std::make_unique<Loop>(std::move(options), dependencies)),
      calls_(dependencies.executor) {}

Agent::~Agent() = default;

// The caller may live on another executor than the loop does.
Task<Result<void>> Agent::Start() {
  auto started = co_await AwaitCompletion<Result<void>>([this](Completion<Result<void>> done) {
    calls_.Start([this, done] { return Answer(loop_->Start(), done); });
  });
  co_await calls_.Join();
  co_return started;
}

Task<void> Agent::Stop(StopMode mode) {
  (void)co_await AwaitCompletion<Result<void>>([this, mode](Completion<Result<void>> done) {
    calls_.Start([this, mode, done] { return Answer(loop_->Stop(mode), done); });
  });
  co_await calls_.Join();
}

void Agent::RenewCertificate() {
  calls_.Start([this] { return loop_->RenewCertificate(); });
}

AgentView Agent::View() const {
  return loop_->View();
}

}  // namespace slipway::agent
