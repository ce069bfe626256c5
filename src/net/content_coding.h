// ContentCoding: bodies and messages that travel compressed, by gzip (RFC 1952) or deflate, which
// is the zlib format (RFC 1950) as RFC 9110 section 8.4.1.2 has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::net {

enum class ContentCoding : uint8_t { kIdentity, kGzip, kDeflate };

// Of any case, "x-gzip" too; nothing for others.
std::optional<ContentCoding> ParseContentCoding(std::string_view name);
std::string_view ContentCodingName(ContentCoding coding);
// What an answer may be coded with, by the members of Accept-Encoding ("gzip;q=0.5"): the one with
// the highest weight, gzip before deflate; identity where neither is named.
ContentCoding AcceptedCoding(const std::vector<std::string_view>& members);

// Unpacks bytes that are in memory, piece by piece, so that the caller says how much there may be.
class Inflater {
 public:
  // `packed` outlives it; `coding` is not identity.
  Inflater(ContentCoding coding, std::string_view packed);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Up to `size` bytes; 0 at the end. INVALID_ARGUMENT / CODING_INVALID for what is damaged, cut
  // short or followed by anything else.
  Result<size_t> Read(char* out, size_t size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Packs bytes piece by piece, quickly rather than tightly.
class Deflater {
 public:
  explicit Deflater(ContentCoding coding);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Appends what is ready to `out`; everything when it is the last piece.
  void Write(std::string_view piece, bool last, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::net
