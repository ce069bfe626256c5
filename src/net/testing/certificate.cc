#include "net/testing/certificate.h"

#include <sys/stat.h>

#include <cstdio>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace slipway::net {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using OpenFile = std::unique_ptr<FILE, Free<std::fclose>>;

void AddExtension(X509* certificate, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  CHECK(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace

TestCertificate WriteTestCertificate(const std::string& folder, const std::string& name,
                                     const TestCertificateOptions& options) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  CHECK(key != nullptr && certificate != nullptr);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.begins_in_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.ends_in_s);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate.get(), NID_subject_alt_name, options.names.c_str());
  CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);

  TestCertificate files{.certificate_file = folder + "/" + name + ".crt",
                        .key_file = folder + "/" + name + ".key"};
  const OpenFile certificate_file(std::fopen(files.certificate_file.c_str(), "we"));
  const OpenFile key_file(std::fopen(files.key_file.c_str(), "we"));
  CHECK(chmod(files.key_file.c_str(), 0600) == 0);
  CHECK(certificate_file != nullptr && key_file != nullptr);
  CHECK(PEM_write_X509(certificate_file.get(), certificate.get()) == 1);
  const bool is_locked = !options.passphrase.empty();
  std::string passphrase = options.passphrase;
  CHECK(PEM_write_PrivateKey(key_file.get(), key.get(), is_locked ? EVP_aes_256_cbc() : nullptr,
                             nullptr, 0, nullptr, is_locked ? passphrase.data() : nullptr) == 1);
  return files;
}

}  // namespace slipway::net
