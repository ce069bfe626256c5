#include "net/testing/grpc_raw_client.h"

#include <charconv>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "net/grpc_message.h"

namespace slipway::net {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFrameHead = 9;

uint32_t Number(std::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// An integer of HPACK with a prefix of 7 bits.
void AppendLength(size_t length, std::string& out) {
  if (length < 127) {
    out += static_cast<char>(length);
    return;
  }
  out += static_cast<char>(127);
  length -= 127;
  while (length >= 128) {
    out += static_cast<char>(length % 128 + 128);
    length /= 128;
  }
  out += static_cast<char>(length);
}

}  // namespace

std::string BigEndian32(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string MakeFrame(Frame type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out = BigEndian32(static_cast<uint32_t>(payload.size())).substr(1);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out.append(BigEndian32(stream)).append(payload);
}

std::string LengthPrefixed(std::string_view message, bool compressed) {
  std::string out(kGrpcPrefixBytes, '\0');
  WriteGrpcPrefix(compressed, message.size(), out.data());
  return out.append(message);
}

std::string HeaderBlock(const GrpcHeaders& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    out += '\0';
    AppendLength(name.size(), out);
    out += name;
    AppendLength(value.size(), out);
    out += value;
  }
  return out;
}

GrpcHeaders CallHeaders(std::string_view path, const GrpcHeaders& more) {
  GrpcHeaders headers = {{":method", "POST"},          {":scheme", "http"},
                         {":path", std::string(path)}, {":authority", "localhost"},
                         {"te", "trailers"},           {"content-type", "application/grpc"}};
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

int GrpcAnswer::status() const {
  const auto found = headers.find("grpc-status");
  int status = -1;
  if (found != headers.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), status);
  }
  return status;
}

struct GrpcRawClient::Inflater {
  Inflater() { CHECK(nghttp2_hd_inflate_new(&state) == 0); }
  ~Inflater() { nghttp2_hd_inflate_del(state); }

  void Read(std::string_view block, std::map<std::string, std::string>& out) {
    while (true) {
      nghttp2_nv header;
      int flags = 0;
      const ssize_t took = nghttp2_hd_inflate_hd2(
          state, &header, &flags, reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      CHECK(took >= 0);
      block.remove_prefix(static_cast<size_t>(took));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        out[std::string(reinterpret_cast<char*>(header.name), header.namelen)] =
            std::string(reinterpret_cast<char*>(header.value), header.valuelen);
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(state);
  }

  nghttp2_hd_inflater* state = nullptr;
};

GrpcRawClient::GrpcRawClient(uint16_t port, bool begins, std::string_view settings)
    : raw_(port), inflater_(std::make_unique<Inflater>()) {
  if (!begins) return;
  raw_.Send(std::string(kPreface) + MakeFrame(Frame::kSettings, 0, 0, settings));
}

GrpcRawClient::~GrpcRawClient() = default;

uint32_t GrpcRawClient::Call(std::string_view path, std::string_view message,
                             const GrpcHeaders& more) {
  const uint32_t stream = next_stream();
  Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders(path, more)));
  Send(Frame::kData, kEndStream, stream, LengthPrefixed(message));
  return stream;
}

bool GrpcRawClient::Take(std::chrono::milliseconds patience) {
  const std::string some = raw_.ReceiveSome(patience);
  bytes_ += some;
  while (bytes_.size() >= kFrameHead) {
    const size_t size = Number(std::string_view(bytes_).substr(0, 3));
    if (bytes_.size() < kFrameHead + size) break;
    const std::string payload = bytes_.substr(kFrameHead, size);
    const auto type = static_cast<Frame>(bytes_[3]);
    const auto flags = static_cast<uint8_t>(bytes_[4]);
    const uint32_t stream = Number(std::string_view(bytes_).substr(5, 4));
    bytes_.erase(0, kFrameHead + size);
    TakeFrame(type, flags, stream, payload);
  }
  return !some.empty();
}

void GrpcRawClient::TakeFrame(Frame type, uint8_t flags, uint32_t stream,
                              std::string_view payload) {
  GrpcAnswer& answer = answers_[stream];
  switch (type) {
    case Frame::kHeaders:
      inflater_->Read(payload, answer.headers);
      answer.ended = (flags & kEndStream) != 0;
      break;
    case Frame::kData:
      answer.data += payload;
      answer.ended = (flags & kEndStream) != 0;
      if (!opens_windows || payload.empty()) break;
      Send(Frame::kWindowUpdate, 0, 0, BigEndian32(static_cast<uint32_t>(payload.size())));
      if (!answer.ended) {
        Send(Frame::kWindowUpdate, 0, stream, BigEndian32(static_cast<uint32_t>(payload.size())));
      }
      break;
    case Frame::kReset:
      answer.reset = Number(payload);
      break;
    case Frame::kSettings:
      if ((flags & kAck) == 0) Send(Frame::kSettings, kAck, 0);
      break;
    case Frame::kGoAway:
      ++goaways_;
      goaway_code_ = Number(payload.substr(4, 4));
      goaway_text_ = payload.substr(8);
      break;
    default:
      break;
  }
}

GrpcAnswer GrpcRawClient::Wait(uint32_t stream) {
  while (!answers_[stream].ended && !answers_[stream].reset && Take()) {
  }
  return answers_[stream];
}

std::optional<uint32_t> GrpcRawClient::WaitForGoAway() {
  while (goaway_code_.value_or(0) == 0 && Take()) {
  }
  return goaway_code_;
}

bool GrpcRawClient::AtEnd() {
  while (Take()) {
  }
  return raw_.AtEnd();
}

}  // namespace slipway::net
