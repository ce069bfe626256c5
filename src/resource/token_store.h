// Tokens in the store: the hash of each lies in a row of its own, its role in the resource.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resource/resource_store.h"
#include "routing/call_limits.h"
#include "trust/access.h"

namespace slipway::resource {

struct IssuedToken {
  Resource resource;
  std::string secret;  // the whole text, to be shown once
};

// Makes the token `wanted` (kind Token; an empty name gets `token-` and the start of its id) with a
// new secret. NOT_FOUND / PROJECT_UNKNOWN for a spec.project that does not exist.
Result<IssuedToken> IssueToken(ResourceTransaction& transaction, Resource wanted);
Task<Result<IssuedToken>> IssueToken(ResourceStore& store, CallContext context, Resource wanted);
// The same with a secret that was made before: first start, which writes it to a file first.
Result<Resource> StoreToken(ResourceTransaction& transaction, Resource wanted,
                            const trust::NewToken& token);

// For an Authenticator; `meta` outlives it.
trust::TokenLookup MakeTokenLookup(store::MetaStore& meta);

// All tokens as they were in one snapshot, to be asked which of them may infer on a service: by a
// role in its project, or as the service's own key.
struct InferenceKey {
  std::string secret_sha256;  // of the whole text
  std::optional<WallTime> expires_at;
  std::string name;
  std::optional<routing::CallLimits> limits;
};
class InferenceTokens {
 public:
  static Result<InferenceTokens> Read(const store::Snapshot& snapshot);
  std::vector<InferenceKey> KeysOf(std::string_view project, std::string_view service) const;

 private:
  struct Entry {
    Identity identity;
    InferenceKey key;
  };
  std::vector<Entry> entries_;
};

}  // namespace slipway::resource
