#include "trust/signing_key.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "base/testing/result_matchers.h"
#include "trust/limits.h"
#include "trust/sealed_key.h"

namespace slipway::trust {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Made by cosign 3 with the password "hello", for this test alone.
constexpr std::string_view kCosignKey = R"(-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJ2N081MCtOeWk4dWtWTWU2eDFaSW4vczJleEZFODB2
TXNEZ25ORy9ZREdnPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJuKzFNdkxzS20wM3BlTDl3MXdwc0xWV1JaZmZHbW1wdCJ9LCJj
aXBoZXJ0ZXh0IjoiSUh1aFhBUURJY1NYSEIwM1RHTWVqS2ZpRko5MDFob0krelpm
dGNkT00zMzFnQStWYUUzQi9xcEhEZzU4V0ozL3V6a2g1bmVVeTNoM1FvaHNqR2dq
VGl5ZTJVOUN3ekxIM1pYSVVhRFJhOC9ybjFWcmozeGoxK3p3Q0p0SHNabHNTalE3
dHJhZElQdkxtL09iM2w0c2sxZk9qdjRBZkhQRm8xT2lLVXloVTdLSWhZbW1UL2FQ
eFZERlQ1Nm9BallNZGhaS2RMcDlYRDVDRHc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
)";
constexpr std::string_view kCosignPublic = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkZ5K6ULmx5zC0kqM8b9M8ctaVyfR
ElU5t40Dg9VfFpHVzB6m1wsUujGajsgY8adrx80J7JSiODcyULEhH94qqA==
-----END PUBLIC KEY-----
)";
constexpr std::string_view kCosignHint = "sd8ojbp9VPtHMeb+ln+0A+iZtu3mg7U79ZqzSTQ+Y7Y=";
// Made by cosign 3 with this key, over kMessage.
constexpr std::string_view kMessage =
    R"({"critical":{"identity":{"docker-reference":"127.0.0.1:35001/a/b"},"image":{"docker-m)"
    R"(anifest-digest":"sha256:a99e0f4e5106a3b24e795833aa85063e5fbb4a3f773971d5f5ae405f242b1)"
    R"(56f"},"type":"cosign container image signature"},"optional":{"who":"me"}})";
constexpr std::string_view kCosignSignature =
    "MEUCICfBNsBohl/"
    "9BgjaHD+2g+IHNgC1Evmugr3lQzSQlEUXAiEA+9JBM0rxC7PaQZS9Z2vRaSswUVR7lrX7cadDIfO71OU=";
// Ed25519 with SHA-512 before it, by cosign 3; OpenSSL's pure one is made in the test.
constexpr std::string_view kEdPublic = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAxYiHKvXrhprMX3NilxeiczrIfdNOm79qP5R+gfWb82c=
-----END PUBLIC KEY-----
)";
constexpr std::string_view kEdMessage =
    R"({"critical":{"identity":{"docker-reference":"127.0.0.1:35001/k/ed"},"image":{"docker-)"
    R"(manifest-digest":"sha256:8256907cf5bbcc636d8013e6a6ba538958be13c38b0adcf083c069d95a51)"
    R"(735e"},"type":"cosign container image signature"},"optional":null})";
constexpr std::string_view kEdSignature =
    "ySIzl21T1XtWaTynO4iFv5MsygvYqc4HKj7C5SNYAQFOJG3XVN1gPw949IEtHkNsQVfTu3zM+jFVTIE84F7yAw==";

PasswordSource Password(std::string password) {
  return [password] { return Result<std::string>(password); };
}
Result<std::string> NoPassword() {
  return Internal("ASKED", "a password was asked for");
}

TEST(SigningKey, ReadsWhatCosignWrote) {
  const auto key = SigningKey::Parse(kCosignKey, Password("hello"));
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->public_key().Pem(), kCosignPublic);
  EXPECT_EQ(key->public_key().fingerprint(), kCosignHint);
  const auto wrong = SigningKey::Parse(kCosignKey, Password("hell"));
  ASSERT_THAT(wrong, IsError(Code::kUnauthenticated, "PASSWORD_WRONG"));
  EXPECT_THAT(wrong.error().message(), Not(HasSubstr("hell")));
  EXPECT_THAT(SigningKey::Parse(kCosignKey, NoPassword), IsError(Code::kInternal, "ASKED"));
}

TEST(SigningKey, WhatIsSealedOpensAgain) {
  const SigningKey key = SigningKey::Generate();
  const auto random = MakeSeededRandom(1);
  for (const char* password : {"", "p", "with\nlines and \xc3\xa4"}) {
    const std::string pem = key.SealedPem(password, *random);
    EXPECT_THAT(pem, StartsWith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    const auto again = SigningKey::Parse(pem, Password(password));
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(again->public_key().fingerprint(), key.public_key().fingerprint());
    EXPECT_THAT(SigningKey::Parse(pem, Password("other")),
                IsError(Code::kUnauthenticated, "PASSWORD_WRONG"));
  }
}

TEST(SigningKey, WhatIsNoKeyIsTold) {
  const std::string begin = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
  const std::string end = "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
  for (const std::string& text : std::vector<std::string>{"", "x", std::string(kCosignPublic),
                                                          std::string(kMaxKeyBytes + 1, 'x'),
                                                          begin + "!!\n", begin + "e30=\n" + end}) {
    EXPECT_THAT(SigningKey::Parse(text, Password("hello")),
                IsError(Code::kInvalidArgument, "KEY_INVALID"))
        << text.substr(0, 60);
  }
}

TEST(SealedKey, NothingOfTheFileIsTrusted) {
  const auto random = MakeSeededRandom(2);
  const std::string sealed = SealKey("secret", "p", *random);
  ASSERT_THAT(OpenSealedKey(sealed, "p"), IsOk());
  EXPECT_EQ(OpenSealedKey(sealed, "p").value(), "secret");
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"65536", "1073741824"},
                                                        {"65536", "65536.5"},
                                                        {"\"r\":8", "\"r\":64"},
                                                        {"scrypt", "argon2"},
                                                        {"nacl/secretbox", "none"},
                                                        {"\"nonce\"", "\"n\""},
                                                        {"\"salt\":\"", "\"salt\":\"!"},
                                                        {"\"kdf\":{", "\"kdf\":{\"kdf\":{"}}) {
    std::string changed = sealed;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_THAT(OpenSealedKey(changed, "p"), IsError(Code::kInvalidArgument, "KEY_INVALID")) << to;
  }
  EXPECT_THAT(OpenSealedKey(R"({"kdf":{},"cipher":{}})", "p"),
              IsError(Code::kInvalidArgument, "KEY_INVALID"));
  EXPECT_THAT(OpenSealedKey("[]", "p"), IsError(Code::kInvalidArgument, "KEY_INVALID"));
}

TEST(PublicKey, VerifiesWhatCosignSigned) {
  const auto key = PublicKey::Parse(kCosignPublic);
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->algorithm(), "ECDSA P-256");
  const std::string signature = FromCanonicalBase64(kCosignSignature).value();
  EXPECT_TRUE(key->Verifies(kMessage, signature));
  EXPECT_FALSE(key->Verifies(std::string(kMessage) + " ", signature));
  EXPECT_FALSE(SigningKey::Generate().public_key().Verifies(kMessage, signature));
  for (size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(key->Verifies(kMessage, changed)) << i;
    EXPECT_FALSE(key->Verifies(kMessage, signature.substr(0, i))) << i;
  }
  EXPECT_FALSE(key->Verifies(kMessage, signature + "x"));
  EXPECT_FALSE(key->Verifies(kMessage, std::string(1 << 20, 'x')));
}

TEST(PublicKey, Ed25519InBothForms) {
  const auto key = PublicKey::Parse(kEdPublic);
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->algorithm(), "Ed25519");
  const std::string signature = FromCanonicalBase64(kEdSignature).value();
  EXPECT_TRUE(key->Verifies(kEdMessage, signature));
  EXPECT_FALSE(key->Verifies("other", signature));
  EXPECT_FALSE(key->Verifies(kEdMessage, signature.substr(1)));
}

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using OpenSslKey = std::unique_ptr<EVP_PKEY, Free>;

// As OpenSSL writes it: PKCS #8 without a password.
std::string PrivatePem(EVP_PKEY* key) {
  const std::unique_ptr<BIO, Free> out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string SignWith(EVP_PKEY* key, const EVP_MD* digest, std::string_view message) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key), 1);
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  size_t size = 0;
  EXPECT_EQ(EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()), 1);
  std::string signature(size, '\0');
  EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           bytes, message.size()),
            1);
  signature.resize(size);
  return signature;
}

// One elliptic curve, the hash that tools of its own strength take, and one that nobody does.
struct Curve {
  const char* name;
  const EVP_MD* (*own_hash)();
  const EVP_MD* (*other_hash)();
};

class SigningKeyCurve : public ::testing::TestWithParam<Curve> {};

TEST_P(SigningKeyCurve, SignsAndVerifies) {
  const OpenSslKey made(EVP_EC_gen(GetParam().name));
  ASSERT_NE(made, nullptr);
  const auto key = SigningKey::Parse(PrivatePem(made.get()), NoPassword);
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->public_key().algorithm(), std::string("ECDSA ") + GetParam().name);
  const auto read = PublicKey::Parse(key->public_key().Pem());
  ASSERT_THAT(read, IsOk());
  for (int i = 0; i < 20; ++i) {  // the lengths of signatures differ
    const std::string message = "message " + std::to_string(i);
    const std::string signature = key->Sign(message);
    EXPECT_TRUE(read->Verifies(message, signature));
    EXPECT_FALSE(read->Verifies(message + " ", signature));
    EXPECT_TRUE(read->Verifies(message, SignWith(made.get(), EVP_sha256(), message)));
    EXPECT_TRUE(read->Verifies(message, SignWith(made.get(), GetParam().own_hash(), message)));
    EXPECT_FALSE(read->Verifies(message, SignWith(made.get(), GetParam().other_hash(), message)));
  }
  // And as cosign keeps keys.
  const auto random = MakeSeededRandom(3);
  const auto again = SigningKey::Parse(key->SealedPem("p", *random), Password("p"));
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(read->Verifies("m", again->Sign("m")));
}

INSTANTIATE_TEST_SUITE_P(Curves, SigningKeyCurve,
                         ::testing::Values(Curve{"P-256", EVP_sha256, EVP_sha512},
                                           Curve{"P-384", EVP_sha384, EVP_sha512},
                                           Curve{"P-521", EVP_sha512, EVP_sha384}));

TEST(SigningKey, KindsThatAreNotTakenAreTold) {
  const OpenSslKey bitcoin(EVP_EC_gen("secp256k1"));
  const OpenSslKey short_rsa(EVP_RSA_gen(1024));
  for (EVP_PKEY* key : {bitcoin.get(), short_rsa.get()}) {
    ASSERT_NE(key, nullptr);
    const auto refused = SigningKey::Parse(PrivatePem(key), NoPassword);
    ASSERT_THAT(refused, IsError(Code::kInvalidArgument, "KEY_INVALID"));
    EXPECT_THAT(refused.error().message(), HasSubstr("ECDSA P-256, P-384 and P-521"));
  }
}

TEST(PublicKey, OneKeyOfAKindThatIsTaken) {
  const std::string pem(kCosignPublic);
  EXPECT_THAT(PublicKey::Parse(pem + "\n \n"), IsOk());
  const auto two = PublicKey::Parse(pem + pem);
  ASSERT_THAT(two, IsError(Code::kInvalidArgument, "KEY_INVALID"));
  EXPECT_THAT(two.error().message(), HasSubstr("more than one"));
  // X25519 agrees on secrets; it signs nothing.
  const auto other = PublicKey::Parse(
      "-----BEGIN PUBLIC KEY-----\n"
      "MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n-----END PUBLIC KEY-----\n");
  ASSERT_THAT(other, IsError(Code::kInvalidArgument, "KEY_INVALID"));
  EXPECT_THAT(other.error().message(), HasSubstr("ECDSA"));
  EXPECT_THAT(PublicKey::Parse(kCosignKey), IsError(Code::kInvalidArgument, "KEY_INVALID"));
}

}  // namespace
}  // namespace slipway::trust
