// The log of one service: the lines of the data plane's log that name it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/blocking_pool.h"
#include "base/file_system.h"
#include "net/http_message.h"
#include "resource/resource_store.h"
#include "trust/recheck.h"

namespace slipway::server {

// Picks the lines with the field `service=PROJECT/NAME` out of text that comes in pieces. Lines of
// other services, which other people may not read, and lines without the field are left out.
class ServiceLogFilter {
 public:
  ServiceLogFilter(std::string_view project, std::string_view name);
  // The whole lines of that service that `piece` completes.
  std::string Feed(std::string_view piece);

 private:
  bool IsWanted(std::string_view line) const;

  std::string field_;
  std::string json_field_;
  std::string rest_;
};

// Streams the log at `path`, its last kMaxLogBytes; with `follow` also what is written from now on,
// until the client leaves or `follow` says that he may no longer read: then the last line says why
// and the body is cut off. Without `follow` it ends with what is there. A log that was moved aside
// is read from the start of its successor.
net::HttpResponse ServiceLogResponse(BlockingPool& pool, std::string path,
                                     const resource::Key& service, trust::Recheck follow);

}  // namespace slipway::server
