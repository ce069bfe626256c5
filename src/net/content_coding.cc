#include "net/content_coding.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "net/field.h"
#include "net/http_message.h"

namespace slipway::net {
namespace {

// What zlib is told of a format: its window, and 16 more for gzip.
int WindowBits(ContentCoding coding) {
  CHECK(coding != ContentCoding::kIdentity);
  return coding == ContentCoding::kGzip ? MAX_WBITS + 16 : MAX_WBITS;
}

Error Damaged(ContentCoding coding, const std::string& what) {
  return InvalidArgument("CODING_INVALID", "the body is not what Content-Encoding " +
                                               std::string(ContentCodingName(coding)) +
                                               " says: " + what);
}

// The weight of a member, "q=0.5" of its parameters; 1 where it has none, 0 where it is malformed.
double WeightOf(std::string_view parameters) {
  const size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1;
  const std::string_view text = Trimmed(parameters.substr(at + 2));
  double weight = 0;
  std::from_chars(text.data(), text.data() + text.size(), weight);
  return weight;
}

}  // namespace

std::optional<ContentCoding> ParseContentCoding(std::string_view name) {
  if (EqualsIgnoringCase(name, "identity")) return ContentCoding::kIdentity;
  if (EqualsIgnoringCase(name, "gzip") || EqualsIgnoringCase(name, "x-gzip")) {
    return ContentCoding::kGzip;
  }
  if (EqualsIgnoringCase(name, "deflate")) return ContentCoding::kDeflate;
  return std::nullopt;
}

std::string_view ContentCodingName(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kIdentity:
      return "identity";
    case ContentCoding::kGzip:
      return "gzip";
    case ContentCoding::kDeflate:
      return "deflate";
  }
  return "identity";
}

ContentCoding AcceptedCoding(const std::vector<std::string_view>& members) {
  ContentCoding best = ContentCoding::kIdentity;
  double best_weight = 0;
  for (std::string_view member : members) {
    const size_t end = std::min(member.find(';'), member.size());
    const auto coding = ParseContentCoding(Trimmed(member.substr(0, end)));
    if (!coding || *coding == ContentCoding::kIdentity) continue;
    const double weight = WeightOf(member.substr(end));
    const bool tie = weight == best_weight && weight > 0 && *coding == ContentCoding::kGzip;
    if (weight > best_weight || tie) {
      best = *coding;
      best_weight = weight;
    }
  }
  return best;
}

struct Inflater::State {
  ContentCoding coding;
  z_stream stream{};
  bool ended = false;
};

Inflater::Inflater(ContentCoding coding, std::string_view packed)
    : state_(std::make_unique<State>()) {
  state_->coding = coding;
  z_stream& stream = state_->stream;
  // zlib does not write there.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  CHECK(packed.size() <= UINT32_MAX);
  stream.avail_in = static_cast<uInt>(packed.size());
  CHECK(inflateInit2(&stream, WindowBits(coding)) == Z_OK);
}

Inflater::~Inflater() {
  inflateEnd(&state_->stream);
}

Result<size_t> Inflater::Read(char* out, size_t size) {
  z_stream& stream = state_->stream;
  if (state_->ended || size == 0) return size_t{0};
  const size_t room = std::min<size_t>(size, UINT32_MAX);
  stream.next_out = reinterpret_cast<Bytef*>(out);
  stream.avail_out = static_cast<uInt>(room);
  while (stream.avail_out > 0) {
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      state_->ended = true;
      if (stream.avail_in > 0) {
        return Damaged(state_->coding,
                       std::to_string(stream.avail_in) + " bytes follow the end of it");
      }
      break;
    }
    if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return Damaged(state_->coding, "it is cut short");
    }
    if (status != Z_OK) {
      return Damaged(state_->coding, stream.msg != nullptr ? stream.msg : "it is damaged");
    }
  }
  return room - stream.avail_out;
}

struct Deflater::State {
  z_stream stream{};
};

Deflater::Deflater(ContentCoding coding) : state_(std::make_unique<State>()) {
  constexpr int kMemoryLevel = 8;  // zlib's own
  CHECK(deflateInit2(&state_->stream, Z_BEST_SPEED, Z_DEFLATED, WindowBits(coding), kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
}

Deflater::~Deflater() {
  deflateEnd(&state_->stream);
}

void Deflater::Write(std::string_view piece, bool last, std::string& out) {
  std::array<char, 16 << 10> block;
  z_stream& stream = state_->stream;
  CHECK(piece.size() <= UINT32_MAX);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  stream.avail_in = static_cast<uInt>(piece.size());
  do {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = block.size();
    deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
    out.append(block.data(), block.size() - stream.avail_out);
  } while (stream.avail_out == 0);
}

}  // namespace slipway::net
