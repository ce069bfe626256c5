#include "net/request_body.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/limits.h"

namespace slipway::net {
namespace {

// A body is collected in steps, so that a declared length alone takes no memory.
constexpr size_t kFirstStepBytes = 16 << 10;

Error TooLarge(uint64_t limit_bytes, const std::optional<uint64_t>& declared) {
  const std::string size =
      declared.has_value() ? "has " + std::to_string(*declared) + " bytes" : "is larger";
  return ResourceExhausted(
      "BODY_TOO_LARGE",
      "The body " + size + "; at most " + std::to_string(limit_bytes) + " bytes are accepted here");
}

}  // namespace

void RequestBody::Begin(const Framing& framing) {
  chunked_ = framing.chunked;
  begun_ = false;
  remaining_ = framing.chunked ? 0 : framing.content_length.value_or(0);
  declared_.reset();
  if (!framing.chunked) declared_ = remaining_;
  if (framing.chunked) decoder_ = ChunkedDecoder();
  failure_.reset();
}

Error RequestBody::Fail(Error error) {
  failure_ = error;
  return error;
}

Error RequestBody::Truncated() {
  return Fail(InvalidArgument("BODY_TRUNCATED",
                              "The client ended the connection before the body was complete"));
}

Task<Result<size_t>> RequestBody::Read(char* out, size_t size) {
  begun_ = true;
  if (failure_.has_value()) co_return *failure_;
  if (finished() || size == 0) co_return size_t{0};
  if (chunked_) co_return co_await ReadChunked(out, size);
  co_return co_await ReadSized(out, size);
}

Task<Result<size_t>> RequestBody::ReadSized(char* out, size_t size) {
  size = static_cast<size_t>(std::min<uint64_t>(size, remaining_));
  const std::string_view unread = buffer_.unread();
  if (!unread.empty()) {
    size = std::min(size, unread.size());
    std::memcpy(out, unread.data(), size);
    buffer_.Consume(size);
  } else {
    Result<size_t> got = co_await input_.ReadSocket(out, size);
    if (!got.has_value()) co_return Fail(got.error());
    if (*got == 0) co_return Truncated();
    size = *got;
  }
  remaining_ -= size;
  co_return size;
}

Task<Result<size_t>> RequestBody::ReadChunked(char* out, size_t size) {
  while (!decoder_.finished()) {
    if (!buffer_.unread().empty()) {
      Result<ChunkedDecoder::Step> step = decoder_.Decode(buffer_.unread(), size);
      if (!step.has_value()) co_return Fail(step.error());
      if (!step->data.empty()) std::memcpy(out, step->data.data(), step->data.size());
      buffer_.Consume(step->consumed);
      if (!step->data.empty()) co_return step->data.size();
      continue;
    }
    const uint64_t ahead = decoder_.data_ahead();
    char* target = out;
    size_t room = static_cast<size_t>(std::min<uint64_t>(ahead, size));
    if (ahead == 0) {  // framing comes next: into the buffer, from which it is decoded
      buffer_.RewindBody();
      target = buffer_.room();
      room = buffer_.room_bytes();
    }
    Result<size_t> got = co_await input_.ReadSocket(target, room);
    if (!got.has_value()) co_return Fail(got.error());
    if (*got == 0) co_return Truncated();
    if (ahead > 0) {
      decoder_.TookData(*got);
      co_return *got;
    }
    buffer_.Commit(*got);
  }
  co_return size_t{0};
}

Task<Result<std::string>> RequestBody::ReadAll(uint64_t limit_bytes) {
  if (declared_.has_value() && *declared_ > limit_bytes) co_return TooLarge(limit_bytes, declared_);
  std::string body;
  body.reserve(static_cast<size_t>(std::min<uint64_t>(remaining_, kFirstStepBytes)) +
               kBufferPadding);
  size_t size = 0;
  while (!finished()) {
    if (size == body.size()) {
      if (size > limit_bytes) co_return TooLarge(limit_bytes, std::nullopt);
      uint64_t step = std::max(size, kFirstStepBytes);  // doubles
      step = std::min(step, chunked_ ? limit_bytes - size + 1 : remaining_);
      body.resize(size + static_cast<size_t>(step));
    }
    CO_TRY(got, co_await Read(body.data() + size, body.size() - size));
    size += got;
  }
  begun_ = true;
  if (failure_.has_value()) co_return *failure_;
  if (size > limit_bytes) co_return TooLarge(limit_bytes, std::nullopt);
  body.resize(size);
  body.reserve(size + kBufferPadding);
  co_return body;
}

std::optional<std::string_view> RequestBody::TakeBuffered() {
  const std::string_view unread = buffer_.unread();
  if (chunked_ || begun_ || unread.size() < remaining_) return std::nullopt;
  begun_ = true;
  const std::string_view body = unread.substr(0, remaining_);
  buffer_.Consume(body.size());
  remaining_ = 0;
  return body;
}

bool RequestBody::EndsWithin(uint64_t limit_bytes) const {
  return !failure_.has_value() && (chunked_ || remaining_ <= limit_bytes);
}

Task<bool> RequestBody::Discard(uint64_t limit_bytes) {
  char scratch[4096];
  uint64_t discarded = 0;
  while (!finished() && discarded <= limit_bytes) {
    const Result<size_t> got = co_await Read(scratch, sizeof(scratch));
    if (!got.has_value()) co_return false;
    discarded += *got;
  }
  co_return finished();
}

}  // namespace slipway::net
