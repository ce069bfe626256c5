// Heads of requests and chunked bodies: whatever the bytes are, in one piece or many, they are read
// the same way, and what is accepted has one meaning only.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/chunked.h"
#include "net/request_head.h"

namespace {

using slipway::Result;
using slipway::net::ChunkedDecoder;
using slipway::net::Framing;
using slipway::net::HeadRules;
using slipway::net::HeadScanner;
using slipway::net::HttpRequest;

// The head's size, 0 if it is not complete, or -1 if it is refused; fed in growing pieces.
long ScanInPieces(std::string_view bytes, size_t step) {
  HeadScanner scanner;
  for (size_t end = 0; end < bytes.size();) {
    end = std::min(bytes.size(), end + step);
    const Result<size_t> found = scanner.Scan(bytes.substr(0, end));
    if (!found.has_value()) return -1;
    if (*found > 0) return static_cast<long>(*found);
  }
  return 0;
}

bool Lies(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

bool HasControl(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
  });
}

void CheckRequest(std::string_view head, const HttpRequest& request, const Framing& framing) {
  for (const std::string_view part :
       {request.method_text, request.target, request.path, request.query}) {
    CHECK(Lies(part, head) || part == "/");
    CHECK(!HasControl(part));
  }
  CHECK(request.path.starts_with('/') || request.path == "*");
  CHECK(!(framing.chunked && framing.content_length.has_value()));
  CHECK(framing.http11 || !framing.chunked);
  size_t lengths = 0;
  size_t codings = 0;
  size_t hosts = 0;
  for (const auto& [name, value] : request.headers) {
    CHECK(Lies(name, head) && Lies(value, head));
    CHECK(!name.empty() && name.find_first_of(" \t:\r\n") == std::string_view::npos);
    CHECK(!HasControl(value));
    if (slipway::net::EqualsIgnoringCase(name, "content-length")) ++lengths;
    if (slipway::net::EqualsIgnoringCase(name, "transfer-encoding")) ++codings;
    if (slipway::net::EqualsIgnoringCase(name, "host")) ++hosts;
  }
  CHECK(lengths == (framing.content_length.has_value() ? 1 : 0));
  CHECK(codings == (framing.chunked ? 1 : 0));
  CHECK(framing.http11 ? hosts == 1 : hosts <= 1);
  static_cast<void>(request.Query("name"));
  static_cast<void>(request.HeaderList("accept"));
}

// The decoded data, and where the body ended or how it was refused.
std::string DecodeInPieces(std::string_view input, size_t piece) {
  ChunkedDecoder decoder;
  std::string data;
  size_t consumed = 0;
  size_t end = 0;
  while (consumed < input.size() && !decoder.finished()) {
    end = std::min(input.size(), std::max(end, consumed + piece));
    const auto step = decoder.Decode(input.substr(consumed, end - consumed), piece);
    if (!step.has_value()) return "refused";
    CHECK(step->consumed > 0 && step->consumed <= end - consumed);
    data += step->data;
    consumed += step->consumed;
  }
  return data + (decoder.finished() ? "|" + std::to_string(consumed) : "|open");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const long whole = ScanInPieces(bytes, bytes.size() + 1);
  CHECK(whole == ScanInPieces(bytes, 1 + data[0] % 16));
  if (whole > 0) {
    const std::string_view head = bytes.substr(0, static_cast<size_t>(whole));
    HttpRequest request;
    Framing framing;
    const HeadRules rules{.max_headers = 32, .loopback_only = data[0] >= 128};
    if (slipway::net::ParseHead(head, rules, request, framing).has_value()) {
      CheckRequest(head, request, framing);
    }
  }
  const std::string_view body = bytes.substr(static_cast<size_t>(std::max(whole, 0L)));
  CHECK(DecodeInPieces(body, body.size() + 1) == DecodeInPieces(body, 1 + data[0] % 16));
  return 0;
}
