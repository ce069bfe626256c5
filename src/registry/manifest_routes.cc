#include <algorithm>

#include "base/crash_point.h"
#include "net/precondition.h"
#include "oci/reference.h"
#include "registry/body.h"
#include "registry/core.h"
#include "registry/limits.h"
#include "registry/lookup.h"

namespace slipway::registry {
namespace {

using net::HttpRequest;
using net::HttpResponse;

Result<Selector> SelectorOf(const HttpRequest& request) {
  const std::string& text = request.Parameter("reference");
  if (text.find(':') != std::string::npos) {
    TRY(digest, Digest::Parse(text));
    return Selector{.digest = std::move(digest), .tag = ""};
  }
  TRY_VOID(oci::CheckTag(text));
  return Selector{.digest = std::nullopt, .tag = text};
}

Task<Result<std::unique_ptr<File>>> OpenManifest(Core& core, const HttpRequest& request,
                                                 const FoundManifest& found) {
  auto file = co_await core.pool().Run([&core, &found] {
    return OpenWhole(core.objects(), found.row.object, found.row.size_bytes);
  });
  if (file || file.error().code() != Code::kNotFound) co_return file;
  co_return LostManifest(request.Parameter("name"), found.digest);
}

// GET and HEAD. The stored type is served whatever Accept says: clients survive a type that they
// did not list better than a 404 for a manifest that is there.
Task<Result<HttpResponse>> GetManifest(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(selector, SelectorOf(request));
  std::shared_ptr<const FoundManifest> found;
  // What was read before damage was found may be damaged.
  if (!core.damage.any()) found = core.reads.RecentManifest(repository, selector);
  if (!found) {
    CO_TRY(read, co_await core.reads.ReadManifest(repository, selector));
    found = std::move(read);
  }
  const bool has_already = net::HasAlready(request, found->digest.text());
  HttpResponse response = has_already ? net::NotModified() : HttpResponse();
  response.written_headers = {found, &found->headers};
  if (has_already) {
    response.declared_length = found->row.size_bytes;
    co_return response;
  }
  std::unique_ptr<File> file;
  if (!found->inline_bytes) {
    CO_TRY(opened, co_await OpenManifest(core, request, *found));
    file = std::move(opened);
  }
  if (request.method == net::Method::kHead) {
    response.declared_length = found->row.size_bytes;
  } else if (found->inline_bytes) {
    response.body = *found->inline_bytes;
  } else {
    response.body = net::FileBody{.file = std::shared_ptr<File>(std::move(file)),
                                  .offset = 0,
                                  .size_bytes = found->row.size_bytes};
  }
  co_return response;
}

// The tags that a PUT sets: the one in its path, or those in `?tag=` beside a digest.
Result<std::vector<std::string>> TagsOf(const HttpRequest& request, const Selector& selector) {
  if (!selector.digest) return std::vector<std::string>{selector.tag};
  std::vector<std::string> tags = request.QueryAll("tag");
  if (tags.size() > kMaxTagsPerPut) {
    return InvalidArgument(
        "TAG_INVALID", "at most " + std::to_string(kMaxTagsPerPut) + " tags can be set at once.");
  }
  for (const std::string& tag : tags) TRY_VOID(oci::CheckTag(tag));
  return tags;
}

// Parses and keeps the bytes: blocking where they are too large for the database. `pass` is then
// held until the rows are committed.
Result<ManifestPush> Prepare(Core& core, const HttpRequest& request, const std::string& repository,
                             const Selector& selector, std::string body, ObjectGate::Pass& pass) {
  TRY(tags, TagsOf(request, selector));
  const Digest sha256 = Digest::Of(body);
  Digest digest = sha256;
  if (selector.digest && selector.digest->algorithm() != DigestAlgorithm::kSha256) {
    digest = Digest::Of(body, selector.digest->algorithm());
  }
  if (selector.digest && *selector.digest != digest) {
    return InvalidArgument("DIGEST_INVALID", "the manifest has the digest " + digest.text() +
                                                 ", not " + selector.digest->text() + ".");
  }
  const auto content_type = request.Header("Content-Type");
  TRY(manifest,
      oci::ParseManifest(body, oci::MediaTypeWithoutParameters(content_type.value_or(""))));
  TRY(lost, FindLost(core.meta(), core.objects(), repository, manifest));
  VerifiedContent content{
      .object = sha256, .size_bytes = body.size(), .inline_bytes = std::nullopt};
  if (body.size() <= kMaxInlineBytes) {
    RemoveDamagedFile(core, sha256);
    content.inline_bytes = std::move(body);
  } else {
    TRY_VOID(store::PutObject(core.objects(), body, [&](const Digest& object) {
      const store::Publication publication = EnterToPublish(core, object, pass);
      content.replaced = publication == store::Publication::kReplace;
      return publication;
    }));
  }
  return ManifestPush{.content = std::move(content),
                      .digest = std::move(digest),
                      .manifest = std::move(manifest),
                      .tags = std::move(tags),
                      .lost = std::move(lost)};
}

HttpResponse PutResponse(const HttpRequest& request, const ManifestPush& push) {
  HttpResponse response = HttpResponse::Empty(201);
  response.headers = {{"Location", PathOf(request, "manifests/" + push.digest.text())},
                      {"Docker-Content-Digest", push.digest.text()}};
  if (push.manifest.subject) {
    response.headers.emplace_back("OCI-Subject", push.manifest.subject->digest.text());
  }
  for (const std::string& tag : request.QueryAll("tag")) {
    if (std::ranges::find(push.tags, tag) != push.tags.end()) {
      response.headers.emplace_back("OCI-Tag", tag);
    }
  }
  return response;
}

Task<Result<HttpResponse>> PutManifest(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(selector, SelectorOf(request));
  FairBudget::OfProject budget(core.manifests, std::string(oci::ProjectOf(repository)));
  BudgetShare share(budget);
  CO_TRY(body, co_await ReadManifest(*request.body, core.options.max_manifest_bytes, share,
                                     *core.options.clock));
  ObjectGate::Pass pass;
  CO_TRY(push, co_await core.pool().Run([&] {
    return Prepare(core, request, repository, selector, std::move(body), pass);
  }));
  CRASH_POINT("registry.manifest_stored");
  CO_TRY_VOID(co_await PushManifest(
      core, request.context, repository, push, nullptr,
      [&push](RepositoryWriter& writer) { return writer.PutManifest(push); }));
  CRASH_POINT("registry.manifest_committed");
  co_await CountDamage(core);
  co_return PutResponse(request, push);
}

Task<Result<HttpResponse>> DeleteManifest(Core& core, HttpRequest& request) {
  CO_TRY(repository, RepositoryOf(request));
  CO_TRY(selector, SelectorOf(request));
  CO_TRY_VOID(co_await Change(core, request, repository, [&](RepositoryWriter& writer) {
    return selector.digest ? writer.DeleteManifest(*selector.digest, core.options.check_unused)
                           : writer.DeleteTag(selector.tag);
  }));
  co_return HttpResponse::Empty(202);
}

}  // namespace

std::vector<net::Route> ManifestRoutes(const std::shared_ptr<Core>& core) {
  constexpr std::string_view kPath = "/v2/{name+}/manifests/{reference}";
  return {
      MakeRoute(core, net::Method::kGet, kPath, net::Access::kRegistryPull, GetManifest,
                "Gives a manifest as it was pushed, by tag or digest."),
      MakeRoute(core, net::Method::kHead, kPath, net::Access::kRegistryPull, GetManifest,
                "Says whether there is such a manifest, and its digest."),
      MakeRoute(core, net::Method::kPut, kPath, net::Access::kRegistryPush, PutManifest,
                "Takes a manifest and sets tags."),
      MakeRoute(core, net::Method::kDelete, kPath, net::Access::kRegistryDelete, DeleteManifest,
                "Deletes a tag, or a manifest with all its tags."),
  };
}

}  // namespace slipway::registry
