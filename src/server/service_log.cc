#include "server/service_log.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "async/deadline.h"

namespace slipway::server {
namespace {

constexpr uint64_t kMaxLogBytes = 4 << 20;
constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kMaxLineBytes = 64 << 10;
constexpr std::chrono::milliseconds kPollEvery{250};

// Reads a growing file from where it stopped. Blocking.
class Tail {
 public:
  explicit Tail(std::string path) : path_(std::move(path)) {}

  // The next bytes; "" if there are none now. A missing file is an empty one.
  Result<std::string> Next() {
    FileSystem& files = PosixFileSystem();
    Result<FileInfo> info = files.Info(path_);
    if (!info && info.error().code() == Code::kNotFound) return std::string();
    if (!info) return info.error();
    if (!file_ || info->inode != inode_) TRY_VOID(Open(*info));
    std::string piece(kPieceBytes, '\0');
    TRY(count, file_->ReadAt(offset_, piece.data(), piece.size()));
    piece.resize(count);
    offset_ += count;
    return piece;
  }

 private:
  Result<void> Open(const FileInfo& info) {
    // Only the first file is entered near its end; a successor is read from its start.
    offset_ = file_ || info.size_bytes < kMaxLogBytes ? 0 : info.size_bytes - kMaxLogBytes;
    TRY(file, PosixFileSystem().Open(path_, {}));
    file_ = std::move(file);
    inode_ = info.inode;
    return {};
  }

  std::string path_;
  std::unique_ptr<File> file_;
  uint64_t inode_ = 0;
  uint64_t offset_ = 0;
};

struct LogStream {
  LogStream(BlockingPool& pool, std::string path, const resource::Key& service,
            trust::Recheck follow)
      : pool(pool),
        tail(std::move(path)),
        filter(service.project, service.name),
        follow(std::move(follow)) {}
  BlockingPool& pool;
  Tail tail;
  ServiceLogFilter filter;
  trust::Recheck follow;
};

Task<void> StreamLog(std::shared_ptr<LogStream> stream, net::StreamWriter& writer) {
  while (true) {
    Result<void> allowed = stream->follow ? stream->follow() : Result<void>();
    if (allowed.has_error()) {
      (void)co_await writer.Write(fmt::format("slipway: the log ends here: {} ({})\n",
                                              allowed.error().message(), allowed.error().reason()));
      writer.Abort();
      co_return;
    }
    Result<std::string> piece = co_await stream->pool.Run([stream] { return stream->tail.Next(); });
    if (!piece) co_return;
    if (piece->empty()) {
      if (!stream->follow || !co_await SleepFor(kPollEvery)) co_return;
      continue;
    }
    std::string lines = stream->filter.Feed(*piece);
    if (lines.empty()) continue;
    Result<void> written = co_await writer.Write(lines);
    if (!written) co_return;
  }
}

}  // namespace

ServiceLogFilter::ServiceLogFilter(std::string_view project, std::string_view name)
    : field_(fmt::format(" service={}/{}", project, name)),
      json_field_(fmt::format("\"service\":\"{}/{}\"", project, name)) {}

bool ServiceLogFilter::IsWanted(std::string_view line) const {
  if (line.find(json_field_) != std::string_view::npos) return true;
  size_t at = line.find(field_);
  if (at == std::string_view::npos) return false;
  size_t end = at + field_.size();
  return end == line.size() || line[end] == ' ';
}

std::string ServiceLogFilter::Feed(std::string_view piece) {
  rest_ += piece;
  std::string wanted;
  size_t start = 0;
  for (size_t end; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1) {
    std::string_view line(rest_.data() + start, end - start);
    if (IsWanted(line)) wanted.append(line).append("\n");
  }
  rest_.erase(0, start);
  if (rest_.size() > kMaxLineBytes) rest_.clear();
  return wanted;
}

net::HttpResponse ServiceLogResponse(BlockingPool& pool, std::string path,
                                     const resource::Key& service, trust::Recheck follow) {
  auto stream = std::make_shared<LogStream>(pool, std::move(path), service, std::move(follow));
  net::HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body =
      net::StreamBody([stream](net::StreamWriter& writer) { return StreamLog(stream, writer); });
  return response;
}

}  // namespace slipway::server
