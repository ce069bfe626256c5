// Checksums that an upload states in its headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "net/http_message.h"

namespace slipway::klever {

struct StatedChecksums {
  std::optional<Digest> file;     // of the whole zip: Repr-Digest, Digest or X-Checksum-Sha256
  std::optional<Digest> content;  // of this request's body: Content-Digest
};

// sha-256 only; other algorithms are passed over, as RFC 9530 has it. INVALID_ARGUMENT /
// CHECKSUM_INVALID names the header that cannot be read, or those that contradict each other.
Result<StatedChecksums> ReadChecksums(const net::HttpRequest& request);

// The sha-256 in a field such as `sha-256=:BASE64:, sha-512=:...:` (RFC 9530), or
// `SHA-256=BASE64` (RFC 3230); nothing if it has none. Pure.
Result<std::optional<Digest>> ParseDigestField(std::string_view field);

// A body that is hashed as it is read.
class HashingBody final : public net::BodyReader {
 public:
  explicit HashingBody(net::BodyReader& body) : body_(body) {}
  std::optional<uint64_t> length() const override { return body_.length(); }
  Task<Result<size_t>> Read(char* out, size_t size) override;
  Task<Result<std::string>> ReadAll(uint64_t limit_bytes) override;
  // Of all that was read; called once, after that.
  Digest Finish() { return hasher_.Finish(); }

 private:
  net::BodyReader& body_;
  Hasher hasher_;
};

}  // namespace slipway::klever
