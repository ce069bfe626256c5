#include "net/byte_range.h"
#include "net/precondition.h"
#include "oci/reference.h"
#include "registry/core.h"
#include "registry/error_response.h"
#include "registry/lookup.h"
#include "trust/access.h"

namespace slipway::registry {
namespace {

using net::HttpRequest;
using net::HttpResponse;

// Of somebody who may push: what he is told is there stays a while. True if it may have been
// removed since `removals` was taken.
bool HoldForPusher(Core& core, const HttpRequest& request, const std::string& repository,
                   const Digest& digest, uint64_t removals) {
  const bool may_push = trust::CheckAccess(net::Access::kRegistryPush, request.context.identity,
                                           oci::ProjectOf(repository), true)
                            .has_value();
  return may_push && core.holds.Hold(repository, digest, removals);
}

// What a GET or HEAD asks for, and what was read of it lately.
struct AskedBlob {
  std::string repository;
  Digest digest;
  std::shared_ptr<const FoundBlob> found;
  bool may_be_removed = false;
};

// At once: most requests are for what was read before, and need no task of their own for it.
Result<AskedBlob> AskedBlobOf(Core& core, const HttpRequest& request) {
  TRY(digest, Digest::Parse(request.Parameter("digest")));
  TRY(repository, RepositoryOf(request));
  AskedBlob asked{.repository = std::move(repository), .digest = std::move(digest)};
  const uint64_t removals = core.holds.removals();
  // What was read before damage was found may be damaged.
  if (!core.damage.any()) asked.found = core.reads.RecentBlob(asked.repository, asked.digest);
  if (asked.found && HoldForPusher(core, request, asked.repository, asked.digest, removals)) {
    asked.found.reset();
    asked.may_be_removed = true;
  }
  return asked;
}

Task<Result<void>> FindBlob(Core& core, const HttpRequest& request, AskedBlob& asked) {
  if (!asked.may_be_removed) {
    const uint64_t removals = core.holds.removals();
    CO_TRY(found, co_await core.reads.ReadBlob(asked.repository, asked.digest));
    asked.found = std::move(found);
    asked.may_be_removed = HoldForPusher(core, request, asked.repository, asked.digest, removals);
  }
  if (!asked.may_be_removed) co_return Result<void>();
  // It is held by now: what stands behind the transactions that wait is the answer.
  CO_TRY_VOID(co_await core.meta().Mutate(request.context,
                                          [](store::Transaction&) -> Result<void> { return {}; }));
  CO_TRY(found, co_await core.reads.ReadBlob(asked.repository, asked.digest));
  asked.found = std::move(found);
  co_return Result<void>();
}

bool IsFileSeen(Core& core, const FoundBlob& found) {
  return found.inline_bytes || found.file_seen.IsRecent(core.options.clock->Steady());
}

// Of bytes that are a file: what GET would not give, HEAD does not promise. One look answers many
// requests.
Task<Result<void>> CheckFile(Core& core, const HttpRequest& request, const AskedBlob& asked) {
  const FoundBlob& found = *asked.found;
  const SteadyTime now = core.options.clock->Steady();
  CO_TRY(there, co_await core.pool().Run([&core, &found] {
    return HasFile(core.objects(), found.row.object, found.row.size_bytes);
  }));
  if (!there) co_return LostBlob(request.Parameter("name"), asked.digest);
  found.file_seen.Note(now);
  co_return Result<void>();
}

HttpResponse BlobResponse(const std::shared_ptr<const FoundBlob>& found) {
  HttpResponse response;
  response.written_headers = {found, &found->headers};
  return response;
}

// 304, where the client has it; headers are those of the 200.
std::optional<HttpResponse> Unmodified(const HttpRequest& request, const AskedBlob& asked) {
  if (!net::HasAlready(request, asked.digest.text())) return std::nullopt;
  HttpResponse response = net::NotModified();
  response.declared_length = asked.found->row.size_bytes;
  response.written_headers = {asked.found, &asked.found->headers};
  return response;
}

Task<Result<HttpResponse>> HeadBlob(Core& core, HttpRequest& request) {
  CO_TRY(asked, AskedBlobOf(core, request));
  if (!asked.found) CO_TRY_VOID(co_await FindBlob(core, request, asked));
  if (!IsFileSeen(core, *asked.found)) CO_TRY_VOID(co_await CheckFile(core, request, asked));
  if (auto unmodified = Unmodified(request, asked)) co_return *std::move(unmodified);
  HttpResponse response = BlobResponse(asked.found);
  response.declared_length = asked.found->row.size_bytes;
  co_return response;
}

HttpResponse NotSatisfiable(const HttpRequest& request, uint64_t size_bytes) {
  HttpResponse response = ErrorResponse(request, Error(Code::kOutOfRange, "BLOB_RANGE",
                                                       "the range lies outside of the blob's " +
                                                           std::to_string(size_bytes) + " bytes."));
  response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size_bytes));
  return response;
}

Task<Result<HttpResponse>> GetBlob(Core& core, HttpRequest& request) {
  CO_TRY(asked, AskedBlobOf(core, request));
  if (!asked.found) CO_TRY_VOID(co_await FindBlob(core, request, asked));
  if (auto unmodified = Unmodified(request, asked)) co_return *std::move(unmodified);
  const Digest& digest = asked.digest;
  const std::shared_ptr<const FoundBlob>& found = asked.found;
  const uint64_t size_bytes = found->row.size_bytes;
  const net::RangeAnswer answer = net::RangeOf(request, EntityTag(digest), size_bytes);
  if (answer.verdict == net::RangeVerdict::kNotSatisfiable) {
    co_return NotSatisfiable(request, size_bytes);
  }
  const bool partial = answer.verdict == net::RangeVerdict::kPartial;
  const uint64_t offset = partial ? answer.range.first : 0;
  const uint64_t count = partial ? answer.range.size_bytes() : size_bytes;
  HttpResponse response = BlobResponse(found);
  if (partial) net::SetPartial(answer.range, size_bytes, response);
  if (found->inline_bytes) {
    response.body = found->inline_bytes->substr(offset, count);
    co_return response;
  }
  auto file = co_await core.pool().Run([&core, &found] {
    return OpenWhole(core.objects(), found->row.object, found->row.size_bytes);
  });
  if (!file && file.error().code() == Code::kNotFound) {
    co_return LostBlob(request.Parameter("name"), digest);
  }
  if (!file) co_return file.error();
  response.body = net::FileBody{
      .file = std::shared_ptr<File>(std::move(*file)), .offset = offset, .size_bytes = count};
  co_return response;
}

Task<Result<HttpResponse>> DeleteBlob(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(digest, Digest::Parse(request.Parameter("digest")));
  CO_TRY_VOID(co_await Change(core, request, repository, [&digest](RepositoryWriter& writer) {
    return writer.DeleteBlob(digest);
  }));
  co_return HttpResponse::Empty(202);
}

}  // namespace

std::vector<net::Route> BlobRoutes(const std::shared_ptr<Core>& core) {
  constexpr std::string_view kPath = "/v2/{name+}/blobs/{digest}";
  return {
      MakeRoute(core, net::Method::kGet, kPath, net::Access::kRegistryPull, GetBlob,
                "Gives a blob, or a range of it."),
      MakeRoute(core, net::Method::kHead, kPath, net::Access::kRegistryPull, HeadBlob,
                "Says whether the repository has a blob, and its size."),
      MakeRoute(core, net::Method::kDelete, kPath, net::Access::kRegistryDelete, DeleteBlob,
                "Takes a blob out of the repository."),
  };
}

}  // namespace slipway::registry
