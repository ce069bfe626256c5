#include "registry/body.h"

#include <algorithm>

namespace slipway::registry {
namespace {

// Less than this is sent again faster than it is synced.
constexpr uint64_t kWorthSyncBytes = 4 << 20;

// Whether growing from `before` to `now` passed a multiple of `step`. So it does not matter in how
// many requests the bytes come.
bool Passed(uint64_t before, uint64_t now, uint64_t step) {
  return before / step != now / step;
}

struct Filled {
  size_t count = 0;
  Result<void> read;  // why there is no more, if that is not the body's end
};

// Fills `out` from the body; fewer bytes at its end or at an error.
Task<Filled> Fill(net::BodyReader& body, char* out, size_t size) {
  Filled filled;
  while (filled.count < size) {
    const Result<size_t> count = co_await body.Read(out + filled.count, size - filled.count);
    if (!count) filled.read = count.error();
    if (!count || *count == 0) break;
    filled.count += *count;
  }
  co_return filled;
}

}  // namespace

Task<Result<std::string>> ReadUpTo(net::BodyReader& body, size_t limit) {
  const uint64_t expected = std::min<uint64_t>(body.length().value_or(limit), limit);
  std::string bytes(expected, '\0');
  const Filled filled = co_await Fill(body, bytes.data(), bytes.size());
  if (!filled.read) co_return filled.read.error();
  bytes.resize(filled.count);
  co_return bytes;
}

Task<Result<void>> BodySink::Append(std::string_view bytes) {
  CO_TRY_VOID(co_await core_.pool().Run([this, bytes] { return upload_.Append(bytes); }));
  core_.small_uploads.Append(upload_.id(), bytes);
  co_return Result<void>();
}

Task<Result<void>> BodySink::SyncEach(uint64_t step_bytes) {
  if (!Passed(synced_bytes_, upload_.size_bytes(), step_bytes)) co_return Result<void>();
  synced_bytes_ = upload_.size_bytes();
  co_return co_await core_.pool().Run([this] { return upload_.Sync(); });
}

Task<Result<void>> BodySink::AppendBody(net::BodyReader& body, std::optional<uint64_t> limit_bytes,
                                        Then then) {
  const uint64_t expected = body.length().value_or(kUploadPieceBytes);
  std::string piece(std::clamp<uint64_t>(expected, 1, kUploadPieceBytes), '\0');
  uint64_t total = 0;
  while (true) {
    const Filled filled = co_await Fill(body, piece.data(), piece.size());
    total += filled.count;
    if (limit_bytes && total > *limit_bytes) {
      co_return InvalidArgument("SIZE_INVALID", "the body has more bytes than Content-Range says.");
    }
    if (filled.count > 0) {
      CO_TRY_VOID(co_await Append(std::string_view(piece.data(), filled.count)));
    }
    const bool ended = filled.read && (filled.count < piece.size() || total == body.length());
    if (ended && then == Then::kCommit) co_return Result<void>();
    const bool is_last = ended || !filled.read;
    CO_TRY_VOID(co_await SyncEach(is_last ? kWorthSyncBytes : kUploadSyncBytes));
    // After an interruption the client may come back and go on from here.
    if (!filled.read) co_return filled.read.error();
    if (ended) co_return Result<void>();
  }
}

}  // namespace slipway::registry
