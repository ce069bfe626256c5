// Bodies of forms: whatever the bytes are, in one piece or many, they are cut into the same parts,
// and no part has the boundary in it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/multipart.h"

namespace {

using slipway::net::MultipartDecoder;
using Event = MultipartDecoder::Event;

// All that the decoder tells of the body, as a text; "|refused" where it refuses it.
std::string Tell(std::string_view body, size_t piece) {
  MultipartDecoder decoder("B");
  std::string told;
  std::string content;
  size_t begin = 0;
  size_t end = 0;
  while (true) {
    const std::string_view input = body.substr(begin, end - begin);
    const auto step = decoder.Decode(input);
    if (!step.has_value()) return told + "|refused";
    CHECK(step->consumed <= input.size());
    CHECK(step->data.empty() == (step->event != Event::kData));
    begin += step->consumed;
    if (step->event == Event::kPart) {
      const auto& head = decoder.head();
      told += "|part " + head.name + "/" + head.filename.value_or("-") + "/" +
              std::to_string(head.headers.size()) + ":";
    }
    told += step->data;
    content += step->data;
    if (step->event == Event::kPartEnd) {
      CHECK(content.find("\r\n--B") == std::string::npos);
      content.clear();
      told += "|whole";
    }
    if (step->event == Event::kEnd) told += "|end";
    if (step->event != Event::kNone || step->consumed > 0) continue;
    if (end == body.size()) return told;
    end = std::min(body.size(), end + piece);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  CHECK(Tell(bytes, bytes.size() + 1) == Tell(bytes, 1 + data[0] % 16));
  const auto boundary = slipway::net::BoundaryOf(bytes);
  if (boundary.has_value()) CHECK(!boundary->empty() && boundary->size() <= 70);
  return 0;
}
