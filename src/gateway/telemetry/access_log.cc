#include "gateway/telemetry/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/response_writer.h"

namespace slipway::gateway {
namespace {

constexpr std::string_view kStandardError = "-";
constexpr int kFileMode = 0640;
// How often the log says that lines cannot be written.
constexpr std::chrono::seconds kFaultPause{10};

void Add(std::string_view name, std::string_view value, std::string& out) {
  out.append(",\"").append(name).append("\":");
  v2::WriteJsonString(v2::Utf8Of(value), out);
}

void AddText(std::string_view name, std::string_view value, std::string& out) {
  if (!value.empty()) Add(name, value, out);
}

void AddNumber(std::string_view name, int64_t value, std::string& out) {
  out.append(",\"").append(name).append("\":").append(std::to_string(value));
}

int64_t Microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

// Random numbers below it are of the sample.
uint64_t ThresholdOf(double rate) {
  if (rate >= 1) return UINT64_MAX;
  return rate > 0 ? static_cast<uint64_t>(std::ldexp(rate, 64)) : 0;
}

Result<int> OpenFile(const std::string& path) {
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, kFileMode);
  if (descriptor >= 0) return descriptor;
  const Error why = SystemError(errno, "open");
  return FailedPrecondition("ACCESS_LOG", "the access log " + path +
                                              " cannot be opened: " + why.message() +
                                              "; name a file in a folder that may be written");
}

}  // namespace

void WriteAccessLine(const RequestRecord& record, std::string& out) {
  constexpr int64_t kNsPerMs = 1'000'000;
  out += "{\"time\":\"";
  out += FormatRfc3339(WallTime(std::chrono::milliseconds(record.arrived_unix_ns / kNsPerMs)));
  out += '"';
  Add("trace_id", HexOf(record.trace.trace_id), out);
  Add("span_id", HexOf(record.trace.span_id), out);
  AddText("request_id", record.request_id, out);
  Add("protocol", record.is_grpc ? "gRPC" : "HTTP/1.1", out);
  AddText("method", record.method, out);
  Add("path", record.path, out);
  if (record.is_grpc) {
    AddNumber("grpc_status", record.grpc_status, out);
  } else {
    AddNumber("status", record.status, out);
  }
  AddText("service", record.service, out);
  AddText("revision", record.revision, out);
  AddText("key", record.key, out);
  AddText("identity", record.identity, out);
  Add("peer", record.peer, out);
  AddNumber("bytes_in", static_cast<int64_t>(record.bytes_in), out);
  AddNumber("bytes_out", static_cast<int64_t>(record.bytes_out), out);
  AddNumber("duration_us", Microseconds(record.finished - record.arrived), out);
  if (record.inferences > 0) {
    AddNumber("queue_us", Microseconds(record.queue), out);
    AddNumber("compute_us", Microseconds(record.compute), out);
  }
  if (record.inferences > 1) AddNumber("inferences", static_cast<int64_t>(record.inferences), out);
  AddText("reason", record.reason, out);
  out += "}\n";
}

// The file, used by the thread of the drain; Reopen comes from elsewhere.
class AccessLog::Target {
 public:
  explicit Target(std::string path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  ~Target() {
    if (descriptor_ != STDERR_FILENO) close(descriptor_);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  void WantReopen() { reopen_ = true; }
  uint64_t written() const { return written_; }
  uint64_t lost() const { return lost_; }

  void Take(const CoreDrain::Batch& batch) {
    if (reopen_.exchange(false)) Reopen();
    // What was cut off is a line of its own, which is no JSON.
    if (is_cut_ && write(descriptor_, "\n", 1) == 1) is_cut_ = false;
    std::string_view left = batch.bytes;
    while (!left.empty()) {
      const ssize_t put = write(descriptor_, left.data(), left.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) {
        TellFault(SystemError(errno, "write"));
        break;
      }
      left.remove_prefix(static_cast<size_t>(put));
    }
    const size_t put = batch.bytes.size() - left.size();
    if (put > 0) is_cut_ = batch.bytes[put - 1] != '\n';
    const auto lines = static_cast<uint64_t>(std::count(left.begin(), left.end(), '\n'));
    lost_ += lines;
    written_ += batch.items - lines;
  }

 private:
  // What was open stays so where the new one cannot be.
  void Reopen() {
    if (descriptor_ == STDERR_FILENO) return;
    const Result<int> opened = OpenFile(path_);
    if (opened.has_error()) return TellFault(opened.error());
    close(descriptor_);
    descriptor_ = *opened;
    is_cut_ = false;
  }

  void TellFault(const Error& error) {
    const auto now = std::chrono::steady_clock::now();
    if (told_ && now - *told_ < kFaultPause) return;
    told_ = now;
    LogWarning("lines of the access log are lost", {{"file", path_}, {"error", error}});
  }

  const std::string path_;
  int descriptor_;
  std::atomic<bool> reopen_{false};
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> lost_{0};
  bool is_cut_ = false;  // the last line that was written is not whole
  std::optional<std::chrono::steady_clock::time_point> told_;
};

Result<void> CheckAccessLog(const std::string& file) {
  if (file.empty() || file == kStandardError) return {};
  TRY(opened, OpenFile(file));
  close(opened);
  return {};
}

Result<std::unique_ptr<AccessLog>> AccessLog::Open(AccessLogOptions options, size_t cores) {
  int descriptor = STDERR_FILENO;
  if (options.file != kStandardError) {
    TRY(opened, OpenFile(options.file));
    descriptor = opened;
  }
  auto target = std::make_unique<Target>(options.file, descriptor);
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(options), std::move(target), cores));
}

AccessLog::AccessLog(AccessLogOptions options, std::unique_ptr<Target> target, size_t cores)
    : options_(std::move(options)),
      threshold_(ThresholdOf(options_.rate)),
      target_(std::move(target)),
      drain_({.name = "access-log",
              .cores = cores,
              .take = [this](CoreDrain::Batch& batch,
                             const std::stop_token&) { target_->Take(batch); }}),
      metrics_(CollectMetrics([this](MetricSink& sink) {
        sink.Counter("slipway_access_log_lines_total", "Lines of the access log.", {},
                     target_->written());
        sink.Counter("slipway_access_log_dropped_total",
                     "Lines for which there was no room, or no disk.", {},
                     target_->lost() + drain_.dropped());
      })) {}

AccessLog::~AccessLog() = default;

void AccessLog::Write(const RequestRecord& record, uint64_t random) {
  const bool always = record.is_error() && !options_.samples_errors;
  if (!always && threshold_ != UINT64_MAX && random >= threshold_) return;
  thread_local std::string line;
  line.clear();
  WriteAccessLine(record, line);
  drain_.Give(record.core, line);
}

void AccessLog::Reopen() {
  target_->WantReopen();
  drain_.Wake();
}

}  // namespace slipway::gateway
