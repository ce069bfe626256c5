// FakeControlLink: a control centre that says what a test wants.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/control_link.h"
#include "async/deadline.h"
#include "async/guarded.h"

namespace slipway::agent {

class FakeControlLink final : public ControlLink {
 public:
  Task<Result<runtime::DesiredState>> Desired(uint64_t known) override;
  Task<Result<void>> Report(runtime::SiteReport report) override;
  Result<std::string> Manifest(const std::string& repository, const Digest& digest) override;
  Result<void> Blob(const std::string& repository, const Digest& digest, const Sink& sink) override;

  // Takes effect at once; the version is given here.
  void Want(std::vector<runtime::DesiredService> services);
  // The content that can be fetched; `bytes` may be other ones than the digest says.
  void Offer(const Digest& digest, std::string bytes);
  void FailFetches(std::optional<Error> error);
  void FailReports(bool fail);
  // The last report; nothing yet: empty.
  runtime::SiteReport last_report() const;
  int fetches() const;

 private:
  struct State {
    runtime::DesiredState desired;
    std::map<std::string, std::string> content;  // by digest
    std::optional<Error> fetch_error;
    bool fail_reports = false;
    runtime::SiteReport report;
    int fetches = 0;
  };
  Result<std::string> Fetch(const Digest& digest);
  Guarded<State> state_;
};

}  // namespace slipway::agent
