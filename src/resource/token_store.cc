#include "resource/token_store.h"

#include "base/format_check.h"
#include "resource/kinds/token.h"

namespace slipway::resource {

// The row of a token's hash.
struct TokenHash {
  std::string name;
  std::string uid;
  std::string sha256;
};
BOOST_DESCRIBE_STRUCT(TokenHash, (), (name, uid, sha256))

namespace {

Error UnknownToken() {
  return NotFound("TOKEN_UNKNOWN", "there is no such token");
}

Role RoleOf(TokenRole role) {
  switch (role) {
    case TokenRole::kViewer:
      return Role::kViewer;
    case TokenRole::kEditor:
      return Role::kEditor;
    case TokenRole::kAdmin:
      return Role::kAdmin;
    case TokenRole::kSite:
      return Role::kSite;
    case TokenRole::kPackager:
      return Role::kPackager;
  }
  return Role::kViewer;
}

Result<TokenHash> ReadHash(const store::Snapshot& snapshot, const std::string& id) {
  TRY(row, snapshot.Get(TokenRow(id)));
  if (!row) return UnknownToken();
  TRY(json, ParseJson(*row));
  return Decode<TokenHash>(json);
}

Result<std::optional<WallTime>> ExpiryOf(const TokenSpec& spec) {
  if (spec.expires_at.empty()) return std::optional<WallTime>();
  TRY(time, ParseRfc3339(spec.expires_at));
  return std::optional<WallTime>(time);
}

Result<trust::TokenRecord> RecordOf(const TokenHash& hash, const Resource& resource) {
  TRY(spec, Decode<TokenSpec>(resource.spec, "spec", UnknownFields::kIgnore));
  TRY(expires_at, ExpiryOf(spec));
  return trust::TokenRecord{
      .name = hash.name,
      .secret_sha256 = hash.sha256,
      .grant = {.role = RoleOf(spec.role), .project = spec.project, .service = spec.service},
      .expires_at = expires_at};
}

Result<trust::TokenRecord> FindRecord(const store::Snapshot& snapshot, const std::string& id) {
  TRY(hash, ReadHash(snapshot, id));
  TRY(row, snapshot.Get(RowKey({"Token", "", hash.name})));
  if (!row) return UnknownToken();
  TRY(json, ParseJson(*row));
  TRY(resource, ResourceFromStored(json));
  if (resource.metadata.uid != hash.uid || resource.metadata.deleted_at) return UnknownToken();
  return RecordOf(hash, resource);
}

}  // namespace

Result<IssuedToken> IssueToken(ResourceTransaction& transaction, Resource wanted) {
  trust::NewToken token = trust::MakeToken(transaction.random());
  TRY(resource, StoreToken(transaction, std::move(wanted), token));
  return IssuedToken{std::move(resource), std::move(token.text)};
}

Task<Result<IssuedToken>> IssueToken(ResourceStore& store, CallContext context, Resource wanted) {
  std::optional<IssuedToken> issued;
  CO_TRY_VOID(co_await store.Transact(std::move(context),
                                      [&](ResourceTransaction& transaction) -> Result<void> {
                                        TRY(made, IssueToken(transaction, wanted));
                                        issued = std::move(made);
                                        return {};
                                      }));
  co_return *std::move(issued);
}

Result<Resource> StoreToken(ResourceTransaction& transaction, Resource wanted,
                            const trust::NewToken& token) {
  wanted.kind = "Token";
  if (wanted.metadata.name.empty()) wanted.metadata.name = "token-" + token.id.substr(0, 6);
  TokenStatus status;
  status.id = token.id;
  status.phase = "Active";
  wanted.status = Encode(status);
  TRY(spec, Decode<TokenSpec>(wanted.spec, "spec"));
  if (!spec.project.empty()) {
    TRY(project, transaction.Find({"Project", "", spec.project}));
    if (!project) {
      return NotFound("PROJECT_UNKNOWN",
                      "spec.project: there is no project " + Quoted(spec.project))
          .With("field", "spec.project");
    }
  }
  TRY(expires_at, ExpiryOf(spec));
  if (expires_at && *expires_at <= transaction.clock().Wall()) {
    return InvalidArgument("FIELD_RANGE", "spec.expiresAt: " + spec.expires_at +
                                              " is over; it is " +
                                              FormatRfc3339(transaction.clock().Wall()))
        .With("field", "spec.expiresAt");
  }
  TRY(made, transaction.Create(std::move(wanted)));
  TokenHash hash{made.metadata.name, made.metadata.uid, token.secret_sha256};
  TRY_VOID(transaction.raw().Put(TokenRow(token.id), DumpJson(Encode(hash))));
  return made;
}

trust::TokenLookup MakeTokenLookup(store::MetaStore& meta) {
  return [&meta](const std::string& id) -> Result<trust::TokenRecord> {
    std::optional<trust::TokenRecord> record;
    TRY_VOID(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(found, FindRecord(snapshot, id));
      record = std::move(found);
      return {};
    }));
    return *std::move(record);
  };
}

Result<InferenceTokens> InferenceTokens::Read(const store::Snapshot& snapshot) {
  constexpr size_t kPage = 1000;
  const std::string prefix = RowPrefix("Token", "");
  std::string begin = prefix;
  InferenceTokens all;
  while (true) {
    TRY(rows, snapshot.Scan(begin, store::PrefixEnd(prefix), kPage));
    for (const store::KeyValue& row : rows) {
      TRY(json, ParseJson(row.value));
      TRY(token, ResourceFromStored(json));
      TRY(status, Decode<TokenStatus>(token.status, "status", UnknownFields::kIgnore));
      Result<TokenHash> hash = ReadHash(snapshot, status.id);
      if (!hash.has_value()) continue;
      TRY(record, RecordOf(*hash, token));
      TRY(spec, Decode<TokenSpec>(token.spec, "spec", UnknownFields::kIgnore));
      all.entries_.push_back({.identity = {.subject = record.name, .grants = {record.grant}},
                              .key = {.secret_sha256 = record.secret_sha256,
                                      .expires_at = record.expires_at,
                                      .name = token.metadata.name,
                                      .limits = spec.limits}});
    }
    if (rows.size() < kPage) return all;
    begin = rows.back().key + '\0';
  }
}

std::vector<InferenceKey> InferenceTokens::KeysOf(std::string_view project,
                                                  std::string_view service) const {
  std::vector<InferenceKey> keys;
  for (const Entry& entry : entries_) {
    if (trust::MayInfer(entry.identity, project, service)) keys.push_back(entry.key);
  }
  return keys;
}

}  // namespace slipway::resource
