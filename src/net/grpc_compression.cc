#include "net/grpc_compression.h"

#include <algorithm>

#include "net/limits.h"

namespace slipway::net {

Result<void> DecompressMessage(ContentCoding coding, std::string_view bytes, size_t limit_bytes,
                               MemoryBudget* budget, MessageBuffer& out) {
  Inflater inflater(coding, bytes);
  while (true) {
    if (out.room_bytes() == 0) {
      // One byte above the limit tells whether there is more.
      const size_t next = std::max(out.size() * 2, kFirstMessageBytes);
      TRY_VOID(out.Reserve(std::min(next, limit_bytes + 1), budget));
    }
    TRY(got, inflater.Read(out.room(), out.room_bytes()));
    if (got == 0) return {};
    out.Commit(got);
    if (out.size() > limit_bytes) {
      return ResourceExhausted(
          "MESSAGE_TOO_LARGE",
          "the message is larger than " + std::to_string(limit_bytes) + " bytes decompressed");
    }
  }
}

bool CompressMessage(ContentCoding coding, size_t begin, std::string& text) {
  std::string packed;
  Deflater(coding).Write(std::string_view(text).substr(begin), true, packed);
  if (packed.size() >= text.size() - begin) return false;
  text.replace(begin, std::string::npos, packed);
  return true;
}

}  // namespace slipway::net
