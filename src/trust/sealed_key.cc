#include "trust/sealed_key.h"

#include <sodium.h>

#include <array>
#include <optional>
#include <span>

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/json.h"
#include "trust/limits.h"

namespace slipway::trust {
namespace {

constexpr uint64_t kCost = 65'536;  // what cosign writes today
constexpr std::array<uint64_t, 3> kCosts = {32'768, kCost, 131'072};
constexpr uint64_t kBlockSize = 8;
constexpr uint64_t kParallel = 1;
constexpr size_t kSaltBytes = 32;
// Of scrypt with the largest of the costs: 128 * N * r bytes, and a little for the rest.
constexpr uint64_t kMaxScryptBytes = (uint64_t{128} * 131'072 * kBlockSize) + (1 << 20);

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string KeyOf(std::string_view password, std::string_view salt, uint64_t cost) {
  std::string key(crypto_secretbox_KEYBYTES, '\0');
  CHECK(EVP_PBE_scrypt(password.data(), password.size(), Bytes(salt), salt.size(), cost, kBlockSize,
                       kParallel, kMaxScryptBytes, Bytes(key), key.size()) == 1);
  return key;
}

std::string RandomBytes(Random& random, size_t size) {
  std::string out(size, '\0');
  random.Fill(std::as_writable_bytes(std::span(out)));
  return out;
}

Error Invalid(std::string_view member) {
  return InvalidArgument("KEY_INVALID", "the encrypted private key: " + std::string(member) +
                                            "; is the file whole, and made by cosign?");
}

// The member at a JSON pointer, if it is a text.
std::optional<std::string> TextAt(const Json& json, const char* pointer) {
  const Json::json_pointer at(pointer);
  if (!json.contains(at) || !json[at].is_string()) return {};
  return json[at].get<std::string>();
}

Result<std::string> BytesAt(const Json& json, const char* pointer) {
  const auto text = TextAt(json, pointer);
  auto bytes = text ? FromCanonicalBase64(*text) : std::nullopt;
  if (!bytes) return Invalid(std::string(pointer + 1) + " is no base64 text");
  return *std::move(bytes);
}

Result<uint64_t> CostOf(const Json& json) {
  if (TextAt(json, "/kdf/name") != "scrypt") return Invalid("kdf/name is not scrypt");
  if (TextAt(json, "/cipher/name") != "nacl/secretbox") {
    return Invalid("cipher/name is not nacl/secretbox");
  }
  const auto& kdf = json["kdf"];
  if (!kdf.contains("params") || !kdf["params"].is_object())
    return Invalid("kdf/params is missing");
  const Json& params = kdf["params"];
  for (const uint64_t cost : kCosts) {
    if (params == Json{{"N", cost}, {"r", kBlockSize}, {"p", kParallel}}) return cost;
  }
  return Invalid("kdf/params are none of the sets that are in use");
}

}  // namespace

std::string SealKey(std::string_view plain, std::string_view password, Random& random) {
  const std::string salt = RandomBytes(random, kSaltBytes);
  const std::string nonce = RandomBytes(random, crypto_secretbox_NONCEBYTES);
  std::string key = KeyOf(password, salt, kCost);
  std::string sealed(plain.size() + crypto_secretbox_MACBYTES, '\0');
  CHECK(crypto_secretbox_easy(Bytes(sealed), Bytes(plain), plain.size(), Bytes(nonce),
                              Bytes(key)) == 0);
  Wipe(key);
  return DumpJson({{"kdf",
                    {{"name", "scrypt"},
                     {"params", {{"N", kCost}, {"r", kBlockSize}, {"p", kParallel}}},
                     {"salt", Base64(salt)}}},
                   {"cipher", {{"name", "nacl/secretbox"}, {"nonce", Base64(nonce)}}},
                   {"ciphertext", Base64(sealed)}});
}

Result<std::string> OpenSealedKey(std::string_view json_text, std::string_view password) {
  auto parsed = ParseJson(json_text, {.max_bytes = kMaxKeyBytes, .max_depth = 8});
  if (!parsed || !parsed->is_object()) return Invalid("it is no JSON object");
  TRY(cost, CostOf(*parsed));
  TRY(salt, BytesAt(*parsed, "/kdf/salt"));
  TRY(nonce, BytesAt(*parsed, "/cipher/nonce"));
  TRY(sealed, BytesAt(*parsed, "/ciphertext"));
  if (nonce.size() != crypto_secretbox_NONCEBYTES) return Invalid("cipher/nonce is not 24 bytes");
  if (sealed.size() < crypto_secretbox_MACBYTES) return Invalid("ciphertext is too short");
  std::string key = KeyOf(password, salt, cost);
  std::string plain(sealed.size() - crypto_secretbox_MACBYTES, '\0');
  const bool opened =
      crypto_secretbox_open_easy(Bytes(plain), Bytes(std::string_view(sealed)), sealed.size(),
                                 Bytes(std::string_view(nonce)), Bytes(std::string_view(key))) == 0;
  Wipe(key);
  if (opened) return plain;
  Wipe(plain);
  return Unauthenticated("PASSWORD_WRONG",
                         "the private key does not open: the password is another one");
}

void Wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace slipway::trust
