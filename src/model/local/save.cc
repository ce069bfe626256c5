#include "model/local/save.h"

#include <set>

#include "model/layer_content.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

oci::Descriptor DescriptorOf(const Digest& digest, uint64_t size_bytes, std::string_view type) {
  return {.media_type = std::string(type), .digest = digest, .size_bytes = size_bytes};
}

class Saver {
 public:
  Saver(LocalStore& store, LocalChange& change, FileSystem& files, const Progress& progress)
      : store_(store), change_(change), files_(files), progress_(progress) {}

  // Sizes are known before a layer is read. Where the store has content of that size, it may be the
  // same: then it is worth reading once before anything is written.
  Result<void> ReadLayer(Package& package, PackageLayer& layer) {
    if (sizes_.contains(PlannedBytes(package, layer))) {
      TRY_VOID(HashLayer(files_, package, layer, progress_));
      TRY(there, store_.Has(DescriptorOf(layer.digest, layer.size_bytes, layer.media_type)));
      if (there) return {};
    }
    TRY(content, change_.Create());
    TRY_VOID(HashLayer(files_, package, layer, progress_,
                       [&content](std::string_view bytes) { return content.Append(bytes); }));
    return change_.Keep(std::move(content), layer.digest);
  }

  Result<void> ListSizes() {
    TRY(sizes, store_.ListSizes());
    sizes_ = std::move(sizes);
    return {};
  }

 private:
  LocalStore& store_;
  LocalChange& change_;
  FileSystem& files_;
  const Progress& progress_;
  std::set<uint64_t> sizes_;  // of what the store has
};

}  // namespace

Result<Saved> Save(LocalStore& store, FileSystem& files, const std::string& path,
                   const std::string& name, PackageOptions options) {
  TRY(change, store.Begin());
  Saver saver(store, *change, files, options.progress);
  TRY_VOID(saver.ListSizes());
  options.read_layer = [&saver](Package& package, PackageLayer& layer) {
    return saver.ReadLayer(package, layer);
  };
  TRY(package, PackageModel(files, path, options));
  TRY_VOID(change->Put(package.config_digest, package.config));
  TRY_VOID(change->Put(package.manifest_digest, package.manifest));
  TRY(changed, change->Publish(name, DescriptorOf(package.manifest_digest, package.manifest.size(),
                                                  oci::kImageManifestType)));
  return Saved{.package = std::move(package), .changed = changed};
}

}  // namespace slipway::model
