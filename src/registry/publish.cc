#include "registry/publish.h"

#include <algorithm>

#include "base/crash_point.h"
#include "oci/reference.h"
#include "registry/core.h"
#include "registry/limits.h"
#include "registry/removal_steps.h"

namespace slipway::registry {
namespace {

// What is verified and stored, and guarded until the rows that use it are committed.
struct StoredBlob {
  Digest digest;
  VerifiedContent content;
  ObjectGate::Pass pass;
};

Error Mismatch(const Digest& digest) {
  return InvalidArgument("DIGEST_MISMATCH",
                         "the bytes that came do not have the digest " + digest.text() + ".");
}

// `size` bytes at `offset`; fewer only at the end.
Result<void> ReadPiece(const NewBlob& blob, uint64_t offset, std::string& piece) {
  size_t done = 0;
  while (done < piece.size()) {
    TRY(count, blob.read(offset + done, piece.data() + done, piece.size() - done));
    if (count == 0) break;
    done += count;
  }
  piece.resize(done);
  return {};
}

Result<VerifiedContent> ReadSmall(const NewBlob& blob) {
  std::string bytes(blob.size_bytes, '\0');
  TRY_VOID(ReadPiece(blob, 0, bytes));
  if (Digest::Of(bytes, blob.digest.algorithm()) != blob.digest) return Mismatch(blob.digest);
  return VerifiedContent{
      .object = Digest::Of(bytes), .size_bytes = bytes.size(), .inline_bytes = std::move(bytes)};
}

// Piece by piece, so that others get their turn on the pool.
Task<Result<void>> AppendAll(Core& core, const NewBlob& blob, store::Upload& upload) {
  std::string piece;
  while (upload.size_bytes() < blob.size_bytes) {
    CO_TRY_VOID(co_await core.pool().Run([&]() -> Result<void> {
      const uint64_t left = blob.size_bytes - upload.size_bytes();
      piece.resize(static_cast<size_t>(std::min<uint64_t>(left, kUploadPieceBytes)));
      TRY_VOID(ReadPiece(blob, upload.size_bytes(), piece));
      if (piece.empty()) return Mismatch(blob.digest);
      return upload.Append(piece);
    }));
  }
  co_return Result<void>();
}

Task<Result<StoredBlob>> Store(Core& core, const NewBlob& blob) {
  if (blob.size_bytes <= kMaxInlineBytes) {
    CO_TRY(content, co_await core.pool().Run([&core, &blob]() -> Result<VerifiedContent> {
      TRY(read, ReadSmall(blob));
      RemoveDamagedFile(core, read.object);
      return read;
    }));
    co_return StoredBlob{.digest = blob.digest, .content = std::move(content), .pass = {}};
  }
  CO_TRY(upload, co_await core.pool().Run([&core] { return core.objects().Begin(); }));
  const std::string spool_id = upload->id();
  const Result<void> appended = co_await AppendAll(core, blob, *upload);
  if (!appended) {
    upload.reset();
    co_await core.pool().Run([&core, &spool_id] { return core.objects().Abort(spool_id); });
    co_return appended.error();
  }
  ObjectGate::Pass pass;
  bool replaced = false;
  CO_TRY(object, co_await core.pool().Run([&core, &upload, &blob, &pass, &replaced] {
    return core.objects().Commit(std::move(upload), blob.digest, [&](const Digest& sha256) {
      const store::Publication publication = EnterToPublish(core, sha256, pass);
      replaced = publication == store::Publication::kReplace;
      return publication;
    });
  }));
  co_return StoredBlob{.digest = blob.digest,
                       .content = {.object = std::move(object),
                                   .size_bytes = blob.size_bytes,
                                   .inline_bytes = std::nullopt,
                                   .replaced = replaced},
                       .pass = std::move(pass)};
}

Result<NewBlob> ManifestBlob(Core& core, const std::string& manifest) {
  if (manifest.size() > core.options.max_manifest_bytes) {
    return ResourceExhausted("BODY_TOO_LARGE", "the manifest has more than " +
                                                   std::to_string(core.options.max_manifest_bytes) +
                                                   " bytes.");
  }
  return NewBlob{.digest = Digest::Of(manifest),
                 .size_bytes = manifest.size(),
                 .read = [&manifest](uint64_t offset, char* out, size_t size) -> Result<size_t> {
                   return manifest.copy(out, size, static_cast<size_t>(offset));
                 }};
}

}  // namespace

Task<Result<Digest>> PublishArtifact(std::shared_ptr<Core> core, CallContext context,
                                     std::string repository, NewArtifact artifact) {
  CO_TRY_VOID(oci::CheckRepositoryName(repository));
  repository = oci::CanonicalRepository(repository);
  for (const std::string& tag : artifact.tags) CO_TRY_VOID(oci::CheckTag(tag));
  CO_TRY(manifest, oci::ParseManifest(artifact.manifest));
  std::vector<StoredBlob> stored;
  for (const NewBlob& blob : artifact.blobs) {
    CO_TRY(one, co_await Store(*core, blob));
    stored.push_back(std::move(one));
  }
  CO_TRY(manifest_blob, ManifestBlob(*core, artifact.manifest));
  CO_TRY(kept, co_await Store(*core, manifest_blob));
  ManifestPush push{.content = kept.content,
                    .digest = kept.digest,
                    .manifest = std::move(manifest),
                    .tags = std::move(artifact.tags)};
  const FindComing coming = [&stored](const Digest& digest) -> std::optional<ComingContent> {
    const auto found = std::ranges::find(stored, digest, &StoredBlob::digest);
    if (found == stored.end()) return std::nullopt;
    const auto& bytes = found->content.inline_bytes;
    return ComingContent{.bytes = bytes ? &*bytes : nullptr};
  };
  CO_TRY_VOID(co_await PushManifest(*core, context, repository, push, coming,
                                    [&](RepositoryWriter& writer) -> Result<void> {
                                      for (const StoredBlob& blob : stored)
                                        TRY_VOID(writer.AddBlob(blob.digest, blob.content));
                                      return writer.PutManifest(push);
                                    }));
  CRASH_POINT("registry.artifact_committed");
  co_await CountDamage(*core);
  co_return push.digest;
}

Task<Result<void>> PushManifest(Core& core, const CallContext& context,
                                const std::string& repository, ManifestPush& push,
                                const FindComing& coming,
                                const std::function<Result<void>(RepositoryWriter&)>& change) {
  const FactsSource source{.meta = &core.meta(),
                           .facts_of = &core.options.facts_of,
                           .repository = repository,
                           .coming = coming};
  // Nobody asks for those of other manifests: they are not kept waiting.
  const bool has_facts = IsModelType(push.manifest.EffectiveArtifactType());
  for (int attempt = 1;; ++attempt) {
    if (has_facts) {
      CO_TRY(facts, co_await core.pool().Run([&source, &push] {
        return PrepareFacts(source, push.digest, push.manifest);
      }));
      push.facts = std::move(facts);
    }
    Result<void> done = co_await ChangeRows(core, context, repository, change);
    const bool is_stale = !done && done.error().reason() == kFactsStale;
    if (!is_stale || attempt == kMaxFactsAttempts) co_return done;
  }
}

Task<Result<void>> ChangeRows(Core& core, const CallContext& context, const std::string& repository,
                              const std::function<Result<void>(RepositoryWriter&)>& change) {
  while (true) {
    bool left_tags = false;
    Result<void> done =
        co_await core.meta().Mutate(context, [&](store::Transaction& transaction) -> Result<void> {
          RepositoryWriter writer(transaction, context, repository, *core.options.clock,
                                  *core.options.random);
          TRY_VOID(change(writer));
          left_tags = writer.left_tags();
          return {};
        });
    // Who deleted a manifest finds its tags gone when he is told. If that fails now, it is done
    // later.
    if (done && left_tags) static_cast<void>(co_await FinishRemoval(core, repository));
    if (done || done.error().reason() != kRepositoryRemoving) co_return done;
    CO_TRY_VOID(co_await FinishRemoval(core, repository));
  }
}

Task<Result<void>> ChangeRepository(std::shared_ptr<Core> core, CallContext context,
                                    std::string repository, RepositoryChange change) {
  CO_TRY_VOID(oci::CheckRepositoryName(repository));
  repository = oci::CanonicalRepository(repository);
  co_return co_await ChangeRows(*core, context, repository, [&](RepositoryWriter& writer) {
    return change(writer, core->options.check_unused);
  });
}

}  // namespace slipway::registry
