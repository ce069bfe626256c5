// Configs and metadata of models, whoever wrote them: reading ends, what is read can be written and
// read again, and a summary keeps its bounds.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "model/inspect.h"
#include "model/kitops/kitfile.h"
#include "model/limits.h"
#include "model/metadata/metadata.h"
#include "model/metadata/read_metadata.h"
#include "model/ormb/ormb_file.h"

namespace {

namespace model = slipway::model;
namespace oci = slipway::oci;

void ReadAs(std::string_view config_type, const std::string& text) {
  oci::Manifest manifest;
  manifest.config = oci::Descriptor{.media_type = std::string(config_type),
                                    .digest = slipway::Digest::Of(text),
                                    .size_bytes = text.size()};
  const auto fetch = [&](const oci::Descriptor&) -> slipway::Result<std::optional<std::string>> {
    return std::optional<std::string>(text);
  };
  const auto found = model::ReadMetadata(manifest, text, fetch);
  CHECK(found.has_value());
  const auto facts = model::FactsOfManifest(manifest, fetch);
  CHECK(facts.has_value());
  if (!facts->metadata) return;
  const std::string summary = slipway::DumpJson(slipway::Encode(*facts->metadata));
  CHECK(summary.size() < 16 * model::kMaxSummaryBytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ReadAs("application/vnd.cncf.model.config.v1+json", text);
  ReadAs("application/vnd.kitops.modelkit.config.v1+json", text);
  ReadAs("application/vnd.caicloud.model.config.v1alpha1+json", text);
  (void)model::IsMetadata("model.yaml", text);
  const auto metadata = model::ParseMetadata("model.yaml", text);
  if (metadata.has_value()) {
    const auto again =
        model::ParseMetadata("model.json", slipway::DumpJson(slipway::Encode(*metadata)));
    CHECK(again.has_value());
    CHECK(slipway::Encode(*again) == slipway::Encode(*metadata));
  } else {
    CHECK(metadata.error().reason() == "METADATA_INVALID");
  }
  const auto ormb = model::ParseOrmbFile(text);
  if (ormb.has_value()) {
    const slipway::Json back = model::ToOrmb(model::FromOrmb(*ormb));
    CHECK(model::ParseOrmbConfig(slipway::DumpJson(back)).has_value());
  }
  return 0;
}
