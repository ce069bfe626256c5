// What the program and a worker say to each other: one frame a packet of a SOCK_SEQPACKET socket.
//
// docs/formats/worker.md is the format. Decoding takes bytes from a process that nobody trusts:
// every number is checked here, and where tensors lie is checked again by who reads the segment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "tensor/data_type.h"
#include "tensor/shape.h"
#include "tensor/signature.h"

namespace slipway::engine::worker {

inline constexpr uint32_t kProtocol = 2;

// A tensor in a segment: numbers as they are, row-major, little endian; a string of BYTES is its
// length, 4 bytes, and its text.
struct TensorPlace {
  uint32_t index = 0;  // in the signature
  tensor::DataType type = tensor::DataType::kFp32;
  tensor::Shape shape;
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

// Program to worker, on its control socket.
struct LoadFrame {
  uint32_t protocol = kProtocol;
  uint32_t threads = 0;
  int32_t gpu = -1;  // ordinal; -1: the processor
  std::string format;
  std::string path;     // of the model's file
  std::string plugins;  // the folder of the engines
};
struct OpenFrame {  // with the session's own socket
  uint32_t session = 0;
};
struct InterruptFrame {
  uint32_t session = 0;
  uint64_t run = 0;  // this one, should it still be under way or to come
};

// Program to worker, on the socket of a session. With a new segment, its descriptor.
struct RunFrame {
  uint64_t run = 0;         // counts up in each session
  int64_t deadline_ns = 0;  // CLOCK_MONOTONIC; INT64_MAX: none
  bool has_new_input = false;
  bool has_new_output = false;
  std::vector<TensorPlace> inputs;
  std::vector<uint32_t> wanted;
};
struct RoomFrame {};  // what was asked for, with its segment
struct NextFrame {};  // the response was taken

// Worker to program.
struct LoadedFrame {
  uint32_t protocol = kProtocol;
  bool decoupled = false;
  std::string platform;
  tensor::Signature signature;
};
struct FailedFrame {
  Code code = Code::kInternal;
  std::string reason;
  std::string message;
};
struct DoneFrame {
  uint64_t run = 0;
  bool last = true;
  std::vector<TensorPlace> outputs;
};
struct NeedFrame {  // the outputs do not fit
  uint64_t run = 0;
  uint64_t size_bytes = 0;
};

// Program to worker, on the socket of a session that has no run.
struct DropFrame {  // the segments that the next run brings anew are let go of now
  bool input = false;
  bool output = false;
};

using Frame = std::variant<LoadFrame, OpenFrame, InterruptFrame, RunFrame, RoomFrame, NextFrame,
                           LoadedFrame, FailedFrame, DoneFrame, NeedFrame, DropFrame>;

// RESOURCE_EXHAUSTED / WORKER_FRAME where it is longer than kMaxFrameBytes.
Result<std::string> EncodeFrame(const Frame& frame);
// DATA_LOSS / WORKER_FRAME for what is no frame.
Result<Frame> DecodeFrame(std::string_view bytes);

}  // namespace slipway::engine::worker
