#include <nlohmann/json.hpp>

#include "async/deadline.h"
#include "base/json.h"
#include "base/log.h"
#include "klever/core.h"
#include "klever/download/model_zip.h"
#include "klever/limits.h"
#include "klever/ormb_metadata.h"
#include "model/ormb/ormb_file.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;

// What is read at once for checksums, before others get their turn on the pool.
constexpr uint64_t kMeasuredTogether = 16 << 20;

Task<void> Stream(std::shared_ptr<ModelZip> zip, BlockingPool& pool, std::string what,
                  net::StreamWriter& writer) {
  std::string piece(kPieceBytes, '\0');
  while (true) {
    const Result<size_t> count =
        co_await pool.Run([&] { return zip->Read(piece.data(), piece.size()); });
    if (!count) {
      LogError("a download was cut off", {{"model", what}, {"error", count.error()}});
      writer.Abort();
      co_return;
    }
    if (*count == 0) co_return;
    if (!co_await writer.Write({piece.data(), *count})) co_return;
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

Task<Result<std::shared_ptr<ModelZip>>> MakeZip(Core& core, const StoredManifest& stored) {
  CO_TRY(config,
         co_await core.pool().Run([&] { return ReadConfig(*core.content, stored.manifest); }));
  CO_TRY(ormb, co_await OrmbMetadataOf(core, stored, config));
  auto zip =
      std::make_shared<ModelZip>(*core.content, stored.manifest, config, TopOf(stored.repository),
                                 model::WriteOrmbFile(model::FromOrmb(ormb)));
  while (true) {
    CO_TRY(known, co_await core.pool().Run([&] { return zip->Measure(kMeasuredTogether); }));
    if (known) co_return zip;
    if (co_await IsCancelled())
      co_return Error(Code::kCancelled, "CLIENT_GONE", "the client left.");
  }
}

Task<Result<HttpResponse>> Download(Core& core, const HttpRequest& request,
                                    const VersionName& name) {
  CO_TRY(stored, co_await FindManifest(core, name.repository, name.version));
  CO_TRY(zip, co_await MakeZip(core, stored));
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.headers = {{"Content-Disposition",
                       "attachment; filename=\"" + FileNameOf(request.Parameter("version")) + "\""},
                      {"Docker-Content-Digest", stored.digest.text()}};
  response.declared_length = zip->size_bytes();
  // The router's owner stops all connections before this module goes.
  response.body = [zip, &core, what = stored.repository + "@" + stored.digest.text()](
                      net::StreamWriter& writer) { return Stream(zip, core.pool(), what, writer); };
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
  constexpr net::Access kRead = net::Access::kViewer;
  return {
      KleverRoute(core, net::Method::kGet, path, kRead, GetDownload,
                  "Gives a version of a model as a zip"),
      KleverRoute(core, net::Method::kPost, path, kRead, PostDownload,
                  "The same, as Klever's clients ask for it"),
  };
}

}  // namespace slipway::klever
