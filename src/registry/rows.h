// Rows: what the registry keeps in the MetaStore. Format: docs/formats/registry.md.
//
//   registry/repository/REPO               {"createdAt"}: the repository has been pushed to
//   registry/removing/REPO                 {"at","by"}: the repository was deleted, and what is
//   left
//                                          of its rows is being taken away; nobody finds it
//   registry/removing/REPO@DIGEST          the same of tags of a manifest that was deleted
//   registry/blob/REPO@DIGEST              {"object","size"}: the blob exists for callers of REPO
//   registry/holder/DIGEST@REPO            empty: the same, to be found by the digest
//   registry/manifest/REPO@DIGEST          {"object","size","mediaType","artifactType","subject"}
//   registry/tag/REPO:TAG                  {"digest","updatedAt"}
//   registry/tagged/REPO@DIGEST:TAG        empty: the same, to be found by the digest
//   registry/referrer/REPO@SUBJECT@DIGEST  manifest DIGEST has this subject: its descriptor with
//                                          type and annotations, or {"artifactType"} alone
//   registry/upload-key                    32 bytes: signs the ids of upload sessions
//   registry/access-token-key              sealed: signs access tokens (token_service.h)
//   registry/alias/SHA512                  the sha256 of the same bytes
//   object/DIGEST                          bytes of up to kMaxInlineBytes, by sha256
//
// REPO is canonical (`default/NAME` for a name of one segment) and has neither '@' nor ':'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "store/meta/meta_store.h"

namespace slipway::registry {

inline constexpr std::string_view kRemovingPrefix = "registry/removing/";
inline constexpr std::string_view kUploadKeyKey = "registry/upload-key";
inline constexpr std::string_view kAccessTokenKeyKey = "registry/access-token-key";

std::string RepositoryKey(std::string_view repository);
// Of all repositories of a project.
std::string RepositoryPrefix(std::string_view project);
std::string RemovingKey(std::string_view repository);
std::string RemovingTagsPrefix(std::string_view repository);
std::string RemovingTagsKey(std::string_view repository, const Digest& manifest);
std::string BlobKey(std::string_view repository, const Digest& digest);
std::string HolderKey(const Digest& digest, std::string_view repository);
std::string HolderPrefix(const Digest& digest);
std::string BlobPrefix(std::string_view repository);
std::string ManifestKey(std::string_view repository, const Digest& digest);
std::string ManifestPrefix(std::string_view repository);
std::string TagKey(std::string_view repository, std::string_view tag);
std::string TagPrefix(std::string_view repository);
std::string TaggedKey(std::string_view repository, const Digest& digest, std::string_view tag);
std::string TaggedPrefix(std::string_view repository, const Digest& digest);
std::string TaggedPrefix(std::string_view repository);
std::string ReferrerKey(std::string_view repository, const Digest& subject, const Digest& digest);
std::string ReferrerPrefix(std::string_view repository, const Digest& subject);
std::string ReferrerPrefix(std::string_view repository);
std::string AliasKey(const Digest& sha512);
std::string ObjectKey(const Digest& object);

struct BlobRow {
  Digest object;  // sha256 under which the bytes are kept
  uint64_t size_bytes = 0;
};

struct ManifestRow {
  Digest object;
  uint64_t size_bytes = 0;
  std::string media_type;
  std::string artifact_type;  // effective; empty for an index without
  std::optional<Digest> subject;
};

struct TagRow {
  Digest digest;
  std::string updated_at;
};

// Nothing if there is no such row; DATA_LOSS / ROW_CORRUPT for one that cannot be read.
Result<std::optional<BlobRow>> FindBlob(const store::Snapshot& snapshot,
                                        std::string_view repository, const Digest& digest);
Result<std::optional<ManifestRow>> FindManifest(const store::Snapshot& snapshot,
                                                std::string_view repository, const Digest& digest);
Result<std::optional<TagRow>> FindTag(const store::Snapshot& snapshot, std::string_view repository,
                                      std::string_view tag);
// The sha256 under which bytes of this digest are kept: itself, or what the alias row says.
Result<std::optional<Digest>> ResolveAlias(const store::Snapshot& snapshot, const Digest& digest);
// Whether anybody may find something in the repository: only then do its other rows count.
Result<bool> RepositoryExists(const store::Snapshot& snapshot, std::string_view repository);

std::string EncodeRow(const BlobRow& row);
std::string EncodeRow(const ManifestRow& row);
std::string EncodeRow(const TagRow& row);

}  // namespace slipway::registry
