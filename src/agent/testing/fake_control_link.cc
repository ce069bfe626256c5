#include "agent/testing/fake_control_link.h"

#include <utility>

namespace slipway::agent {

Task<Result<runtime::DesiredState>> FakeControlLink::Desired(uint64_t known) {
  while (true) {
    auto desired = state_.With([](const State& state) { return state.desired; });
    if (desired.version != 0 && desired.version != known) co_return desired;
    if (!co_await SleepFor(std::chrono::milliseconds(1))) {
      co_return Error(Code::kCancelled, "WATCH_CANCELLED", "cancelled");
    }
  }
}

Task<Result<void>> FakeControlLink::Report(runtime::SiteReport report) {
  co_return state_.With([&report](State& state) -> Result<void> {
    if (state.fail_reports) return Unavailable("CONNECT_FAILED", "no control centre");
    state.report = std::move(report);
    return {};
  });
}

Result<std::string> FakeControlLink::Fetch(const Digest& digest) {
  return state_.With([&digest](State& state) -> Result<std::string> {
    ++state.fetches;
    if (state.fetch_error.has_value()) return *state.fetch_error;
    auto found = state.content.find(digest.text());
    if (found == state.content.end()) return NotFound("BLOB_UNKNOWN", "there is none");
    return found->second;
  });
}

Result<std::string> FakeControlLink::Manifest(const std::string&, const Digest& digest) {
  return Fetch(digest);
}

Result<void> FakeControlLink::Blob(const std::string&, const Digest& digest, const Sink& sink) {
  TRY(bytes, Fetch(digest));
  size_t half = bytes.size() / 2;
  TRY_VOID(sink(std::string_view(bytes).substr(0, half)));
  return sink(std::string_view(bytes).substr(half));
}

void FakeControlLink::Want(std::vector<runtime::DesiredService> services) {
  state_.With([&services](State& state) {
    state.desired.services = std::move(services);
    ++state.desired.version;
  });
}

void FakeControlLink::Offer(const Digest& digest, std::string bytes) {
  state_.With([&](State& state) { state.content[digest.text()] = std::move(bytes); });
}

void FakeControlLink::FailFetches(std::optional<Error> error) {
  state_.With([&error](State& state) { state.fetch_error = std::move(error); });
}

void FakeControlLink::FailReports(bool fail) {
  state_.With([fail](State& state) { state.fail_reports = fail; });
}

runtime::SiteReport FakeControlLink::last_report() const {
  return state_.With([](const State& state) { return state.report; });
}

int FakeControlLink::fetches() const {
  return state_.With([](const State& state) { return state.fetches; });
}

}  // namespace slipway::agent
