// Frames over a SOCK_SEQPACKET socket, descriptors beside them.
#pragma once

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "engine/worker/frame.h"

namespace slipway::engine::worker {

struct Packet {
  Frame frame;
  std::vector<Descriptor> descriptors;  // close-on-exec
};

// Both ends, close-on-exec.
Result<std::pair<Descriptor, Descriptor>> MakeChannel();

// Never blocks. UNAVAILABLE / WORKER_GONE when there is no other end, or it takes nothing: what is
// under way at a time fits into the socket.
Result<void> SendFrame(int socket, const Frame& frame, const std::vector<int>& descriptors = {});
// UNAVAILABLE / WORKER_GONE at the end; DATA_LOSS / WORKER_FRAME.
Result<Packet> ReceiveFrame(int socket);
// false at the deadline; true when there is something to receive, the end included.
bool WaitForFrame(int socket, std::chrono::steady_clock::time_point deadline);

}  // namespace slipway::engine::worker
