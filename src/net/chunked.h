// The chunked transfer coding (RFC 9112 7.1): a decoder that works on any cut of its input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace slipway::net {

// Extensions and trailers are read, checked for length and control characters, and dropped.
class ChunkedDecoder {
 public:
  struct Step {
    size_t consumed = 0;    // bytes of the input that are done with, data included
    std::string_view data;  // a view into the input; empty if there was only framing
  };
  // Decodes up to and including the next piece of data, of at most `max_data` bytes. With nothing
  // consumed it needs more input. INVALID_ARGUMENT / BODY_MALFORMED.
  Result<Step> Decode(std::string_view input, size_t max_data);
  // Data that comes next without framing; the caller may take up to that from elsewhere and say so.
  uint64_t data_ahead() const { return state_ == State::kData ? size_ : 0; }
  void TookData(uint64_t bytes);
  bool finished() const { return state_ == State::kFinished; }

 private:
  enum class State : uint8_t {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,
    kTrailerLine,
    kTrailerEnd,
    kLastLf,
    kFinished
  };

  Result<void> TakeFraming(char c);
  Result<void> TakeSize(char c);
  Result<void> TakeTrailer(char c);

  State state_ = State::kSize;
  uint64_t size_ = 0;  // of the chunk; in data: what is left of it
  size_t digits_ = 0;
  size_t line_bytes_ = 0;     // of the size line
  size_t trailer_bytes_ = 0;  // of all trailers
};

}  // namespace slipway::net
