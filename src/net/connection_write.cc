// The writing half of Connection: answers with bodies of every kind.
#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "net/connection.h"
#include "net/limits.h"
#include "net/response_head.h"

namespace slipway::net {
namespace {

// Where a file cannot be sent by the kernel: pieces of it are read and written.
constexpr size_t kFilePieceBytes = 64 << 10;

iovec BufferOf(std::string_view bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
}

bool HasNoBody(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

// Frames what a StreamBody writes.
class ConnectionStreamWriter final : public StreamWriter {
 public:
  ConnectionStreamWriter(Connection& connection, bool chunked, std::optional<uint64_t> length)
      : connection_(connection), chunked_(chunked), length_(length) {}

  Task<Result<void>> Write(std::string_view bytes) override {
    if (bytes.empty()) co_return Result<void>();
    written_ += bytes.size();
    if (length_.has_value() && written_ > *length_) {
      failed_ = true;
      co_return Internal("BODY_TOO_LONG", "More was written than the declared length of the body");
    }
    char size_line[20];
    std::array<iovec, 3> buffers = {iovec{}, BufferOf(bytes), BufferOf("\r\n")};
    std::span<iovec> used(buffers.data() + 1, 1);
    if (chunked_) {
      const auto end = std::to_chars(size_line, size_line + 16, bytes.size(), 16);
      *end.ptr = '\r';
      end.ptr[1] = '\n';
      buffers[0] = BufferOf({size_line, static_cast<size_t>(end.ptr + 2 - size_line)});
      used = buffers;
    }
    if (!failed_ && !connection_.client_gone_ && co_await connection_.WriteAll(used)) {
      co_await connection_.Moved(bytes.size());
      co_return Result<void>();
    }
    failed_ = true;
    co_return Error(Code::kCancelled, "CLIENT_GONE", "The client has left or does not read");
  }

  void Abort() override { failed_ = true; }

  // Whether the body is whole, so that the connection may end or go on properly.
  bool complete() const { return !failed_ && (!length_.has_value() || written_ == *length_); }

 private:
  Connection& connection_;
  const bool chunked_;
  const std::optional<uint64_t> length_;
  uint64_t written_ = 0;
  bool failed_ = false;
};

IoStatus Connection::TryWrite(Buffers& buffers, Direction& wants) {
  while (!buffers.empty()) {
    const IoResult put = transport_->Write(buffers);
    if (put.status != IoStatus::kDone) {
      wants = put.wants;
      return put.status;
    }
    size_t bytes = put.bytes;
    while (!buffers.empty() && bytes >= buffers.front().iov_len) {
      bytes -= buffers.front().iov_len;
      buffers = buffers.subspan(1);
    }
    if (bytes > 0) {
      buffers.front().iov_base = static_cast<char*>(buffers.front().iov_base) + bytes;
      buffers.front().iov_len -= bytes;
    }
  }
  return IoStatus::kDone;
}

Task<bool> Connection::WriteAll(Buffers buffers) {
  while (true) {
    Direction wants = Direction::kWrite;
    const IoStatus status = TryWrite(buffers, wants);
    if (status == IoStatus::kDone) co_return true;
    if (status != IoStatus::kWouldBlock || !co_await WaitToWrite(wants)) co_return false;
  }
}

Task<bool> Connection::WaitToWrite(Direction direction) {
  if (aborted_) co_return false;
  const Phase before = phase_;
  Enter(Phase::kWriting);
  const WaitOutcome outcome = co_await socket_.Wait(direction, false);
  Enter(before);
  co_return outcome == WaitOutcome::kReady;
}

Task<bool> Connection::WriteResponse(HttpResponse& response, bool keep_alive) {
  const bool head_only = request_.method == Method::kHead || HasNoBody(response.status);
  ResponseFraming framing{.http11 = framing_.http11, .keep_alive = keep_alive};
  auto* text = std::get_if<std::string>(&response.body);
  const auto* file = std::get_if<FileBody>(&response.body);
  const auto* stream = std::get_if<StreamBody>(&response.body);
  framing.content_length = response.declared_length;
  if (text != nullptr && (!head_only || !framing.content_length)) {
    framing.content_length = text->size();
  }
  if (file != nullptr) framing.content_length = file->size_bytes;
  if (stream != nullptr && !framing.content_length.has_value()) {
    framing.chunked = framing_.http11;
    framing.keep_alive = keep_alive && framing_.http11;  // HTTP/1.0: ended by the end
  }
  if (HasNoBody(response.status)) {
    framing.chunked = false;
    // That of a 304 would be the length of the 200.
    framing.content_length = response.status == 304 ? response.declared_length : std::nullopt;
  }
  out_.clear();
  AppendResponseHead(response, framing, environment_.date, out_);
  const bool with_text = text != nullptr && !head_only;
  std::array<iovec, 2> parts = {iovec{}, iovec{}};
  std::span<iovec> buffers(parts.data(), 1);
  if (with_text && text->size() <= kMaxCopiedBodyBytes) {
    out_ += *text;
  } else if (with_text) {
    parts[1] = BufferOf(*text);
    buffers = parts;
  }
  parts[0] = BufferOf(out_);
  if (socket_.others_wait() && out_.size() <= kMaxCopiedBodyBytes) {
    co_await socket_.WaitForTurnEnd();
    if (aborted_) co_return false;
  }
  Direction wants = Direction::kWrite;
  IoStatus status = TryWrite(buffers, wants);
  if (status == IoStatus::kWouldBlock) {
    status = co_await WaitToWrite(wants) && co_await WriteAll(buffers) ? IoStatus::kDone
                                                                       : IoStatus::kFailed;
  }
  if (status != IoStatus::kDone) co_return false;
  if (head_only || text != nullptr) co_return true;
  if (file != nullptr) co_return co_await WriteFile(*file);
  const bool whole = co_await WriteStream(*stream, framing.chunked, framing.content_length);
  co_return whole&& framing.keep_alive == keep_alive;
}

Task<bool> Connection::WriteFile(const FileBody& body) {
  uint64_t offset = body.offset;
  const uint64_t end = body.offset + body.size_bytes;
  bool by_kernel = body.file->descriptor() >= 0;
  std::vector<char> piece;
  while (offset < end) {
    const auto left = static_cast<size_t>(std::min<uint64_t>(end - offset, kMaxBytesPerTurn));
    if (by_kernel) {
      const IoResult put = transport_->SendFile(body.file->descriptor(), offset, left);
      offset += put.bytes;
      by_kernel = put.status != IoStatus::kUnsupported;
      if (put.status == IoStatus::kFailed || put.status == IoStatus::kEnd) co_return false;
      if (put.status == IoStatus::kWouldBlock && !co_await WaitToWrite(put.wants)) co_return false;
    } else {
      piece.resize(std::min(left, kFilePieceBytes));
      const Result<size_t> got = body.file->ReadAt(offset, piece.data(), piece.size());
      if (!got.has_value() || *got == 0) {
        LogError(
            "cannot read a file that is sent",
            {{"error", got.has_value() ? "it is shorter than it was" : got.error().message()}});
        co_return false;
      }
      iovec buffer = BufferOf({piece.data(), *got});
      if (!co_await WriteAll(std::span(&buffer, 1))) co_return false;
      offset += *got;
    }
    if (offset < end) co_await Moved(kMaxBytesPerTurn);
  }
  co_return true;
}

Task<bool> Connection::WriteStream(const StreamBody& body, bool chunked,
                                   std::optional<uint64_t> length) {
  ConnectionStreamWriter writer(*this, chunked, length);
  try {
    co_await body(writer);
  } catch (const std::exception& failure) {
    LogError("a streamed body threw an exception",
             {{"path", request_.path}, {"exception", failure.what()}});
    co_return false;
  }
  if (!writer.complete() || client_gone_ || aborted_) co_return false;
  if (!chunked) co_return true;
  iovec last = BufferOf("0\r\n\r\n");
  co_return co_await WriteAll(std::span(&last, 1));
}

}  // namespace slipway::net
