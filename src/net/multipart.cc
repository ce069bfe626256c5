#include "net/multipart.h"

#include <algorithm>
#include <cstring>

#include "net/field.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

constexpr size_t kMaxBoundaryBytes = 70;
constexpr size_t kBufferBytes = 256 << 10;

bool IsBoundaryChar(char c) {
  constexpr std::string_view kMarks = "'()+_,-./:=? ";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

// `; name=value; name="value"` after the first word of a header. Nothing for what is not that.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// A quoted string at the front of `text`, taken off it. In a file's name a backslash is itself
// unless it stands before a quote or a backslash, as browsers of before wrote it.
std::optional<std::string> TakeQuoted(std::string_view& text) {
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    const bool escaped =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
    if (escaped) ++i;
    value += text[i];
  }
  return std::nullopt;
}

std::optional<std::string> TakeWord(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, IsTokenChar);
  const auto size = static_cast<size_t>(end - text.begin());
  if (size == 0) return std::nullopt;
  std::string word(text.substr(0, size));
  text.remove_prefix(size);
  return word;
}

std::optional<Parameters> ParseParameters(std::string_view text) {
  Parameters parameters;
  while (true) {
    text = Trimmed(text);
    if (text.empty()) return parameters;
    if (text.front() != ';') return std::nullopt;
    text = Trimmed(text.substr(1));
    if (text.empty()) return parameters;
    auto name = TakeWord(text);
    if (!name || text.empty() || text.front() != '=') return std::nullopt;
    text.remove_prefix(1);
    auto value = !text.empty() && text.front() == '"' ? TakeQuoted(text) : TakeWord(text);
    if (!value) return std::nullopt;
    for (const auto& [before, _] : parameters) {
      if (EqualsIgnoringCase(before, *name)) return std::nullopt;
    }
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
}

const std::string* Find(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (EqualsIgnoringCase(key, name)) return &value;
  }
  return nullptr;
}

Error WrongType(const std::string& why) {
  return InvalidArgument("MULTIPART_TYPE",
                         "the Content-Type must be multipart/form-data with a boundary: " + why);
}

}  // namespace

std::optional<std::string_view> PartHead::Header(std::string_view header) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, header)) return value;
  }
  return std::nullopt;
}

Result<std::string> BoundaryOf(std::string_view content_type) {
  const size_t end = content_type.find(';');
  if (!EqualsIgnoringCase(Trimmed(content_type.substr(0, end)), "multipart/form-data")) {
    return WrongType("it is '" + std::string(content_type.substr(0, 100)) + "'.");
  }
  const auto parameters =
      ParseParameters(end == std::string_view::npos ? "" : content_type.substr(end));
  const std::string* boundary = parameters ? Find(*parameters, "boundary") : nullptr;
  if (boundary == nullptr || boundary->empty()) return WrongType("it names no boundary.");
  const bool allowed = boundary->size() <= kMaxBoundaryBytes && boundary->back() != ' ' &&
                       std::ranges::all_of(*boundary, IsBoundaryChar);
  if (!allowed) return WrongType("the boundary is one that RFC 2046 does not allow.");
  return *boundary;
}

MultipartDecoder::MultipartDecoder(const std::string& boundary) : delimiter_("\r\n--" + boundary) {}

Error MultipartDecoder::Invalid(std::string_view what) const {
  return InvalidArgument("MULTIPART_INVALID", "the multipart body is wrong at byte " +
                                                  std::to_string(at_ + 1) + ": " +
                                                  std::string(what) + ".");
}

Result<MultipartDecoder::Step> MultipartDecoder::Decode(std::string_view input) {
  Result<Step> step = Step{};
  switch (state_) {
    case State::kPreamble:
      step = SkipPreamble(input);
      break;
    case State::kLine:
      step = TakeLine(input);
      break;
    case State::kHead:
      step = TakeHead(input);
      break;
    case State::kData:
      step = TakeData(input);
      break;
    case State::kEpilogue:
      step = Step{.event = Event::kNone, .consumed = input.size(), .data = {}};
      break;
  }
  if (step.has_value()) at_ += step->consumed;
  return step;
}

// Nobody writes a preamble into a form; the first boundary begins the body, or its second line.
Result<MultipartDecoder::Step> MultipartDecoder::SkipPreamble(std::string_view input) {
  if (at_ == 0 && input == "\r") return Step{};
  if (at_ == 0 && input.starts_with("\r\n")) {
    return Step{.event = Event::kNone, .consumed = 2, .data = {}};
  }
  const std::string_view dashes = std::string_view(delimiter_).substr(2);
  const size_t count = std::min(input.size(), dashes.size());
  if (input.substr(0, count) != dashes.substr(0, count)) {
    return Invalid("it does not begin with the boundary that the Content-Type names");
  }
  if (count < dashes.size()) return Step{};
  state_ = State::kLine;
  return Step{.event = Event::kNone, .consumed = count, .data = {}};
}

// What follows a boundary: `--` after the last part, else spaces and a line break.
Result<MultipartDecoder::Step> MultipartDecoder::TakeLine(std::string_view input) {
  if (input.size() < 2) return Step{};
  if (input.starts_with("--")) {
    state_ = State::kEpilogue;
    return Step{.event = Event::kEnd, .consumed = 2, .data = {}};
  }
  const size_t end = input.find_first_not_of(" \t");
  if (end == std::string_view::npos || end + 1 >= input.size()) {
    if (input.size() > kMaxPartHeadBytes) return Invalid("a boundary line does not end");
    return Step{};
  }
  if (input.substr(end, 2) != "\r\n") return Invalid("a line begins with the boundary and goes on");
  if (++parts_ > kMaxParts) {
    return Invalid("it has more than " + std::to_string(kMaxParts) + " parts");
  }
  state_ = State::kHead;
  head_ = {};
  has_name_ = false;
  head_bytes_ = 0;
  return Step{.event = Event::kNone, .consumed = end + 2, .data = {}};
}

Result<MultipartDecoder::Step> MultipartDecoder::TakeHead(std::string_view input) {
  const size_t end = input.find('\n');
  const size_t line_bytes = end == std::string_view::npos ? input.size() : end + 1;
  if (head_bytes_ + line_bytes > kMaxPartHeadBytes) {
    return Invalid("the head of a part has more than " + std::to_string(kMaxPartHeadBytes) +
                   " bytes");
  }
  if (end == std::string_view::npos) return Step{};
  if (end == 0 || input[end - 1] != '\r') {
    return Invalid("a line in the head of a part ends without a carriage return");
  }
  head_bytes_ += line_bytes;
  if (end > 1) {
    TRY_VOID(TakeHeader(input.substr(0, end - 1)));
    return Step{.event = Event::kNone, .consumed = line_bytes, .data = {}};
  }
  if (!has_name_) return Invalid("a part has no Content-Disposition: form-data with a name");
  state_ = State::kData;
  return Step{.event = Event::kPart, .consumed = line_bytes, .data = {}};
}

Result<void> MultipartDecoder::TakeHeader(std::string_view line) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  const bool is_name = colon != std::string_view::npos && IsToken(name);
  if (!is_name) return Invalid("a line in the head of a part is no header");
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (!IsFieldValue(value)) return Invalid("a header of a part has a control character");
  if (EqualsIgnoringCase(name, "Content-Disposition")) TRY_VOID(TakeDisposition(value));
  if (EqualsIgnoringCase(name, "Content-Transfer-Encoding") &&
      !EqualsIgnoringCase(value, "binary") && !EqualsIgnoringCase(value, "8bit") &&
      !EqualsIgnoringCase(value, "7bit")) {
    return Invalid("a part is sent in the Content-Transfer-Encoding '" +
                   std::string(value.substr(0, 40)) + "'; send the bytes as they are");
  }
  head_.headers.emplace_back(name, value);
  return {};
}

Result<void> MultipartDecoder::TakeDisposition(std::string_view value) {
  if (has_name_) return Invalid("a part has two Content-Dispositions");
  const size_t end = value.find(';');
  const bool is_form = EqualsIgnoringCase(Trimmed(value.substr(0, end)), "form-data");
  const auto parameters = ParseParameters(end == std::string_view::npos ? "" : value.substr(end));
  const std::string* name = parameters ? Find(*parameters, "name") : nullptr;
  if (!is_form || name == nullptr) {
    return Invalid("the Content-Disposition of a part is not form-data with a name");
  }
  has_name_ = true;
  head_.name = *name;
  if (const std::string* filename = Find(*parameters, "filename")) head_.filename = *filename;
  return {};
}

Result<MultipartDecoder::Step> MultipartDecoder::TakeData(std::string_view input) {
  const size_t found = input.find(delimiter_);
  if (found == 0) {
    state_ = State::kLine;
    return Step{.event = Event::kPartEnd, .consumed = delimiter_.size(), .data = {}};
  }
  size_t count = found;
  if (found == std::string_view::npos) {
    // The last bytes may be the beginning of a boundary.
    count = input.size();
    for (size_t tail = std::min(input.size(), delimiter_.size() - 1); tail > 0; --tail) {
      if (std::string_view(delimiter_).starts_with(input.substr(input.size() - tail))) {
        count -= tail;
        break;
      }
    }
  }
  if (count == 0) return Step{};
  return Step{.event = Event::kData, .consumed = count, .data = input.substr(0, count)};
}

Result<MultipartReader> MultipartReader::Open(BodyReader& body, std::string_view content_type) {
  TRY(boundary, BoundaryOf(content_type));
  return MultipartReader(body, boundary);
}

MultipartReader::MultipartReader(BodyReader& body, const std::string& boundary)
    : body_(&body), decoder_(boundary), buffer_(kBufferBytes, '\0') {
  static_assert(kBufferBytes > 2 * kMaxPartHeadBytes);
}

Task<Result<void>> MultipartReader::Fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  CO_TRY(count, co_await body_->Read(buffer_.data() + end_, buffer_.size() - end_));
  if (count == 0) {
    co_return InvalidArgument("MULTIPART_INVALID",
                              "the multipart body ends before its closing boundary.");
  }
  end_ += count;
  co_return Result<void>();
}

Task<Result<MultipartDecoder::Step>> MultipartReader::Advance() {
  while (true) {
    CO_TRY(step, decoder_.Decode(std::string_view(buffer_).substr(begin_, end_ - begin_)));
    begin_ += step.consumed;
    if (step.event != MultipartDecoder::Event::kNone) co_return step;
    if (step.consumed == 0) CO_TRY_VOID(co_await Fill());
  }
}

Task<Result<std::optional<PartHead>>> MultipartReader::Next() {
  data_ = {};
  while (!ended_) {
    CO_TRY(step, co_await Advance());
    in_part_ = step.event == MultipartDecoder::Event::kPart;
    ended_ = step.event == MultipartDecoder::Event::kEnd;
    if (in_part_) co_return std::optional(decoder_.head());
  }
  // What follows the closing boundary says nothing; the connection wants it read.
  while (true) {
    CO_TRY(count, co_await body_->Read(buffer_.data(), buffer_.size()));
    if (count == 0) co_return std::optional<PartHead>();
  }
}

Task<Result<size_t>> MultipartReader::Read(char* out, size_t size) {
  if (data_.empty() && in_part_) {
    CO_TRY(step, co_await Advance());
    if (step.event == MultipartDecoder::Event::kData) {
      data_ = step.data;
    } else {
      in_part_ = false;
    }
  }
  const size_t count = data_.copy(out, size);
  data_.remove_prefix(count);
  co_return count;
}

Task<Result<std::string>> MultipartReader::ReadAll(uint64_t limit_bytes) {
  std::string all;
  char piece[4096];
  while (true) {
    CO_TRY(count, co_await Read(piece, sizeof piece));
    if (count == 0) co_return all;
    if (all.size() + count > limit_bytes) {
      co_return InvalidArgument("MULTIPART_TOO_LARGE", "the part has more than " +
                                                           std::to_string(limit_bytes) + " bytes.");
    }
    all.append(piece, count);
  }
}

}  // namespace slipway::net
