#include "resource/api/objects.h"

#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "net/query.h"
#include "resource/api/limits.h"
#include "resource/api/merge_patch.h"
#include "resource/api/request_body.h"
#include "resource/api/watch_stream.h"
#include "resource/validation.h"

namespace slipway::resource {
namespace {

constexpr std::string_view kChangeHeader = "Slipway-Change";
constexpr std::string_view kFieldsHeader = "Slipway-Changed-Fields";

Result<uint64_t> ParseNumber(std::string_view text, std::string_view name) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument("QUERY_INVALID",
                           fmt::format("{}: a whole number is wanted, got {}", name, Quoted(text)))
        .With("field", std::string(name));
  }
  return number;
}

Result<uint64_t> NumberQuery(const net::HttpRequest& request, std::string_view name,
                             uint64_t otherwise) {
  const auto text = request.Query(name);
  return text ? ParseNumber(*text, name) : Result<uint64_t>(otherwise);
}

// Where a watch begins: after=VERSION, or where a browser's event source was cut off.
Result<uint64_t> WatchAfter(const net::HttpRequest& request) {
  const auto last_id = request.Header("Last-Event-ID");
  if (request.Query("after") || !last_id) return NumberQuery(request, "after", 0);
  return ParseNumber(*last_id, "Last-Event-ID");
}

// A page and a watch each take parameters that the other has no use for.
Result<void> CheckListQuery(const net::HttpRequest& request, bool watch) {
  constexpr std::string_view kOfPage[] = {"limit", "continue"};
  constexpr std::string_view kOfWatch[] = {"after", "epoch"};
  for (std::string_view name : watch ? kOfPage : kOfWatch) {
    if (!request.Query(name)) continue;
    return InvalidArgument("QUERY_INVALID", fmt::format("query parameter \"{}\": {}", name,
                                                        watch ? "a watch has no pages; leave it out"
                                                              : "goes with watch=1 only"))
        .With("field", std::string(name));
  }
  return {};
}

// The version that a write asks for, in its header, its body (0: not there) or both.
Result<std::optional<uint64_t>> AgreedVersion(std::optional<uint64_t> in_header, uint64_t in_body) {
  if (in_body == 0) return in_header;
  if (!in_header || *in_header == in_body) return std::optional<uint64_t>(in_body);
  return InvalidArgument("FIELD_RANGE", fmt::format("metadata.version: {} in the body, {} in "
                                                    "If-Match; leave one of them out",
                                                    in_body, *in_header))
      .With("field", "metadata.version");
}

net::HttpResponse AnswerOf(Result<net::HttpResponse> result) {
  return result.has_value() ? std::move(*result) : net::ProblemResponse(result.error());
}

}  // namespace

net::HttpResponse ResourceResponse(int status, const Resource& resource) {
  auto response = net::HttpResponse::Json(status, DumpJson(ToJson(resource)));
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", resource.metadata.version));
  return response;
}

std::string KindEndpoint::ProjectOf(const net::HttpRequest& request) const {
  if (kind_.global) return {};
  for (const auto& [name, value] : request.parameters) {
    if (name == "project") return value;
  }
  return {};
}

Key KindEndpoint::KeyOf(const net::HttpRequest& request) const {
  // A project's own name is the parameter by which the guard decides.
  const bool is_project = kind_.kind == "Project";
  return {std::string(kind_.kind), ProjectOf(request),
          request.Parameter(is_project ? "project" : "name")};
}

std::string KindEndpoint::PathOf(const Resource& resource) const {
  if (kind_.global) return fmt::format("/api/v1/{}/{}", kind_.plural, resource.metadata.name);
  return fmt::format("/api/v1/projects/{}/{}/{}", resource.metadata.project, kind_.plural,
                     resource.metadata.name);
}

Task<net::HttpResponse> KindEndpoint::List(net::HttpRequest& request) const {
  co_return AnswerOf(co_await TryList(request));
}

Task<Result<net::HttpResponse>> KindEndpoint::TryList(net::HttpRequest& request) const {
  const bool is_watch = net::IsSet(request, "watch");
  CO_TRY_VOID(CheckListQuery(request, is_watch));
  ListOptions options;
  options.label = request.Query("label").value_or("");
  options.where = request.Query("where").value_or("");
  options.continue_token = request.Query("continue").value_or("");
  CO_TRY(limit, NumberQuery(request, "limit", options.limit));
  options.limit = limit;
  if (is_watch) {
    CO_TRY(after, WatchAfter(request));
    CO_TRY(watch, store_.StartWatch(std::string(kind_.kind), ProjectOf(request), options, after,
                                    request.Query("epoch").value_or("")));
    trust::Recheck recheck = recheck_ ? recheck_(request) : [] { return Result<void>(); };
    co_return WatchResponse(std::move(watch), std::move(recheck));
  }
  CO_TRY(page, co_await store_.List(std::string(kind_.kind), ProjectOf(request), options));
  Json list = {{"apiVersion", kApiVersion},
               {"kind", fmt::format("{}List", kind_.kind)},
               {"metadata", {{"version", page.version}, {"epoch", store_.meta().epoch()}}},
               {"items", Json::array()}};
  if (!page.continue_token.empty()) list["metadata"]["continue"] = page.continue_token;
  if (!page.undecided.empty()) list["metadata"]["undecided"] = page.undecided;
  for (const Resource& resource : page.items) list["items"].push_back(ToJson(resource));
  co_return net::HttpResponse::Json(200, DumpJson(list));
}

Task<net::HttpResponse> KindEndpoint::Create(net::HttpRequest& request) const {
  co_return AnswerOf(co_await TryCreate(request));
}

Task<Result<net::HttpResponse>> KindEndpoint::TryCreate(net::HttpRequest& request) const {
  CO_TRY(body, co_await ReadBody(request));
  CO_TRY(wanted, ResourceFromUser(kind_, body, ProjectOf(request), {}));
  CO_TRY(made, co_await store_.Create(request.context, std::move(wanted)));
  auto response = ResourceResponse(201, made);
  response.headers.emplace_back("Location", PathOf(made));
  co_return response;
}

Task<net::HttpResponse> KindEndpoint::Get(net::HttpRequest& request) const {
  auto found = co_await store_.Get(KeyOf(request));
  co_return found.has_value() ? ResourceResponse(200, *found) : net::ProblemResponse(found.error());
}

Task<net::HttpResponse> KindEndpoint::GetStatus(net::HttpRequest& request) const {
  auto found = co_await store_.Get(KeyOf(request));
  if (!found.has_value()) co_return net::ProblemResponse(found.error());
  co_return net::HttpResponse::Json(200, DumpJson(found->status));
}

Task<net::HttpResponse> KindEndpoint::Put(net::HttpRequest& request) const {
  co_return AnswerOf(co_await TryPut(request));
}

Task<Result<net::HttpResponse>> KindEndpoint::TryPut(net::HttpRequest& request) const {
  const Key key = KeyOf(request);
  CO_TRY(if_version, IfMatch(request));
  CO_TRY(body, co_await ReadBody(request));
  CO_TRY(wanted, ResourceFromUser(kind_, body, key.project, key.name));
  const bool apply = net::IsSet(request, "apply");
  if (apply) {
    // What is applied is kept in files, which outlive versions and uids.
    wanted.metadata.version = 0;
    wanted.metadata.uid.clear();
  }
  co_return co_await Write(request.context, key, if_version, apply && !if_version,
                           [&wanted](ResourceTransaction&, const Resource*) { return wanted; });
}

// One transaction, so that what changed is this write's doing: a controller may write the status at
// any time, and another user the same object.
Task<Result<net::HttpResponse>> KindEndpoint::Write(CallContext context, Key key,
                                                    std::optional<uint64_t> if_version,
                                                    bool make_missing, Wish wish) const {
  std::optional<Resource> before;
  std::optional<Resource> after;
  CO_TRY_VOID(co_await store_.Transact(
      std::move(context), [&](ResourceTransaction& transaction) -> Result<void> {
        TRY(old, transaction.Find(key));
        TRY(wanted, wish(transaction, old ? &*old : nullptr));
        TRY(version, AgreedVersion(if_version, wanted.metadata.version));
        TRY(now, old || !make_missing ? store_.AdmitUpdate(transaction, wanted, version)
                                      : store_.AdmitCreate(transaction, wanted));
        before = std::move(old);
        after = std::move(now);
        return {};
      }));
  auto response = ResourceResponse(before ? 200 : 201, *after);
  if (!before) response.headers.emplace_back("Location", PathOf(*after));
  const bool changed = before && after->metadata.version != before->metadata.version;
  response.headers.emplace_back(kChangeHeader, !before   ? "created"
                                               : changed ? "configured"
                                                         : "unchanged");
  if (changed) {
    response.headers.emplace_back(
        kFieldsHeader,
        fmt::format("{}", fmt::join(ChangedFields(*before, *after, kMaxChangedFields), ", ")));
  }
  co_return response;
}

Task<net::HttpResponse> KindEndpoint::Patch(net::HttpRequest& request) const {
  co_return AnswerOf(co_await TryPatch(request));
}

Task<Result<net::HttpResponse>> KindEndpoint::TryPatch(net::HttpRequest& request) const {
  const Key key = KeyOf(request);
  CO_TRY(if_version, IfMatch(request));
  CO_TRY(patch, co_await ReadBody(request));
  co_return co_await Write(
      request.context, key, if_version, /*make_missing=*/false,
      [&](ResourceTransaction& transaction, const Resource* now) -> Result<Resource> {
        if (now == nullptr) return transaction.Get(key);  // the error
        return MergePatched(transaction, kind_, *now, patch);
      });
}

Task<net::HttpResponse> KindEndpoint::Delete(net::HttpRequest& request) const {
  co_return AnswerOf(co_await TryDelete(request));
}

Task<Result<net::HttpResponse>> KindEndpoint::TryDelete(net::HttpRequest& request) const {
  const Key key = KeyOf(request);
  CO_TRY(if_version, IfMatch(request));
  const Cascade cascade = net::IsSet(request, "cascade") ? Cascade::kYes : Cascade::kNo;
  CO_TRY_VOID(co_await store_.Delete(request.context, key, if_version, cascade));
  auto left = co_await store_.Get(key);
  // Finalizers hold it: the delete was accepted and will be finished by their owners.
  if (left.has_value()) co_return ResourceResponse(202, *left);
  co_return net::HttpResponse::Empty(204);
}

}  // namespace slipway::resource
