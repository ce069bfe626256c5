#include "agent/revision_preparer.h"

#include <set>
#include <utility>

#include "agent/backoff.h"
#include "agent/limits.h"
#include "agent/report_text.h"
#include "agent/unpacked_cache.h"
#include "async/deadline.h"
#include "base/log.h"

namespace slipway::agent {
namespace {

using runtime::DesiredRevision;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{200};  // how often pauses are looked at
// Files up to this size may be written into the room that is kept: it is there for what is small.
constexpr uint64_t kSmallBytes = 1 << 20;
constexpr Backoff::Options kRetry{.first = milliseconds(500),
                                  .second = milliseconds(1'000),
                                  .longest = milliseconds(60'000),
                                  .peace = milliseconds(600'000)};

// Whether the same try can have another outcome.
bool MayPass(const Error& error) {
  switch (error.code()) {
    case Code::kCancelled:
    case Code::kUnknown:
    case Code::kDeadlineExceeded:
    case Code::kResourceExhausted:
    case Code::kAborted:
    case Code::kInternal:
    case Code::kUnavailable:
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
    // Content that is not there, or not whole, may be mounted late, restored or pushed again.
    case Code::kNotFound:
    case Code::kDataLoss:
      return true;
    case Code::kInvalidArgument:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
      return false;
  }
  return false;
}

std::string LastName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The folders that the revision's packages are unpacked to.
void AddFolders(const DesiredRevision& revision, std::set<std::string>& folders) {
  const auto add = [&folders](const std::string& digest) {
    folders.insert(digest.substr(digest.find(':') + 1));
  };
  add(revision.manifest_digest);
  for (const runtime::DesiredPackage& mount : revision.mounts) add(mount.manifest_digest);
  if (revision.program && revision.program->package)
    add(revision.program->package->manifest_digest);
}

}  // namespace

struct RevisionPreparer::Work {
  Backoff backoff{kRetry};
  SteadyTime not_before;
};

RevisionPreparer::RevisionPreparer(Dependencies dependencies, std::function<void()> changed)
    : dependencies_(std::move(dependencies)),
      changed_(std::move(changed)),
      group_(dependencies_.executor) {}

RevisionPreparer::~RevisionPreparer() = default;

void RevisionPreparer::Start() {
  for (size_t i = 0; i < kPreparers; ++i) {
    wakeups_.push_back(std::make_unique<Wakeup>(dependencies_.executor));
    group_.Start([this, wakeup = wakeups_.back().get()] { return Run(wakeup); });
  }
}

Task<void> RevisionPreparer::Stop() {
  stopping_ = true;
  co_await group_.Stop();
}

void RevisionPreparer::Want(const runtime::DesiredState& desired) {
  wanted_.clear();
  std::set<std::string> uids;
  for (const auto& service : desired.services) {
    for (const DesiredRevision& revision : service.revisions) {
      wanted_.push_back(revision);
      uids.insert(revision.uid);
      states_.try_emplace(revision.uid);
    }
  }
  std::erase_if(states_, [&uids](const auto& entry) { return !uids.contains(entry.first); });
  std::erase_if(work_, [&uids](const auto& entry) { return !uids.contains(entry.first); });
  for (const auto& wakeup : wakeups_) wakeup->Notify();
}

Task<void> RevisionPreparer::Sweep(runtime::ServingConfig served) {
  if (sweeping_ || running_ > 0) co_return;
  sweeping_ = true;
  std::set<std::string> in_use;
  for (const DesiredRevision& revision : wanted_) {
    AddFolders(revision, in_use);
  }
  for (const auto& service : served.services) {
    for (const auto& revision : service.revisions) {
      in_use.insert(LastName(revision.path));
      for (const auto& mount : revision.mounts) in_use.insert(LastName(mount.path));
    }
  }
  auto swept = co_await dependencies_.pool.Run([this, &in_use] {
    return SweepUnpacked(dependencies_.files, dependencies_.unpacked_folder, in_use,
                         dependencies_.unpacked_limit_bytes);
  });
  if (swept.has_error()) {
    LogWarning("failed to sweep the unpacked models", {{"error", swept.error()}});
  }
  sweeping_ = false;
  for (const auto& wakeup : wakeups_) wakeup->Notify();
}

std::optional<DesiredRevision> RevisionPreparer::Take() {
  if (sweeping_) return std::nullopt;
  SteadyTime now = dependencies_.clock.Steady();
  for (const DesiredRevision& revision : wanted_) {
    auto state = states_.find(revision.uid);
    if (state == states_.end() || state->second.preparation != Preparation::kWaiting) continue;
    auto work = work_.find(revision.uid);
    if (work != work_.end() && now < work->second.not_before) continue;
    state->second.preparation = Preparation::kRunning;
    return revision;
  }
  return std::nullopt;
}

Task<void> RevisionPreparer::Run(Wakeup* wakeup) {
  while (!co_await IsCancelled()) {
    std::optional<DesiredRevision> revision = Take();
    if (revision.has_value()) {
      changed_();
      co_await Prepare(*revision);
    } else if (work_.empty()) {
      co_await wakeup->Wait();
    } else {
      co_await wakeup->WaitFor(kPoll);
    }
  }
}

Task<void> RevisionPreparer::Prepare(DesiredRevision revision) {
  ++running_;
  auto prepared =
      co_await dependencies_.pool.Run([this, &revision] { return PrepareNow(revision); });
  --running_;
  auto state = states_.find(revision.uid);
  // Nobody wants it any more.
  if (state == states_.end()) co_return;
  if (prepared.has_value()) {
    state->second = std::move(*prepared);
    work_.erase(revision.uid);
    changed_();
    co_return;
  }
  const Error& error = prepared.error();
  LogWarning("failed to prepare a revision", {{"revision", revision.name}, {"error", error}});
  state->second = {.preparation = Preparation::kFailed,
                   .reason = std::string(error.reason()),
                   .message = ReportText(error)};
  if (MayPass(error)) {
    Work& work = work_[revision.uid];
    SteadyTime now = dependencies_.clock.Steady();
    work.not_before = now + work.backoff.Failed(now);
    state->second.preparation = Preparation::kWaiting;
  }
  changed_();
}

// On the blocking pool, as what it calls.
Result<RevisionState> RevisionPreparer::PrepareNow(const DesiredRevision& revision) {
  if (revision.program) return PrepareProgram(revision);
  TRY(model, Bring(revision.repository, revision.manifest_digest, false));
  if (model.format.empty()) {
    return FailedPrecondition("FORMAT_UNKNOWN",
                              "the files of " + revision.repository +
                                  " are of no format that can be served: deploy an ONNX model");
  }
  return RevisionState{.preparation = Preparation::kDone, .model = std::move(model)};
}

Result<RevisionState> RevisionPreparer::PrepareProgram(const DesiredRevision& revision) {
  const runtime::DesiredProgram& program = *revision.program;
  if (!program.package) {
    return FailedPrecondition("IMAGE_NOT_STARTED",
                              "this site has no driver that starts images, such as " +
                                  program.image +
                                  ": give the service a program of python or "
                                  "command");
  }
  RevisionState done{.preparation = Preparation::kDone};
  for (const runtime::DesiredPackage& mount : revision.mounts) {
    TRY(model, Bring(mount.repository, mount.manifest_digest, true));
    done.mounts.push_back({.mount_as = mount.mount_as, .path = model.path});
  }
  const bool is_python = program.kind == runtime::kProgramPython;
  TRY(code, Bring(program.package->repository, program.package->manifest_digest, !is_python));
  if (is_python && code.format != runtime::kProgramPython) {
    return FailedPrecondition("PROGRAM_INVALID",
                              program.package->repository +
                                  " has no file predictor.py, which a Python program begins with");
  }
  done.model = std::move(code);
  return done;
}

Result<model::UnpackedModel> RevisionPreparer::Bring(const std::string& repository,
                                                     const std::string& manifest_digest,
                                                     bool any_files) {
  TRY(digest, Digest::Parse(manifest_digest));
  TRY(manifest, FetchModel(dependencies_.link, dependencies_.content, repository, digest));
  const auto check = [this](uint64_t written_bytes) -> Result<void> {
    if (stopping_) return Error(Code::kCancelled, "AGENT_STOPPING", "the agent is stopping");
    if (written_bytes <= kSmallBytes || !dependencies_.check_room) return {};
    return dependencies_.check_room();
  };
  return model::Unpack(dependencies_.files, *dependencies_.content.content, manifest, digest,
                       dependencies_.unpacked_folder, {.check = check, .any_files = any_files});
}

}  // namespace slipway::agent
