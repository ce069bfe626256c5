#include <algorithm>

#include <nlohmann/json.hpp>

#include "async/deadline.h"
#include "base/json.h"
#include "base/log.h"
#include "klever/core.h"
#include "klever/download/model_zip.h"
#include "klever/error_response.h"
#include "klever/limits.h"
#include "klever/ormb_metadata.h"
#include "model/ormb/ormb_file.h"
#include "net/byte_range.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;

struct Order {
  std::shared_ptr<ModelZip> zip;
  std::string what;  // for the log
  net::ByteRange range{.first = 0, .last = UINT64_MAX - 1};
};

// The rest of the range, of which `piece` is the beginning.
Task<void> Stream(std::shared_ptr<const Order> order, std::string piece, BlockingPool& pool,
                  net::StreamWriter& writer) {
  uint64_t left = order->range.size_bytes() - piece.size();
  size_t count = piece.size();
  while (count > 0) {
    if (!co_await writer.Write({piece.data(), count})) co_return;
    piece.resize(static_cast<size_t>(std::min<uint64_t>(left, kPieceBytes)));
    const Result<size_t> read =
        co_await pool.Run([&] { return order->zip->Read(piece.data(), piece.size()); });
    if (!read) {
      LogError("a download was cut off", {{"model", order->what}, {"error", read.error()}});
      writer.Abort();
      co_return;
    }
    count = *read;
    left -= count;
  }
}

// The last part of a model's name: the folder in the zip.
std::string TopOf(const std::string& repository) {
  return repository.substr(repository.rfind('/') + 1);
}

std::string FileNameOf(const std::string& version) {
  std::string name = version;
  for (char& c : name) {
    if (c == ':') c = '-';
  }
  return name + ".zip";
}

// Equal for equal bytes only: of all that they are made of, and of how.
std::string EntityTagOf(const StoredManifest& stored, const ZipContent& content) {
  const std::string text =
      "slipway/zip/2\n" + stored.digest.text() + "\n" + content.top + "\n" + content.ormb_file;
  return "\"" + std::string(Digest::Of(text).hex()) + "\"";
}

Task<Result<ZipContent>> ContentOf(Core& core, const StoredManifest& stored) {
  CO_TRY(config,
         co_await core.pool().Run([&] { return ReadConfig(*core.content, stored.manifest); }));
  CO_TRY(ormb, co_await OrmbMetadataOf(core, stored, config));
  co_return ZipContent{.manifest = stored.manifest,
                       .config = std::move(config),
                       .top = TopOf(stored.repository),
                       .ormb_file = model::WriteOrmbFile(model::FromOrmb(ormb))};
}

Task<Result<void>> CheckClient() {
  if (!co_await IsCancelled()) co_return Result<void>();
  co_return Error(Code::kCancelled, "CLIENT_GONE", "the client left.");
}

// The range that is asked for. Of a zip whose size is not known it is measured first.
Task<Result<net::RangeAnswer>> RangeOf(Core& core, const HttpRequest& request,
                                       const std::string& entity_tag, ModelZip& zip) {
  constexpr auto kWhole = net::RangeVerdict::kWhole;
  if (net::RangeOf(request, entity_tag, UINT64_MAX).verdict == kWhole) co_return net::RangeAnswer();
  while (true) {
    CO_TRY(known, co_await core.pool().Run([&] { return zip.Measure(kReadTogether); }));
    if (known) break;
    CO_TRY_VOID(co_await CheckClient());
  }
  co_return net::RangeOf(request, entity_tag, *zip.size_bytes());
}

Task<Result<void>> SkipTo(Core& core, uint64_t count, ModelZip& zip) {
  while (count > 0) {
    CO_TRY(left, co_await core.pool().Run([&] { return zip.Skip(count, kReadTogether); }));
    count = left;
    CO_TRY_VOID(co_await CheckClient());
  }
  co_return Result<void>();
}

HttpResponse NotSatisfiable(const HttpRequest& request, uint64_t size_bytes) {
  const Error error(Code::kOutOfRange, "DOWNLOAD_RANGE",
                    "the range lies outside of the zip's " + std::to_string(size_bytes) + " bytes.",
                    {{"field", "Range"}});
  HttpResponse response = KleverErrorResponse(request, error);
  response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size_bytes));
  return response;
}

// The first piece is read before the answer, so that what is wrong with it can be said.
Task<Result<void>> SetBody(Core& core, std::shared_ptr<Order> order, HttpResponse& response) {
  std::string piece(static_cast<size_t>(std::min<uint64_t>(order->range.size_bytes(), kPieceBytes)),
                    '\0');
  CO_TRY(count,
         co_await core.pool().Run([&] { return order->zip->Read(piece.data(), piece.size()); }));
  if (count < piece.size() || count == order->range.size_bytes()) {
    piece.resize(count);
    response.body = std::move(piece);
    co_return Result<void>();
  }
  if (order->zip->size_bytes()) response.declared_length = order->range.size_bytes();
  // The router's owner stops all connections before this module goes.
  response.body = [order, piece = std::move(piece), &core](net::StreamWriter& writer) mutable {
    return Stream(order, std::move(piece), core.pool(), writer);
  };
  co_return Result<void>();
}

Task<Result<HttpResponse>> Download(Core& core, const HttpRequest& request,
                                    const VersionName& name) {
  CO_TRY(stored, co_await FindManifest(core, name.repository, name.version));
  CO_TRY(content, co_await ContentOf(core, stored));
  const std::string entity_tag = EntityTagOf(stored, content);
  CO_TRY(opened, co_await core.pool().Run([&] {
    return ModelZip::Open(*core.content, core.layer_sums, std::move(content));
  }));
  auto order = std::make_shared<Order>();
  order->zip = std::move(opened);
  order->what = stored.repository + "@" + stored.digest.text();
  CO_TRY(answer, co_await RangeOf(core, request, entity_tag, *order->zip));
  const std::optional<uint64_t>& size_bytes = order->zip->size_bytes();
  if (answer.verdict == net::RangeVerdict::kNotSatisfiable) {
    co_return NotSatisfiable(request, *size_bytes);
  }
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.headers = {{"Content-Disposition",
                       "attachment; filename=\"" + FileNameOf(request.Parameter("version")) + "\""},
                      {"Docker-Content-Digest", stored.digest.text()},
                      {"Accept-Ranges", "bytes"},
                      {"ETag", entity_tag}};
  if (size_bytes) order->range.last = *size_bytes - 1;
  if (answer.verdict == net::RangeVerdict::kPartial) {
    order->range = answer.range;
    net::SetPartial(answer.range, *size_bytes, response);
    CO_TRY_VOID(co_await SkipTo(core, answer.range.first, *order->zip));
  }
  CO_TRY_VOID(co_await SetBody(core, std::move(order), response));
  co_return response;
}

Result<VersionName> VersionOf(const HttpRequest& request) {
  return VersionNameOf(request.Parameter("project"), request.Parameter("model"),
                       request.Parameter("version"));
}

Task<Result<HttpResponse>> GetDownload(Core& core, HttpRequest& request) {
  CO_TRY(name, VersionOf(request));
  co_return co_await Download(core, request, name);
}

// Klever's clients send the model once more; what counts is the path.
Task<Result<HttpResponse>> PostDownload(Core& core, HttpRequest& request) {
  CO_TRY(name, VersionOf(request));
  CO_TRY(body, co_await request.body->ReadAll(kMaxBodyBytes));
  if (!body.empty()) CO_TRY_VOID(ParseJson(body));
  co_return co_await Download(core, request, name);
}

}  // namespace

std::vector<net::Route> DownloadRoutes(const std::shared_ptr<Core>& core) {
  const std::string path =
      "/api/v1alpha1/projects/{project}/models/{model}/versions/{version}/download";
  // As the registry gives the same bytes: also to anybody, if the project says so.
  constexpr net::Access kRead = net::Access::kRegistryPull;
  return {
      KleverRoute(core, net::Method::kGet, path, kRead, GetDownload,
                  "Gives a version of a model as a zip"),
      KleverRoute(core, net::Method::kPost, path, kRead, PostDownload,
                  "The same, as Klever's clients ask for it"),
  };
}

}  // namespace slipway::klever
