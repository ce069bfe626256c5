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
  bool ended = false;  // there was no more
  Result<void> read;   // why not, if that is not the body's end
};

// Fills `bytes` from the body, at whose end or error it is longer than what came. When it is full
// it grows by policy.Room(size), which is 0 at last; after each read policy.IsEnough(count) may end
// it.
template <class Policy>
Task<Filled> Fill(net::BodyReader& body, std::string& bytes, Policy& policy) {
  Filled filled;
  do {
    if (filled.count == bytes.size()) {
      const size_t more = policy.Room(bytes.size());
      if (more == 0) break;
      bytes.resize(bytes.size() + more);
    }
    const Result<size_t> count =
        co_await body.Read(bytes.data() + filled.count, bytes.size() - filled.count);
    if (!count) filled.read = count.error();
    filled.ended = !count || *count == 0;
    if (filled.ended) break;
    filled.count += *count;
  } while (!policy.IsEnough(filled.count));
  co_return filled;
}

// The size after this one.
size_t Grown(size_t size, size_t most) {
  const size_t wanted = size < kFreeManifestBytes ? size * 4 : size * 2;
  return std::min(most, std::max(wanted, kFirstPieceBytes));
}

// As many bytes as come, up to `most`.
struct UpTo {
  size_t most;

  size_t Room(size_t size) const { return Grown(size, most) - size; }
  static bool IsEnough(size_t) { return false; }
};

// A manifest that takes memory of `share` as it comes, and comes in time.
struct ManifestRoom {
  size_t most;
  BudgetShare& share;
  Clock& clock;
  SteadyTime begin = clock.Steady();
  bool is_full = false;
  bool is_late = false;

  size_t Room(size_t size) {
    const size_t wanted = Grown(size, most);
    is_full = wanted > kFreeManifestBytes && !share.Grow(wanted);
    return is_full ? 0 : wanted - size;
  }
  bool IsEnough(size_t count) {
    is_late = clock.Steady() - begin >
              kManifestGrace + count / kManifestBytesPerSecond * std::chrono::seconds(1);
    return is_late;
  }
};

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
    const bool is_free = wanted <= kFreePieceBytes;
    const bool may_grow = is_free || (IsFast() && share.Grow(wanted));
    return may_grow ? wanted - size : 0;
  }
  // A piece that comes slowly makes way, however large it has become.
  bool IsEnough(size_t) const { return !IsFast(); }
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
  UpTo policy{.most = most};
  const Filled filled = co_await Fill(body, bytes, policy);
  if (!filled.read) co_return filled.read.error();
  bytes.resize(filled.count);
  co_return bytes;
}

Task<Result<std::string>> ReadManifest(net::BodyReader& body, uint64_t limit, BudgetShare& share,
                                       Clock& clock) {
  const uint64_t length = body.length().value_or(limit + 1);
  if (body.length() && (length <= kFreeManifestBytes || length > limit)) {
    co_return co_await body.ReadAll(limit);
  }
  std::string bytes;
  ManifestRoom policy{.most = static_cast<size_t>(length), .share = share, .clock = clock};
  const Filled filled = co_await Fill(body, bytes, policy);
  if (!filled.read) co_return filled.read.error();
  if (policy.is_late) {
    co_return Error(Code::kDeadlineExceeded, "BODY_TIMEOUT",
                    "the manifest comes too slowly: " + std::to_string(filled.count) +
                        " bytes in " + std::to_string(kManifestGrace.count()) +
                        " s and more; it must not take a second more for each " +
                        std::to_string(kManifestBytesPerSecond) + " bytes.");
  }
  if (policy.is_full) {
    co_return Unavailable("BODIES_TOO_MANY",
                          "the manifests that are pushed at this moment, into this project or all "
                          "of them, take too much memory together: try again.");
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
    const Filled filled = co_await Fill(body, pieces.bytes, pieces);
    total += filled.count;
    if (limit_bytes && total > *limit_bytes) {
      co_return InvalidArgument("SIZE_INVALID", "the body has more bytes than Content-Range says.");
    }
    if (filled.count > 0) {
      CO_TRY_VOID(co_await Append(std::string_view(piece.data(), filled.count)));
    }
    const bool ended = filled.read && (filled.ended || total == body.length());
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
