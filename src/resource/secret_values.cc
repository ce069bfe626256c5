// The values of kind Secret: sealed, in a row of their own under the resource's uid.
#include <utility>

#include "resource/kinds/secret.h"
#include "resource/limits.h"
#include "resource/resource_transaction.h"
#include "resource/validation.h"

namespace slipway::resource {
namespace {

using Values = std::map<std::string, std::string>;

Error KeyMissing() {
  return FailedPrecondition("SECRET_KEY_MISSING",
                            "secrets cannot be used here: this program has no key file for them");
}

Result<Values> ReadValues(const store::Snapshot& snapshot, const trust::SecretBox& secrets,
                          const std::string& uid) {
  TRY(row, snapshot.Get(SecretRow(uid)));
  if (!row) return Values();
  TRY(text, secrets.Open(*row, SecretRow(uid)));
  TRY(json, ParseJson(text, {.max_bytes = 4 * kMaxResourceBytes}));
  return Decode<Values>(json, "data");
}

}  // namespace

Result<bool> ResourceTransaction::KeepSecretValues(Resource& now, const Resource* old) {
  if (now.kind != "Secret") return false;
  TRY(spec, Decode<SecretSpec>(now.spec, "spec"));
  if (spec.data && secrets_ == nullptr) return KeyMissing();
  const std::optional<Values> given = std::exchange(spec.data, std::nullopt);
  now.spec = Encode(spec);
  if (!given) return false;
  const Values& values = *given;
  if (old != nullptr) {
    // Values that cannot be read any more may be replaced.
    Result<Values> before = ReadValues(transaction_, *secrets_, now.metadata.uid);
    if (before.has_value() && *before == values) return false;
  }
  const std::string row = SecretRow(now.metadata.uid);
  const std::string text = DumpJson(Encode(values));
  TRY_VOID(CheckSize(text));
  TRY_VOID(transaction_.Put(row, secrets_->Seal(text, row)));
  TRY(status, Decode<SecretStatus>(now.status, "status", UnknownFields::kIgnore));
  status.keys.clear();
  for (const auto& [name, value] : values) status.keys.push_back(name);
  now.status = Encode(status);
  return true;
}

Result<std::map<std::string, std::string>> ResourceTransaction::SecretValues(const Key& key) const {
  if (secrets_ == nullptr) return KeyMissing();
  TRY(resource, Get({"Secret", key.project, key.name}));
  return ReadValues(transaction_, *secrets_, resource.metadata.uid);
}

}  // namespace slipway::resource
