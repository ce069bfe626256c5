#include "klever/core.h"
#include "oci/reference.h"
#include "registry/lookup.h"

namespace slipway::klever {

Result<VersionName> VersionNameOf(std::string_view project, std::string_view model,
                                  std::string_view version) {
  VersionName name{.repository = std::string(project) + "/" + std::string(model),
                   .version = std::string(version)};
  TRY_VOID(oci::CheckRepositoryName(name.repository));
  if (version.find(':') != std::string_view::npos) {
    TRY_VOID(Digest::Parse(version));
  } else {
    TRY_VOID(oci::CheckTag(version));
  }
  return name;
}

Task<Result<StoredManifest>> FindManifest(Core& core, std::string repository, std::string version) {
  std::optional<Digest> digest;
  std::string bytes;
  CO_TRY_VOID(co_await core.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    if (version.find(':') != std::string::npos) {
      TRY(stated, Digest::Parse(version));
      digest = std::move(stated);
    } else {
      TRY(found, registry::ResolveTag(snapshot, repository, version));
      digest = std::move(found);
    }
    if (!digest) return registry::UnknownManifest(repository, version);
    TRY(read, registry::ReadManifestBytes(snapshot, *core.options.objects, repository, *digest));
    bytes = std::move(read);
    return {};
  }));
  CO_TRY(manifest, oci::ParseManifest(bytes));
  co_return StoredManifest{.repository = std::move(repository),
                           .digest = std::move(*digest),
                           .bytes = std::move(bytes),
                           .manifest = std::move(manifest)};
}

}  // namespace slipway::klever
