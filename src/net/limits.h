// Limits of net. What HttpServerOptions can set is there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::net {

// Of a request's path; more is a path that no route has.
inline constexpr size_t kMaxPathSegments = 64;
inline constexpr size_t kMaxRouteParameters = 8;
inline constexpr size_t kMaxMethodBytes = 32;
// Empty lines before a request line are skipped, as RFC 9112 2.2 wants; more are an attack.
inline constexpr size_t kMaxLeadingEmptyLines = 4;

// A connection's buffer: where it begins, what a head leaves free for the body, and above which
// size an idle connection gives it back.
inline constexpr size_t kFirstBufferBytes = 4 << 10;
inline constexpr size_t kMinBodyRoomBytes = 2 << 10;
inline constexpr size_t kMaxIdleBufferBytes = 16 << 10;
// Readable bytes after a buffered body (simdjson).
inline constexpr size_t kBufferPadding = 64;

// Of chunked bodies: a size line with its extensions, and all trailers together.
inline constexpr size_t kMaxChunkLineBytes = 4 << 10;
inline constexpr size_t kMaxTrailerBytes = 8 << 10;

// Of multipart bodies: the head of one part, and how many parts there are.
inline constexpr size_t kMaxPartHeadBytes = 16 << 10;
inline constexpr size_t kMaxParts = 64;

// Bodies up to this size are copied behind the head, larger ones written from where they are.
inline constexpr size_t kMaxCopiedBodyBytes = 16 << 10;
// What one connection reads or writes before the core's other connections get their turn; also the
// size of one sendfile call.
inline constexpr size_t kMaxBytesPerTurn = 256 << 10;
// A body that the handler left unread is read away up to here to keep the connection.
inline constexpr uint64_t kMaxDiscardedBytes = 64 << 10;
// Pipelined requests that one connection is answered before others get their turn.
inline constexpr size_t kMaxRequestsPerTurn = 16;
// Short answers wait for the end of the core's turn, but no more of them at once, nor longer while
// other requests of the turn are worked on.
inline constexpr size_t kMaxDeferredAnswers = 16;
inline constexpr std::chrono::microseconds kMaxDeferral{100};
// A connection that is closed with input unread is read until the client has seen the answer: all
// in all, and without a byte.
inline constexpr std::chrono::milliseconds kLingerTotal{10'000};
inline constexpr std::chrono::milliseconds kLingerIdle{2'000};
// Connections above max_connections that are told so (503); further ones wait in the backlog.
inline constexpr size_t kMaxRefusedConnections = 256;
// At Stop, a connection that is idle this long is closed: a busy client's next request arrives
// before that and is answered with `Connection: close`.
inline constexpr std::chrono::milliseconds kStopIdleGrace{250};

// A file with certificates, or with a key.
inline constexpr uint64_t kMaxTlsFileBytes = 1 << 20;

// Of answers to HttpClient: all header lines together.
inline constexpr size_t kMaxResponseHeadBytes = 64 << 10;
// One server-sent event.
inline constexpr size_t kMaxSseEventBytes = 4 << 20;

}  // namespace slipway::net
