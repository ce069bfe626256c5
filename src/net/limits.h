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

// A connection's buffer: where it begins, what a head leaves free for the body, up to which size it
// follows the requests that come, and above which size an idle connection gives it back.
inline constexpr size_t kFirstBufferBytes = 4 << 10;
inline constexpr size_t kMinBodyRoomBytes = 2 << 10;
inline constexpr size_t kMaxReadAheadBytes = 16 << 10;
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

// Of gRPC. Calls of one connection, and of all connections of a core: further ones are refused
// (REFUSED_STREAM), which clients try again elsewhere or later.
inline constexpr uint32_t kMaxCallsPerConnection = 1024;
inline constexpr size_t kMaxCallsPerCore = 16 << 10;
// What a client may send before it is told that bytes were taken: on one call, on one call whose
// message says how long it is, and on all calls of a connection. Frames may be this large.
inline constexpr int32_t kCallWindowBytes = 1 << 20;
inline constexpr int32_t kMaxCallWindowBytes = 16 << 20;
inline constexpr int32_t kConnectionWindowBytes = 32 << 20;
inline constexpr uint32_t kMaxFrameBytes = 256 << 10;
// What is read from a socket at once.
inline constexpr size_t kGrpcReadBytes = 128 << 10;
// A message's memory begins with this, and grows as bytes arrive.
inline constexpr size_t kFirstMessageBytes = 64 << 10;
// Memory of messages that a call's object keeps for the next, and objects that a core keeps.
inline constexpr size_t kKeptCallBytes = 4 << 10;
inline constexpr size_t kKeptCalls = 256;
// Answers from this size on are written from where they are.
inline constexpr size_t kReferredAnswerBytes = 16 << 10;
// Of grpc-message, as it is sent: clients refuse larger headers.
inline constexpr size_t kMaxGrpcMessageBytes = 4 << 10;
// Headers that a handler may add to an answer.
inline constexpr size_t kMaxAnswerMetadata = 8;
// Messages below this are not worth compressing.
inline constexpr size_t kMinCompressedBytes = 512;
// What a stream's client may be behind with before the handler waits.
inline constexpr size_t kMaxStreamBacklogBytes = 1 << 20;
// Of a stream whose messages are small: bytes of messages that wait for the handler.
inline constexpr size_t kMaxSmallBacklogBytes = 64 << 10;
// What was sent of a stream's answers is kept up to here while others wait to be sent.
inline constexpr size_t kMaxSentBytes = 256 << 10;
// Frames that ask for work and bring none (resets, pings, settings, empty data, tiny windows): so
// many at once, and again so many in a second; each answered message pays for some.
inline constexpr int64_t kWastedFrames = 1000;
inline constexpr int64_t kWastedFramesPerSecond = 100;
inline constexpr int64_t kWastedFramesPerAnswer = 4;
// An increment of a window below this is a tiny one.
inline constexpr int32_t kTinyWindowBytes = 1 << 10;
// Of clients that were told to go elsewhere: calls on their way are still taken.
inline constexpr std::chrono::milliseconds kGoAwayGrace{250};

// A file with certificates, or with a key.
inline constexpr uint64_t kMaxTlsFileBytes = 1 << 20;

// Of answers to HttpClient: all header lines together.
inline constexpr size_t kMaxResponseHeadBytes = 64 << 10;
// One server-sent event.
inline constexpr size_t kMaxSseEventBytes = 4 << 20;

}  // namespace slipway::net
