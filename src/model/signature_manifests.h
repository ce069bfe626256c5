// SignatureStore: the manifests in which a registry keeps the signatures of one other manifest. For
// the .cc files of this module.
#pragma once

#include <string>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "oci/client.h"
#include "oci/descriptor.h"
#include "oci/reference.h"

namespace slipway::model {

// A layer under the tag sha256-HEX.sig.
struct TaggedSignature {
  std::string payload;
  std::string signature;  // base64, of the annotation dev.cosignproject.cosign/signature
};

// Blocking. What comes from the registry is no more trusted than its size is limited.
class SignatureStore {
 public:
  // NOT_FOUND / MANIFEST_UNKNOWN if there is no such manifest. The client outlives it.
  static Result<SignatureStore> Open(oci::Client& client, const oci::Reference& reference);

  const Digest& digest() const { return subject_.digest; }  // of what is signed

  // Those of other media types are left out. RESOURCE_EXHAUSTED / SIGNATURES_TOO_MANY.
  Result<std::vector<TaggedSignature>> ReadTagged();
  Result<void> AddTagged(const TaggedSignature& signature);

  // The bundles that refer to the manifest, as texts.
  Result<std::vector<std::string>> ReadBundles();
  Result<void> AddBundle(const std::string& bundle, const std::string& created_at);

 private:
  SignatureStore(oci::Client& client, std::string repository, oci::Descriptor subject)
      : client_(client), repository_(std::move(repository)), subject_(std::move(subject)) {}

  std::string Tag() const;
  Result<std::string> ReadBlob(const oci::Descriptor& blob, uint64_t limit_bytes);
  // Uploads it unless it is there; its descriptor.
  Result<oci::Descriptor> Upload(std::string_view media_type, const std::string& content);
  // The bundle of a referrer; empty: it is none.
  Result<std::string> ReadBundle(const oci::Descriptor& referrer);

  oci::Client& client_;
  std::string repository_;
  oci::Descriptor subject_;
};

}  // namespace slipway::model
