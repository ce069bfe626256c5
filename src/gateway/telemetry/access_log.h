// AccessLog: a line of JSON for each request, or for a sample of them. docs/observability.md has
// its fields.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "async/core_drain.h"
#include "base/metrics.h"
#include "base/result.h"
#include "gateway/telemetry/request_record.h"

namespace slipway::gateway {

struct AccessLogOptions {
  std::string file;             // absolute, or "-" for standard error; empty: there is no log
  double rate = 1;              // of the requests that go well, 0 to 1
  bool samples_errors = false;  // at the same rate; else all of them are written
};

// That the file can be opened; makes it. Errors as AccessLog::Open.
Result<void> CheckAccessLog(const std::string& file);

// The line, with its end.
void WriteAccessLine(const RequestRecord& record, std::string& out);

// Written by a thread of its own: a disk that is slow, full or gone costs lines, which are counted,
// and no core ever waits for it.
class AccessLog {
 public:
  // FAILED_PRECONDITION / ACCESS_LOG if the file cannot be opened.
  static Result<std::unique_ptr<AccessLog>> Open(AccessLogOptions options, size_t cores);
  ~AccessLog();

  // On the record's core; `random` decides whether it is one of the sample.
  void Write(const RequestRecord& record, uint64_t random);
  // The file was moved: the next line goes to a new one of the same name. Any thread.
  void Reopen();

 private:
  class Target;
  AccessLog(AccessLogOptions options, std::unique_ptr<Target> target, size_t cores);

  const AccessLogOptions options_;
  const uint64_t threshold_;  // random numbers below it are of the sample
  const std::unique_ptr<Target> target_;
  CoreDrain drain_;
  std::unique_ptr<MetricCollection> metrics_;
};

}  // namespace slipway::gateway
