// Client: the client side of OCI distribution, blocking. Used by the command line and by agents.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "net/http_client.h"
#include "oci/challenge.h"
#include "oci/descriptor.h"
#include "oci/upload_notes.h"

namespace slipway::oci {

// Sends one request. The default is net::HttpClient; tests answer in memory.
using Transport = std::function<Result<net::ClientResponse>(const net::ClientRequest& request)>;

struct ClientOptions {
  std::string base_url;  // "http://127.0.0.1:8080", without a slash at its end
  // Sent as `Authorization: Bearer` with every request to base_url ...
  std::string token;
  // ... or, when the registry asks for them: to the registry itself (Basic), or to the token
  // service that it names, if that is https, or plain like the registry and on its host.
  std::string user;
  std::string password;
  // Instead of a password: a refresh token of the token service, sent to that alone.
  std::string identity_token;
  std::string sign_in;  // said after a 401: how its user signs in here
  // Of requests to the origin of base_url. Other hosts that the registry points to (redirects, a
  // token service) are met with the system's authorities: whom this registry's user trusts for it
  // has nothing to say about them. Only `verify_tls` is for all.
  net::HttpClient::Options http;
  Transport transport;  // empty: net::HttpClient with `http`
  // Before going on with an interrupted transfer; doubled each time.
  std::chrono::milliseconds retry_pause{250};
  Clock* clock = nullptr;  // of the lives of access tokens; nullptr: SystemClock()
};

struct ManifestInfo {
  Digest digest;
  std::string media_type;
  uint64_t size_bytes = 0;
};

struct FetchedManifest {
  Digest digest;  // of `bytes`, verified; equals the requested one
  std::string media_type;
  std::string bytes;
};

// Content that can be read at any offset, and more than once: a request may have to be sent again.
// Reads up to `size` bytes at `offset`; 0 at the end.
using ContentReader = std::function<Result<size_t>(uint64_t offset, char* out, size_t size)>;
// The next piece, in order.
using ContentWriter = std::function<Result<void>(std::string_view piece)>;
// Bytes of one blob that are done so far; may go back when a transfer begins anew.
using TransferProgress = std::function<void(uint64_t done_bytes)>;

struct UploadOptions {
  // Content up to this size goes in one POST; larger content with POST, PATCH and PUT, so that it
  // can be gone on with where it was cut.
  uint64_t monolithic_bytes = 4 << 20;
  TransferProgress progress;
  // Where it is noted how an upload in parts can be gone on with, should this program be killed;
  // it outlives the upload. nullptr: nowhere.
  UploadNotes* notes = nullptr;
};

// Not thread-safe: one per thread. Errors: what the registry answered, with its code as the reason
// (`MANIFEST_UNKNOWN`, `DENIED`, ...) and its sentence; UNAUTHENTICATED / UNAUTHORIZED says how to
// sign in; what net::HttpClient gives; INTERNAL / REGISTRY_PROTOCOL for an answer that makes no
// sense; DATA_LOSS / DIGEST_MISMATCH for bytes that are not what was asked for.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();

  // GET /v2/: reachable, a registry, and the credentials are good.
  Result<void> Ping();

  // `selector` is a tag or a digest. Nothing if there is none.
  Result<std::optional<ManifestInfo>> HeadManifest(const std::string& repository,
                                                   const std::string& selector);
  Result<FetchedManifest> GetManifest(const std::string& repository, const std::string& selector);
  // Returns the sha256 of `bytes`.
  Result<Digest> PutManifest(const std::string& repository, const std::string& selector,
                             const std::string& media_type, const std::string& bytes);

  // A tag alone, or by a digest the manifest with all its tags. A registry that cannot delete tags
  // answers UNSUPPORTED.
  Result<void> DeleteManifest(const std::string& repository, const std::string& selector);

  // Size of the blob in that repository, nothing if it is not there.
  Result<std::optional<uint64_t>> HeadBlob(const std::string& repository, const Digest& digest);
  // true if the registry took the blob over from the other repository, false if it must be
  // uploaded.
  Result<bool> MountBlob(const std::string& repository, const Digest& digest,
                         const std::string& from);
  // Interrupted transfers are gone on with up to kMaxTransferAttempts times without progress.
  Result<void> UploadBlob(const std::string& repository, const Digest& digest, uint64_t size_bytes,
                          const ContentReader& reader, const UploadOptions& options = {});
  // Bytes from `offset` to the end go to `writer`, each once and in order, across interruptions.
  // The digest of the whole is checked when `hasher` is given: it has taken in the bytes before
  // `offset`, and is finished here. Without it, the caller has another way to know.
  Result<void> DownloadBlob(const std::string& repository, const Digest& digest,
                            uint64_t size_bytes, uint64_t offset, const ContentWriter& writer,
                            std::optional<Hasher> hasher);

  // All tags, in the registry's order.
  Result<std::vector<std::string>> ListTags(const std::string& repository);

  // What the registry says refers to that manifest (its `subject`): signatures, attestations and
  // the like. From the fallback tag where the registry has no such list (distribution-spec,
  // "Referrers Tag Schema"). The manifests themselves are not looked at.
  Result<std::vector<Descriptor>> ListReferrers(const std::string& repository,
                                                const Digest& subject);
  // For a manifest with that subject that is there: makes sure that the list has it. An earlier
  // PutReferrer may have been cut.
  Result<void> EnsureReferrer(const std::string& repository, const Descriptor& referrer,
                              const Digest& subject);
  // Puts a manifest with that subject under its digest, and adds it to the fallback tag where the
  // registry does not keep the list itself. Two who write a fallback tag at the same moment may
  // lose one entry: the specification knows no way around it.
  Result<void> PutReferrer(const std::string& repository, const Descriptor& referrer,
                           const std::string& bytes, const Digest& subject);

 private:
  struct UploadSession;
  class Attempts;
  // What is sent for a scope, and until when it is good.
  struct Authorization {
    std::string header;
    std::optional<SteadyTime> renew_at;
    Challenge challenge;  // that it answers
  };

  // Sends the request with what is known of credentials for `scope`, answers one challenge, and
  // turns an answer outside of 2xx into an error unless its status is in `also`.
  Result<net::ClientResponse> Send(net::ClientRequest request, const std::string& scope,
                                   std::initializer_list<int> also = {});
  Result<net::ClientResponse> SendFollowing(net::ClientRequest request, const std::string& scope);
  // Credentials are for the registry alone: not for the hosts that it points to, nor are those
  // asked what they want.
  bool IsOwn(const std::string& url) const;
  void Authorize(net::ClientRequest& request, const std::string& scope) const;
  // Replaces an access token that is about to expire: a body that is sent once is not to be
  // refused.
  Result<void> Renew(const std::string& scope);
  // false if there is nothing to answer with, or that was the answer already.
  Result<bool> AnswerChallenge(const net::ClientResponse& response, const std::string& scope);
  Result<Authorization> FetchToken(const Challenge& challenge, const std::string& scope);
  Result<net::ClientRequest> TokenRequest(const Challenge& challenge, const std::string& scope);
  // A Location, relative to the registry or absolute.
  Result<std::string> Resolve(const net::ClientResponse& response) const;
  // Address of the next page of a list, empty if there is none.
  Result<std::string> NextPage(const net::ClientResponse& response) const;
  // Adds an entry to the index under the fallback tag of `subject`, unless it is there.
  Result<void> NoteReferrer(const std::string& repository, const Descriptor& referrer,
                            const Digest& subject);
  std::string Url(const std::string& repository, std::string_view rest) const;

  Result<UploadSession> StartUpload(const std::string& repository);
  Result<void> UploadWhole(const std::string& repository, const Digest& digest, uint64_t size_bytes,
                           const ContentReader& reader, const UploadOptions& options);
  Result<void> UploadInSession(const std::string& repository, const Digest& digest,
                               uint64_t size_bytes, const ContentReader& reader,
                               const UploadOptions& options);
  Result<void> AppendRest(UploadSession& session, uint64_t size_bytes, const ContentReader& reader,
                          const UploadOptions& options);
  Result<void> RefreshOffset(UploadSession& session);
  // The session that `note` knows, with what the registry has of it, else a new one.
  Result<UploadSession> ResumeUpload(const std::string& repository, uint64_t size_bytes,
                                     const std::optional<UploadNote>& note);
  // All that is left, and the end; one attempt.
  Result<void> FinishUpload(UploadSession& session, const Digest& digest, uint64_t size_bytes,
                            const ContentReader& reader, const UploadOptions& options);
  // What the registry answers changes nothing.
  void CancelUpload(const UploadSession& session);

  ClientOptions options_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<net::HttpClient> elsewhere_;  // for other origins than the registry's
  Transport transport_;
  std::string origin_;  // of base_url
  Clock* clock_;
  std::map<std::string, Authorization> authorization_by_scope_;
};

}  // namespace slipway::oci
