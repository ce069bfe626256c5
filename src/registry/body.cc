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

// Fills `bytes` from the body, at whose end or error it is longer than what came. It grows by what
// `room` says when it is full, which is 0 at last.
template <class Room>
Task<Filled> Fill(net::BodyReader& body, std::string& bytes, Room room) {
  Filled filled;
  while (true) {
    if (filled.count == bytes.size()) {
      const size_t more = room(bytes.size());
      if (more == 0) break;
      bytes.resize(bytes.size() + more);
    }
    const Result<size_t> count =
        co_await body.Read(bytes.data() + filled.count, bytes.size() - filled.count);
    if (!count) filled.read = count.error();
    if (!count || *count == 0) break;
    filled.count += *count;
  }
  co_return filled;
}

// The size after this one.
size_t Grown(size_t size, size_t most) {
  return std::min(most, std::max(size * 4, kFirstPieceBytes));
}

// The room for pieces of one upload.
struct Pieces {
  std::string bytes = {};
  size_t most = 0;
  Clock& clock;
  BudgetShare share;
  SteadyTime since = clock.Steady();  // when this piece was begun

  bool IsFast() const { return clock.Steady() - since < kFastPiece; }
  size_t Room(size_t size) {
    const size_t wanted = Grown(size, most);
    const bool may_grow = size == 0 || (IsFast() && share.Grow(wanted));
    return may_grow ? wanted - size : 0;
  }
  // What comes slowly takes little.
  void Next() {
    if (!IsFast()) {
      bytes = {};
      share.Shrink(0);
    }
    since = clock.Steady();
  }
};

Error TooLarge(uint64_t limit) {
  return ResourceExhausted("BODY_TOO_LARGE",
                           "the body has more than " + std::to_string(limit) + " bytes.");
}

}  // namespace

Task<Result<std::string>> ReadUpTo(net::BodyReader& body, size_t limit) {
  const auto most = static_cast<size_t>(std::min<uint64_t>(body.length().value_or(limit), limit));
  std::string bytes;
  const Filled filled =
      co_await Fill(body, bytes, [most](size_t size) { return Grown(size, most) - size; });
  if (!filled.read) co_return filled.read.error();
  bytes.resize(filled.count);
  co_return bytes;
}

Task<Result<std::string>> ReadManifest(net::BodyReader& body, uint64_t limit, BudgetShare& share) {
  const uint64_t length = body.length().value_or(limit + 1);
  if (body.length() && (length <= kFreeManifestBytes || length > limit)) {
    co_return co_await body.ReadAll(limit);
  }
  bool is_full = false;
  std::string bytes;
  const auto most = static_cast<size_t>(length);
  const Filled filled = co_await Fill(body, bytes, [&](size_t size) -> size_t {
    const size_t wanted = Grown(size, most);
    is_full = wanted > kFreeManifestBytes && !share.Grow(wanted);
    return is_full ? 0 : wanted - size;
  });
  if (!filled.read) co_return filled.read.error();
  if (is_full) {
    co_return Unavailable("BODIES_TOO_MANY",
                          "the manifests that are pushed at this moment take too much memory "
                          "together: try again.");
  }
  if (filled.count > limit) co_return TooLarge(limit);
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
  Pieces pieces{.most = static_cast<size_t>(std::clamp<uint64_t>(expected, 1, kUploadPieceBytes)),
                .clock = *core_.options.clock,
                .share = BudgetShare(core_.pieces)};
  const std::string& piece = pieces.bytes;
  uint64_t total = 0;
  while (true) {
    const Filled filled =
        co_await Fill(body, pieces.bytes, [&pieces](size_t size) { return pieces.Room(size); });
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
    pieces.Next();
  }
}

}  // namespace slipway::registry
