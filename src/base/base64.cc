#include "base/base64.h"

#include <openssl/evp.h>

namespace slipway {

std::string Base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  // What EVP_DecodeBlock would skip is no base64 either.
  if (text.find_first_of("= \t\r\n") != std::string_view::npos || text.size() % 4 == 1) return {};
  std::string padded(text);
  const size_t padding = (4 - text.size() % 4) % 4;
  padded.append(padding, '=');
  std::string out(padded.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(padded.data()),
                                   static_cast<int>(padded.size()));
  if (size < 0) return {};
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

std::optional<std::string> FromCanonicalBase64(std::string_view text) {
  auto bytes = FromBase64(text);
  if (!bytes || Base64(*bytes) != text) return {};
  return bytes;
}

std::string Base64Url(std::string_view bytes) {
  std::string out = Base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::optional<std::string> FromCanonicalBase64Url(std::string_view text) {
  std::string other(text);
  for (char& c : other) c = c == '-' ? '+' : c == '_' ? '/' : c;
  auto bytes = FromBase64(other);
  if (!bytes || Base64Url(*bytes) != text) return {};
  return bytes;
}

}  // namespace slipway
