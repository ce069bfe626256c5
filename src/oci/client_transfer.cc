#include <algorithm>
#include <thread>

#include "net/http_message.h"
#include "oci/client.h"
#include "oci/limits.h"

namespace slipway::oci {

namespace {

constexpr std::string_view kOctets = "application/octet-stream";

// Worth going on after: the connection was lost, or the registry is not well for now.
bool IsPassing(const Error& error) {
  return error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded ||
         (error.code() == Code::kInternal && error.reason() != "REGISTRY_PROTOCOL") ||
         error.reason() == "TOOMANYREQUESTS";
}

// Bytes that the registry has, from `Range: 0-LAST`. `0-0` is what a registry says before the first
// byte; one that means a single byte answers 416 later, and the upload begins anew.
uint64_t BytesInRange(const std::string& range) {
  const size_t dash = range.find('-');
  if (dash == std::string::npos) return 0;
  const uint64_t last = std::strtoull(range.c_str() + dash + 1, nullptr, 10);
  return last == 0 ? 0 : last + 1;
}

Error WrongLength(uint64_t got, uint64_t want) {
  return DataLoss("DIGEST_MISMATCH", "the content has " + std::to_string(got) + " bytes where " +
                                         std::to_string(want) +
                                         " were announced; it changed on the way.");
}

std::string WithDigest(const std::string& location, const Digest& digest) {
  return location + (location.find('?') == std::string::npos ? "?" : "&") +
         "digest=" + digest.text();
}

// A request's body, read from `offset` on. The reader outlives the request.
std::function<Result<size_t>(char*, size_t)> BodyFrom(const ContentReader& reader, uint64_t offset,
                                                      uint64_t size_bytes,
                                                      const TransferProgress& progress) {
  return [&reader, &progress, at = offset, size_bytes](char* out,
                                                       size_t size) mutable -> Result<size_t> {
    const size_t wanted = std::min<uint64_t>(size, size_bytes - at);
    if (wanted == 0) return size_t{0};
    TRY(count, reader(at, out, wanted));
    if (count == 0) {
      return FailedPrecondition("CONTENT_CHANGED",
                                "the file became shorter while it was sent; push it again.");
    }
    at += count;
    if (progress) progress(at);
    return count;
  };
}

}  // namespace

struct Client::UploadSession {
  std::string repository;
  std::string location;
  uint64_t offset = 0;
  bool is_resumed = false;  // somebody else began it
};

// Counts attempts that brought nothing, and pauses between them.
class Client::Attempts {
 public:
  explicit Attempts(std::chrono::milliseconds pause) : first_pause_(pause), pause_(pause) {}

  // false when it is time to give up. `done_bytes` tells whether there was progress.
  bool Again(uint64_t done_bytes) {
    if (done_bytes > done_bytes_) {
      done_bytes_ = done_bytes;
      failures_ = 0;
      pause_ = first_pause_;
    }
    if (++failures_ >= kMaxTransferAttempts) return false;
    std::this_thread::sleep_for(pause_);
    pause_ *= 2;
    return true;
  }

 private:
  const std::chrono::milliseconds first_pause_;
  std::chrono::milliseconds pause_;
  uint64_t done_bytes_ = 0;
  int failures_ = 0;
};

Result<std::optional<uint64_t>> Client::HeadBlob(const std::string& repository,
                                                 const Digest& digest) {
  net::ClientRequest request;
  request.method = "HEAD";
  request.url = Url(repository, "blobs/" + digest.text());
  TRY(response, Send(std::move(request), "repository:" + repository + ":pull", {404, 307, 302}));
  if (response.status == 404) return std::optional<uint64_t>();
  return std::optional<uint64_t>(
      std::strtoull(response.Header("Content-Length").value_or("0").c_str(), nullptr, 10));
}

Result<bool> Client::MountBlob(const std::string& repository, const Digest& digest,
                               const std::string& from) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = Url(repository,
                    "blobs/uploads/?mount=" + digest.text() + "&from=" + net::PercentEncode(from));
  TRY(response, Send(std::move(request),
                     "repository:" + repository + ":pull,push repository:" + from + ":pull"));
  if (response.status == 201) return true;
  // The registry opened an upload instead; it is not needed.
  auto location = Resolve(response);
  if (location) {
    CancelUpload({.repository = repository, .location = std::move(*location), .offset = 0});
  }
  return false;
}

Result<void> Client::UploadBlob(const std::string& repository, const Digest& digest,
                                uint64_t size_bytes, const ContentReader& reader,
                                const UploadOptions& options) {
  if (size_bytes <= options.monolithic_bytes) {
    return UploadWhole(repository, digest, size_bytes, reader, options);
  }
  return UploadInSession(repository, digest, size_bytes, reader, options);
}

Result<void> Client::UploadWhole(const std::string& repository, const Digest& digest,
                                 uint64_t size_bytes, const ContentReader& reader,
                                 const UploadOptions& options) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = Url(repository, "blobs/uploads/?digest=" + digest.text());
  request.headers.emplace_back("Content-Type", kOctets);
  request.body.resize(size_bytes);
  for (uint64_t done = 0; done < size_bytes;) {
    TRY(count, reader(done, request.body.data() + done, size_bytes - done));
    if (count == 0) return WrongLength(done, size_bytes);
    done += count;
  }
  const std::string scope = "repository:" + repository + ":pull,push";
  for (Attempts attempts(options_.retry_pause);;) {
    auto response = Send(request, scope);
    if (response && response->status == 201) {
      if (options.progress) options.progress(size_bytes);
      return {};
    }
    // 202: this registry wants the content in a session.
    if (response) return UploadInSession(repository, digest, size_bytes, reader, options);
    if (!IsPassing(response.error()) || !attempts.Again(0)) return response.error();
  }
}

Result<Client::UploadSession> Client::StartUpload(const std::string& repository) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = Url(repository, "blobs/uploads/");
  TRY(response, Send(std::move(request), "repository:" + repository + ":pull,push"));
  TRY(location, Resolve(response));
  return UploadSession{.repository = repository, .location = std::move(location), .offset = 0};
}

void Client::CancelUpload(const UploadSession& session) {
  net::ClientRequest request;
  request.method = "DELETE";
  request.url = session.location;
  const auto ignored = Send(std::move(request), "repository:" + session.repository + ":pull,push");
  static_cast<void>(ignored);
}

Result<void> Client::AppendRest(UploadSession& session, uint64_t size_bytes,
                                const ContentReader& reader, const UploadOptions& options) {
  if (session.offset == size_bytes) return {};
  net::ClientRequest request;
  request.method = "PATCH";
  request.url = session.location;
  request.headers.emplace_back("Content-Type", kOctets);
  if (session.offset > 0) {
    request.headers.emplace_back(
        "Content-Range", std::to_string(session.offset) + "-" + std::to_string(size_bytes - 1));
  }
  request.upload = BodyFrom(reader, session.offset, size_bytes, options.progress);
  request.upload_size = size_bytes - session.offset;
  TRY(response, Send(std::move(request), "repository:" + session.repository + ":pull,push"));
  if (response.Header("Location")) {
    TRY(location, Resolve(response));
    session.location = std::move(location);
  }
  session.offset = size_bytes;
  return {};
}

Result<void> Client::RefreshOffset(UploadSession& session) {
  net::ClientRequest request;
  request.url = session.location;
  TRY(response, Send(std::move(request), "repository:" + session.repository + ":pull,push"));
  session.offset = BytesInRange(response.Header("Range").value_or(""));
  if (response.Header("Location")) {
    TRY(location, Resolve(response));
    session.location = std::move(location);
  }
  return {};
}

Result<Client::UploadSession> Client::ResumeUpload(const std::string& repository,
                                                   uint64_t size_bytes,
                                                   const std::optional<UploadNote>& note) {
  if (note && !note->location().empty()) {
    UploadSession session{
        .repository = repository, .location = note->location(), .offset = 0, .is_resumed = true};
    if (RefreshOffset(session) && session.offset <= size_bytes) return session;
  }
  return StartUpload(repository);
}

Result<void> Client::FinishUpload(UploadSession& session, const Digest& digest, uint64_t size_bytes,
                                  const ContentReader& reader, const UploadOptions& options) {
  TRY_VOID(AppendRest(session, size_bytes, reader, options));
  net::ClientRequest request;
  request.method = "PUT";
  request.url = WithDigest(session.location, digest);
  auto response = Send(std::move(request), "repository:" + session.repository + ":pull,push");
  if (response) return {};
  // The answer to a PUT may be lost after it took effect.
  if (IsPassing(response.error())) {
    const auto there = HeadBlob(session.repository, digest);
    if (there && *there == size_bytes) return {};
  }
  return response.error();
}

Result<void> Client::UploadInSession(const std::string& repository, const Digest& digest,
                                     uint64_t size_bytes, const ContentReader& reader,
                                     const UploadOptions& options) {
  std::optional<UploadNote> note;
  if (options.notes != nullptr) note = options.notes->Open(Url(repository, digest.text()));
  TRY(session, ResumeUpload(repository, size_bytes, note));
  for (Attempts attempts(options_.retry_pause);;) {
    if (note) note->Write(session.location);
    const Result<void> done = FinishUpload(session, digest, size_bytes, reader, options);
    if (done) {
      if (note) note->Forget();
      return {};
    }
    // What another program sent may be something else than it said.
    const bool was_wrong = session.is_resumed && done.error().code() == Code::kInvalidArgument;
    const bool is_lost = done.error().code() == Code::kOutOfRange || was_wrong;
    const bool is_passing = IsPassing(done.error());
    if (!(is_lost || is_passing) || !attempts.Again(session.offset)) {
      // Somebody goes on with it, or it is not to lie about until it expires.
      const bool is_kept = note && (is_passing || done.error().code() == Code::kCancelled);
      if (!is_kept) CancelUpload(session);
      if (!is_kept && note) note->Forget();
      return done.error();
    }
    if (was_wrong) CancelUpload(session);
    // A session that the registry no longer knows, or whose end it disputes, begins anew.
    if (is_lost || !RefreshOffset(session) || session.offset > size_bytes) {
      TRY(fresh, StartUpload(repository));
      session = std::move(fresh);
    }
  }
}

Result<void> Client::DownloadBlob(const std::string& repository, const Digest& digest,
                                  uint64_t size_bytes, uint64_t offset, const ContentWriter& writer,
                                  std::optional<Hasher> hasher) {
  uint64_t at = offset;
  for (Attempts attempts(options_.retry_pause); at < size_bytes;) {
    uint64_t skip = 0;
    net::ClientRequest request;
    request.url = Url(repository, "blobs/" + digest.text());
    if (at > 0) request.headers.emplace_back("Range", "bytes=" + std::to_string(at) + "-");
    request.on_head = [&](const net::ClientResponse& head) -> Result<void> {
      if (head.status == 200) skip = at;  // the registry has no ranges: it begins at 0
      return {};
    };
    request.download = [&](std::string_view piece) -> Result<void> {
      const size_t skipped = std::min<uint64_t>(skip, piece.size());
      skip -= skipped;
      piece.remove_prefix(skipped);
      if (piece.size() > size_bytes - at) return WrongLength(at + piece.size(), size_bytes);
      TRY_VOID(writer(piece));
      if (hasher) hasher->Update(piece);
      at += piece.size();
      return {};
    };
    auto response = SendFollowing(std::move(request), "repository:" + repository + ":pull");
    if (!response && !IsPassing(response.error())) return response.error();
    if (at < size_bytes && !attempts.Again(at)) {
      return response ? WrongLength(at, size_bytes) : response.error();
    }
  }
  if (!hasher || hasher->Finish() == digest) return {};
  return DataLoss("DIGEST_MISMATCH", "the bytes of " + digest.text() +
                                         " have another digest; the registry's copy is damaged.");
}

}  // namespace slipway::oci
