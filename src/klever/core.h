// What all handlers of this module share. For the .cc files of this module.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/blocking_pool.h"
#include "klever/download/layer_sums.h"
#include "klever/klever.h"
#include "klever/limits.h"
#include "klever/upload/upload_desk.h"
#include "net/router.h"
#include "oci/content_source.h"
#include "oci/manifest.h"

namespace slipway::klever {

struct Core {
  Core(KleverOptions from, std::unique_ptr<oci::ContentSource> bytes)
      : options(std::move(from)),
        uploads(*options.files, *options.random, options.folder, options.reserve),
        content(std::move(bytes)),
        layer_sums(kMaxLayerSumsBytes),
        packing(kPackedTogether),
        listing(kListedTogether) {}

  KleverOptions options;
  UploadDesk uploads;
  std::unique_ptr<oci::ContentSource> content;
  LayerSums layer_sums;
  // Zips are unpacked and packed here, a few at a time, so that they never hold all threads of the
  // shared pool.
  BlockingPool packing;
  BlockingPool listing;

  store::MetaStore& meta() { return options.resources->meta(); }
  BlockingPool& pool() { return *options.pool; }

  // As meta().Read, for reads that may look at kMaxListed rows: few of them at once.
  Task<Result<void>> ReadList(std::function<Result<void>(const store::Snapshot&)> read) {
    return listing.Run([this, read = std::move(read)] { return meta().ReadNow(read); });
  }
};

// One route's work. Errors become answers in one place for each of the two protocols.
using CoreHandler = Task<Result<net::HttpResponse>> (*)(Core& core, net::HttpRequest& request);
net::Route KleverRoute(const std::shared_ptr<Core>& core, net::Method method, std::string pattern,
                       net::Access access, CoreHandler handler, std::string summary);
net::Route HarborRoute(const std::shared_ptr<Core>& core, net::Method method, std::string pattern,
                       net::Access access, CoreHandler handler, std::string summary);

// A version of a model: what the path of a route names.
struct VersionName {
  std::string repository;  // canonical
  std::string version;     // a tag, or a digest where a version is read
};
// Of {project}, {model} and {version}; a model's name may have slashes, written as %2F.
// INVALID_ARGUMENT / NAME_INVALID, TAG_INVALID, DIGEST_INVALID.
Result<VersionName> VersionNameOf(std::string_view project, std::string_view model,
                                  std::string_view version);

// A manifest that is there.
struct StoredManifest {
  std::string repository;
  Digest digest;
  std::string bytes;
  oci::Manifest manifest;
};
// By tag or digest. NOT_FOUND / MANIFEST_UNKNOWN.
Task<Result<StoredManifest>> FindManifest(Core& core, std::string repository, std::string version);

std::vector<net::Route> UploadRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> DownloadRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> ComparisonRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> HarborSystemRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> HarborProjectRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> HarborRepositoryRoutes(const std::shared_ptr<Core>& core);
std::vector<net::Route> HarborArtifactRoutes(const std::shared_ptr<Core>& core);

}  // namespace slipway::klever
