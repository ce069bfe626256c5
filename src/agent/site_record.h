// SiteRecord: which serve processes this site's agent answers for. It is written before a process
// runs, so that none exists that it does not name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "base/describe.h"
#include "base/result.h"
#include "runtime/driver.h"
#include "runtime/site_state.h"
#include "store/meta/meta_store.h"

namespace slipway::agent {

inline constexpr int32_t kSiteFormat = 1;

struct ServeRecord {
  runtime::WorkloadHandle handle;
  std::string build_id;
  std::vector<std::string> arguments;  // it was started with, after its folder
  std::vector<runtime::SiteEndpoint> endpoints;
};
BOOST_DESCRIBE_STRUCT(ServeRecord, (), (handle, build_id, arguments, endpoints))

struct SiteRecord {
  int32_t format = kSiteFormat;
  std::optional<ServeRecord> current;
  std::optional<ServeRecord> next;    // loads beside it, to take its place
  std::vector<ServeRecord> retiring;  // to be ended: another one took their place
  std::vector<std::string> isolated;  // uids of revisions that were blamed for ends of serve
};
BOOST_DESCRIBE_STRUCT(SiteRecord, (), (format, current, next, retiring, isolated))

// The record, in memory and as one row of site.db. Thread-safe; blocking.
class SiteRecords {
 public:
  // FAILED_PRECONDITION / FORMAT_NEWER for a row that a newer program wrote.
  static Result<std::unique_ptr<SiteRecords>> Open(store::MetaStore& site);

  SiteRecord Get() const;
  // Durable when it returns; on failure nothing has changed.
  Result<void> Update(const std::function<void(SiteRecord&)>& change);

 private:
  SiteRecords(store::MetaStore& site, SiteRecord record)
      : site_(site), record_(std::move(record)) {}

  store::MetaStore& site_;
  Guarded<SiteRecord> record_;
};

}  // namespace slipway::agent
