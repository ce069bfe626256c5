#include <algorithm>

#include "base/crash_point.h"
#include "net/byte_range.h"
#include "oci/reference.h"
#include "registry/body.h"
#include "registry/core.h"
#include "registry/error_response.h"

namespace slipway::registry {
namespace {

using net::HttpRequest;
using net::HttpResponse;

// An upload session that is open for this request. Whoever began it has no turn: nobody else knows
// of it yet.
struct Session {
  std::string repository;
  UploadTurns::Turn turn;  // ends after the upload is closed
  std::unique_ptr<store::Upload> upload;
};

// A body that ends with an error when the next request wants the session.
class TurnBody final : public net::BodyReader {
 public:
  TurnBody(net::BodyReader& body, const UploadTurns::Turn& turn) : body_(body), turn_(turn) {}
  std::optional<uint64_t> length() const override { return body_.length(); }
  Task<Result<size_t>> Read(char* out, size_t size) override {
    CO_TRY_VOID(turn_.Check());
    co_return co_await body_.Read(out, size);
  }
  Task<Result<std::string>> ReadAll(uint64_t limit_bytes) override {
    return body_.ReadAll(limit_bytes);
  }

 private:
  net::BodyReader& body_;
  const UploadTurns::Turn& turn_;
};

void AddSessionHeaders(const Core& core, const HttpRequest& request, const Session& session,
                       HttpResponse& response) {
  const std::string id = core.signer.SessionId(session.upload->id(), session.repository,
                                               request.context.identity.subject);
  const uint64_t size = session.upload->size_bytes();
  response.headers.emplace_back("Location", PathOf(request, "blobs/uploads/" + id));
  response.headers.emplace_back("Range", "0-" + std::to_string(size == 0 ? 0 : size - 1));
  response.headers.emplace_back("Docker-Upload-UUID", id);
}

HttpResponse SessionResponse(const Core& core, const HttpRequest& request, const Session& session,
                             int status) {
  HttpResponse response = HttpResponse::Empty(status);
  AddSessionHeaders(core, request, session, response);
  return response;
}

HttpResponse CreatedResponse(const HttpRequest& request, const Digest& digest) {
  HttpResponse response = HttpResponse::Empty(201);
  response.headers = {{"Location", PathOf(request, "blobs/" + digest.text())},
                      {"Docker-Content-Digest", digest.text()}};
  return response;
}

Task<Result<Session>> BeginSession(Core& core, std::string repository) {
  CO_TRY(upload, co_await core.pool().Run([&core] { return core.objects().Begin(); }));
  core.small_uploads.Begin(upload->id());
  co_return Session{.repository = std::move(repository), .turn = {}, .upload = std::move(upload)};
}

Task<Result<Session>> ResumeSession(Core& core, const HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(spool_id, core.signer.SpoolId(request.Parameter("session"), repository,
                                       request.context.identity.subject));
  CO_TRY(turn, co_await core.upload_turns.Take(spool_id));
  CO_TRY(upload,
         co_await core.pool().Run([&core, &spool_id] { return core.objects().Resume(spool_id); }));
  co_return Session{
      .repository = std::move(repository), .turn = std::move(turn), .upload = std::move(upload)};
}

Task<Result<HttpResponse>> Publish(Core& core, const HttpRequest& request,
                                   const std::string& repository, const Digest& digest,
                                   VerifiedContent content) {
  CRASH_POINT("registry.blob_stored");
  if (content.inline_bytes && core.damage.any()) {
    co_await core.pool().Run([&core, &content] {
      RemoveDamagedFile(core, content.object);
      return true;
    });
  }
  CO_TRY_VOID(
      co_await Change(core, request, repository, [&](RepositoryWriter& writer) -> Result<void> {
        TRY_VOID(writer.AddBlob(digest, content));
        core.holds.Hold(repository, digest);
        return {};
      }));
  CRASH_POINT("registry.blob_committed");
  co_await CountDamage(core);
  co_return CreatedResponse(request, digest);
}

Result<VerifiedContent> VerifyInline(std::string bytes, const Digest& digest) {
  if (Digest::Of(bytes, digest.algorithm()) != digest) {
    return InvalidArgument("DIGEST_MISMATCH",
                           "the bytes that came do not have the digest " + digest.text() + ".");
  }
  return VerifiedContent{
      .object = Digest::Of(bytes), .size_bytes = bytes.size(), .inline_bytes = std::move(bytes)};
}

// Ends a session: what it has becomes the blob, or nothing does.
Task<Result<HttpResponse>> Finish(Core& core, const HttpRequest& request, Session session,
                                  const Digest& digest) {
  const std::string spool_id = session.upload->id();
  const uint64_t size_bytes = session.upload->size_bytes();
  std::optional<std::string> small = core.small_uploads.Find(spool_id);
  core.small_uploads.Forget(spool_id);
  if (small && small->size() == size_bytes) {
    Result<VerifiedContent> content = VerifyInline(std::move(*small), digest);
    Result<HttpResponse> response =
        content ? co_await Publish(core, request, session.repository, digest, std::move(*content))
                : Result<HttpResponse>(content.error());
    // The spool is of no more use either way; one that stays behind expires.
    session.upload.reset();
    co_await core.pool().Run([&core, &spool_id] { return core.objects().Abort(spool_id); });
    co_return response;
  }
  // Until the rows are committed nobody may take the file for one that nothing needs.
  ObjectGate::Pass pass;
  bool replaced = false;
  CO_TRY(object, co_await core.pool().Run([&core, &session, &digest, &pass, &replaced] {
    return core.objects().Commit(std::move(session.upload), digest, [&](const Digest& sha256) {
      const store::Publication publication = EnterToPublish(core, sha256, pass);
      replaced = publication == store::Publication::kReplace;
      return publication;
    });
  }));
  co_return co_await Publish(core, request, session.repository, digest,
                             {.object = std::move(object),
                              .size_bytes = size_bytes,
                              .inline_bytes = std::nullopt,
                              .replaced = replaced});
}

// POST ?digest=: the whole blob in one request.
Task<Result<HttpResponse>> UploadAtOnce(Core& core, HttpRequest& request, std::string repository,
                                        const Digest& digest) {
  CO_TRY(head, co_await ReadUpTo(*request.body, kMaxInlineBytes + 1));
  if (head.size() <= kMaxInlineBytes) {
    CO_TRY(content, VerifyInline(std::move(head), digest));
    co_return co_await Publish(core, request, repository, digest, std::move(content));
  }
  CO_TRY(session, co_await BeginSession(core, std::move(repository)));
  BodySink sink(core, *session.upload);
  Result<void> rest = co_await sink.Append(head);
  if (rest) rest = co_await sink.AppendBody(*request.body, std::nullopt, BodySink::Then::kCommit);
  if (!rest) {
    // Nobody knows this session's address: what came of it is of no use.
    const std::string spool_id = session.upload->id();
    session.upload.reset();
    co_await core.pool().Run([&core, &spool_id] { return core.objects().Abort(spool_id); });
    co_return rest.error();
  }
  co_return co_await Finish(core, request, std::move(session), digest);
}

Task<Result<HttpResponse>> Mount(Core& core, HttpRequest& request, std::string repository,
                                 const Digest& digest) {
  const std::string from = request.Query("from").value_or("");
  bool mounted = false;
  CO_TRY(lost, co_await core.pool().Run(
                   [&core, &digest] { return IsLost(core.meta(), core.objects(), digest); }));
  // A name that cannot be is answered like one that is not known.
  if (!lost && (from.empty() || oci::CheckRepositoryName(from))) {
    const auto limits = core.options.claims_of ? core.options.claims_of(request) : nullptr;
    CO_TRY_VOID(
        co_await Change(core, request, repository, [&](RepositoryWriter& writer) -> Result<void> {
          TRY(done, writer.MountBlob(digest, from, limits.get()));
          mounted = done;
          if (done) core.holds.Hold(repository, digest);
          return {};
        }));
  }
  if (mounted) co_return CreatedResponse(request, digest);
  CO_TRY(session, co_await BeginSession(core, std::move(repository)));
  co_return SessionResponse(core, request, session, 202);
}

Task<Result<HttpResponse>> PostUpload(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  if (const auto algorithm = request.Query("digest-algorithm");
      algorithm && *algorithm != "sha256" && *algorithm != "sha512") {
    co_return InvalidArgument("DIGEST_INVALID", "the digest algorithm '" + *algorithm +
                                                    "' is not supported; sha256 and sha512 are.");
  }
  if (const auto mount = request.Query("mount")) {
    CO_TRY(digest, Digest::Parse(*mount));
    co_return co_await Mount(core, request, std::move(repository), digest);
  }
  if (const auto text = request.Query("digest")) {
    CO_TRY(digest, Digest::Parse(*text));
    co_return co_await UploadAtOnce(core, request, std::move(repository), digest);
  }
  CO_TRY(session, co_await BeginSession(core, std::move(repository)));
  co_return SessionResponse(core, request, session, 202);
}

// The range that the request says its body is. An upload is appended to: a piece that begins
// elsewhere, sent early or again, is refused and leaves the session as it is.
Result<std::optional<net::ByteRange>> PieceOf(const HttpRequest& request, const Session& session) {
  const auto header = request.Header("Content-Range");
  if (!header) return std::optional<net::ByteRange>();
  const auto range = net::ParseUploadRange(*header);
  if (!range) {
    return InvalidArgument("BLOB_UPLOAD_INVALID",
                           "Content-Range must be FIRST-LAST in bytes, both counted from 0.");
  }
  if (range->first != session.upload->size_bytes()) {
    return Error(Code::kOutOfRange, "UPLOAD_RANGE",
                 "the upload has " + std::to_string(session.upload->size_bytes()) +
                     " bytes: the next piece begins there, not at " + std::to_string(range->first) +
                     ".");
  }
  const auto length = request.body->length();
  if (length && *length != range->size_bytes()) {
    return InvalidArgument("SIZE_INVALID",
                           "Content-Range says " + std::to_string(range->size_bytes()) +
                               " bytes, Content-Length " + std::to_string(*length) + ".");
  }
  return range;
}

// Appends the request's body. The answer is an error's, with where the session stands.
Task<std::optional<HttpResponse>> TakePiece(Core& core, HttpRequest& request, Session& session,
                                            BodySink::Then then) {
  Result<void> done;
  const auto piece = PieceOf(request, session);
  if (piece) {
    BodySink sink(core, *session.upload);
    const auto limit = *piece ? std::optional((*piece)->size_bytes()) : std::nullopt;
    TurnBody body(*request.body, session.turn);
    done = co_await session.turn.Run(sink.AppendBody(body, limit, then));
    // Its error is that of a read that was ended.
    if (const Result<void> mine = session.turn.Check(); !done && !mine) done = mine;
  } else {
    done = piece.error();
  }
  if (done) co_return std::nullopt;
  HttpResponse response = ErrorResponse(request, done.error());
  AddSessionHeaders(core, request, session, response);
  co_return response;
}

Task<Result<HttpResponse>> PatchUpload(Core& core, HttpRequest& request) {
  CO_TRY(session, co_await ResumeSession(core, request));
  if (auto failed = co_await TakePiece(core, request, session, BodySink::Then::kKeep)) {
    co_return std::move(*failed);
  }
  co_return SessionResponse(core, request, session, 202);
}

Task<Result<HttpResponse>> PutUpload(Core& core, HttpRequest& request) {
  const auto text = request.Query("digest");
  if (!text) {
    co_return InvalidArgument("DIGEST_INVALID", "the closing PUT needs ?digest=ALGORITHM:HEX.");
  }
  // Before it ends the request that has the session.
  CO_TRY(digest, Digest::Parse(*text));
  CO_TRY(session, co_await ResumeSession(core, request));
  if (auto failed = co_await TakePiece(core, request, session, BodySink::Then::kCommit)) {
    co_return std::move(*failed);
  }
  session.turn.BeginCommit();
  co_return co_await Finish(core, request, std::move(session), digest);
}

Task<Result<HttpResponse>> GetUpload(Core& core, HttpRequest& request) {
  CO_TRY(session, co_await ResumeSession(core, request));
  co_return SessionResponse(core, request, session, 204);
}

Task<Result<HttpResponse>> DeleteUpload(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(spool_id, core.signer.SpoolId(request.Parameter("session"), repository,
                                       request.context.identity.subject));
  CO_TRY(turn, co_await core.upload_turns.Take(spool_id));
  core.small_uploads.Forget(spool_id);
  CO_TRY_VOID(
      co_await core.pool().Run([&core, &spool_id] { return core.objects().Abort(spool_id); }));
  co_return HttpResponse::Empty(204);
}

}  // namespace

std::vector<net::Route> UploadRoutes(const std::shared_ptr<Core>& core) {
  constexpr std::string_view kPath = "/v2/{name+}/blobs/uploads/{session}";
  constexpr net::Access kPush = net::Access::kRegistryPush;
  std::vector<net::Route> routes;
  for (const char* path : {"/v2/{name+}/blobs/uploads/", "/v2/{name+}/blobs/uploads"}) {
    routes.push_back(MakeRoute(core, net::Method::kPost, path, kPush, PostUpload,
                               "Begins an upload, takes a whole blob, or mounts one."));
  }
  routes.push_back(MakeRoute(core, net::Method::kPatch, kPath, kPush, PatchUpload,
                             "Takes the next bytes of an upload."));
  routes.push_back(MakeRoute(core, net::Method::kPut, kPath, kPush, PutUpload,
                             "Ends an upload: its bytes become a blob."));
  routes.push_back(
      MakeRoute(core, net::Method::kGet, kPath, kPush, GetUpload, "Says how far an upload is."));
  routes.push_back(
      MakeRoute(core, net::Method::kDelete, kPath, kPush, DeleteUpload, "Cancels an upload."));
  return routes;
}

}  // namespace slipway::registry
