#include "net/grpc_head.h"

#include <algorithm>
#include <charconv>

#include "net/grpc_service.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool IsGrpcContentType(std::string_view value) {
  constexpr std::string_view kType = "application/grpc";
  if (!value.starts_with(kType)) return false;
  const std::string_view rest = value.substr(kType.size());
  return rest.empty() || rest == "+proto" || rest.starts_with(';') || rest.starts_with("+proto;");
}

Result<std::optional<std::chrono::nanoseconds>> ParseGrpcTimeout(
    std::optional<std::string_view> value) {
  constexpr size_t kMaxDigits = 8;
  if (!value) return std::optional<std::chrono::nanoseconds>();
  const auto malformed = [&] {
    return InvalidArgument("TIMEOUT_MALFORMED",
                           "grpc-timeout '" + std::string(value->substr(0, 32)) +
                               "' is not 1 to 8 digits and a unit out of H, M, S, m, u and n");
  };
  if (value->size() < 2 || value->size() > kMaxDigits + 1) return malformed();
  int64_t count = 0;
  const char* const end = value->data() + value->size() - 1;
  const auto parsed = std::from_chars(value->data(), end, count);
  if (parsed.ec != std::errc() || parsed.ptr != end || count < 0) return malformed();
  switch (value->back()) {
    case 'H':
      // As much as fits: nobody waits for a century.
      return std::chrono::nanoseconds(std::chrono::hours(std::min<int64_t>(count, 876'000)));
    case 'M':
      return std::chrono::nanoseconds(std::chrono::minutes(std::min<int64_t>(count, 52'560'000)));
    case 'S':
      return std::chrono::nanoseconds(std::chrono::seconds(count));
    case 'm':
      return std::chrono::nanoseconds(std::chrono::milliseconds(count));
    case 'u':
      return std::chrono::nanoseconds(std::chrono::microseconds(count));
    case 'n':
      return std::chrono::nanoseconds(count);
    default:
      return malformed();
  }
}

bool ListsToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (Trim(list.substr(0, comma)) == token) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::string EncodeGrpcMessage(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (out.size() >= kMaxGrpcMessageBytes) break;
    if (c >= ' ' && c <= '~' && c != '%') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Error UnknownMethod(std::string_view path, const GrpcService& service) {
  const size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash == 0 || slash == std::string_view::npos) {
    return Unimplemented("ROUTE_UNKNOWN", "malformed method name: '" + std::string(path) + "'");
  }
  const std::string name(path.substr(1, slash - 1));
  if (!service.Has(name)) return Unimplemented("ROUTE_UNKNOWN", "unknown service " + name);
  return Unimplemented("ROUTE_UNKNOWN", "unknown method " + std::string(path.substr(slash + 1)) +
                                            " for service " + name);
}

}  // namespace slipway::net
