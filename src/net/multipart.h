// multipart/form-data (RFC 7578 over RFC 2046 5.1): a decoder that works on any cut of its input,
// and a reader over the body of a request. The same memory for parts of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http_message.h"

namespace slipway::net {

// The head of one part.
struct PartHead {
  std::string name;                     // of the form's field
  std::optional<std::string> filename;  // as the sender calls it: never a path to be used
  std::vector<std::pair<std::string, std::string>> headers;  // in order, names as sent

  // The first header of that name (any case), or nothing.
  std::optional<std::string_view> Header(std::string_view header) const;
};

// The boundary that a Content-Type names. INVALID_ARGUMENT / MULTIPART_TYPE if it is not
// multipart/form-data, or names none, or one that RFC 2046 does not allow.
Result<std::string> BoundaryOf(std::string_view content_type);

// Pure. Errors of Decode: INVALID_ARGUMENT / MULTIPART_INVALID with the byte of the body at which
// it is wrong, or that a limit of net/limits.h is passed. What two readers could cut differently is
// refused: a bare line feed in a head, a boundary line with something behind it.
class MultipartDecoder {
 public:
  explicit MultipartDecoder(const std::string& boundary);

  enum class Event : uint8_t {
    kNone,     // nothing to tell yet: go on, with more input if nothing was consumed
    kPart,     // a part begins; head()
    kData,     // bytes of it
    kPartEnd,  // it is whole
    kEnd,      // the closing boundary: no part follows, and what else comes is passed over
  };
  struct Step {
    Event event = Event::kNone;
    size_t consumed = 0;    // bytes of the input that are done with, data included
    std::string_view data;  // with kData: a view into the input
  };
  // Decodes up to and including the next event. The input begins where the step before ended.
  Result<Step> Decode(std::string_view input);
  const PartHead& head() const { return head_; }

 private:
  enum class State : uint8_t { kPreamble, kLine, kHead, kData, kEpilogue };

  Result<Step> SkipPreamble(std::string_view input);
  Result<Step> TakeLine(std::string_view input);
  Result<Step> TakeHead(std::string_view input);
  Result<Step> TakeData(std::string_view input);
  Result<void> TakeHeader(std::string_view line);
  Result<void> TakeDisposition(std::string_view value);
  Error Invalid(std::string_view what) const;

  const std::string delimiter_;  // with the line break before it
  State state_ = State::kPreamble;
  PartHead head_;
  bool has_name_ = false;
  size_t head_bytes_ = 0;
  size_t parts_ = 0;
  uint64_t at_ = 0;  // bytes consumed
};

// Over a body that is read once. After an error it is of no more use.
class MultipartReader {
 public:
  // `body` outlives the reader. INVALID_ARGUMENT / MULTIPART_TYPE.
  static Result<MultipartReader> Open(BodyReader& body, std::string_view content_type);

  // The next part, nothing after the last one; what is left of the part before is passed over.
  // Errors of the body and of the decoder; MULTIPART_INVALID if the body ends too early.
  Task<Result<std::optional<PartHead>>> Next();
  // Bytes of the part that Next gave; 0 at its end.
  Task<Result<size_t>> Read(char* out, size_t size);
  // All of it. INVALID_ARGUMENT / MULTIPART_TOO_LARGE above the limit.
  Task<Result<std::string>> ReadAll(uint64_t limit_bytes);

 private:
  MultipartReader(BodyReader& body, const std::string& boundary);
  // The next event of the decoder; data is a view into buffer_.
  Task<Result<MultipartDecoder::Step>> Advance();
  Task<Result<void>> Fill();

  BodyReader* body_;
  MultipartDecoder decoder_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not decoded yet
  size_t end_ = 0;
  std::string_view data_;  // decoded and not read yet
  bool in_part_ = false;
  bool ended_ = false;
};

}  // namespace slipway::net
