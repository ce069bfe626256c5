#include "net/chunked.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

Error Malformed(std::string what) {
  return InvalidArgument("BODY_MALFORMED", std::move(what));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

}  // namespace

Result<ChunkedDecoder::Step> ChunkedDecoder::Decode(std::string_view input, size_t max_data) {
  Step step;
  while (step.consumed < input.size() && state_ != State::kFinished) {
    if (state_ == State::kData) {
      const uint64_t room = std::min<uint64_t>(max_data, input.size() - step.consumed);
      step.data = input.substr(step.consumed, static_cast<size_t>(std::min(size_, room)));
      step.consumed += step.data.size();
      TookData(step.data.size());
      return step;
    }
    TRY_VOID(TakeFraming(input[step.consumed]));
    ++step.consumed;
  }
  return step;
}

void ChunkedDecoder::TookData(uint64_t bytes) {
  CHECK(bytes <= data_ahead());
  size_ -= bytes;
  if (state_ == State::kData && size_ == 0) state_ = State::kDataCr;
}

Result<void> ChunkedDecoder::TakeFraming(char c) {
  switch (state_) {
    case State::kSize:
    case State::kExtension:
      return TakeSize(c);
    case State::kSizeEnd:
      if (c != '\n') return Malformed("A chunk's size line does not end in CR LF");
      state_ = size_ == 0 ? State::kTrailer : State::kData;
      line_bytes_ = 0;
      digits_ = 0;
      return {};
    case State::kDataCr:
      if (c != '\r') return Malformed("A chunk is longer than its size line says");
      state_ = State::kDataLf;
      return {};
    case State::kDataLf:
      if (c != '\n') return Malformed("A chunk does not end in CR LF");
      state_ = State::kSize;
      return {};
    case State::kTrailer:
    case State::kTrailerLine:
    case State::kTrailerEnd:
    case State::kLastLf:
      return TakeTrailer(c);
    case State::kData:
    case State::kFinished:
      break;
  }
  return Malformed("There is framing where data should be");
}

Result<void> ChunkedDecoder::TakeSize(char c) {
  if (++line_bytes_ > kMaxChunkLineBytes) {
    return Malformed("A chunk's size line is longer than " + std::to_string(kMaxChunkLineBytes) +
                     " bytes");
  }
  if (c == '\r') {
    if (digits_ == 0) return Malformed("A chunk has no size");
    state_ = State::kSizeEnd;
    return {};
  }
  if (state_ == State::kExtension) {
    if (IsControl(c)) return Malformed("A chunk's extension contains a control character");
    return {};
  }
  if (c == ';' && digits_ > 0) {
    state_ = State::kExtension;
    return {};
  }
  const int digit = HexDigit(c);
  if (digit < 0) return Malformed("A chunk's size is not a hexadecimal number");
  if (++digits_ > 15) return Malformed("A chunk's size has more than 15 digits");
  size_ = size_ * 16 + static_cast<uint64_t>(digit);
  return {};
}

Result<void> ChunkedDecoder::TakeTrailer(char c) {
  if (++trailer_bytes_ > kMaxTrailerBytes) {
    return Malformed("The trailers are longer than " + std::to_string(kMaxTrailerBytes) + " bytes");
  }
  switch (state_) {
    case State::kTrailer:  // at the beginning of a line
      if (c == '\r') {
        state_ = State::kLastLf;
      } else if (IsControl(c) || c == ' ' || c == '\t') {
        return Malformed("A trailer line begins with a space or a control character");
      } else {
        state_ = State::kTrailerLine;
      }
      return {};
    case State::kTrailerLine:
      if (c == '\r') {
        state_ = State::kTrailerEnd;
      } else if (IsControl(c)) {
        return Malformed("A trailer contains a control character");
      }
      return {};
    default:  // kTrailerEnd, kLastLf
      if (c != '\n') return Malformed("A trailer line does not end in CR LF");
      state_ = state_ == State::kLastLf ? State::kFinished : State::kTrailer;
      return {};
  }
}

}  // namespace slipway::net
