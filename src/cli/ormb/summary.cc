#include "cli/ormb/summary.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/output.h"
#include "cli/text.h"
#include "model/limits.h"
#include "oci/content_source.h"
#include "oci/model_types.h"

namespace slipway::cli::ormb {
namespace {

Error NotOrmb(const OrmbReference& reference, std::string_view what) {
  return InvalidArgument("ORMB_ARTIFACT",
                         fmt::format("{}: {}; `slipway model` works with models of every form",
                                     reference.full(), what));
}

}  // namespace

Result<Summary> Summarise(const OrmbReference& reference, const oci::Manifest& manifest) {
  if (!manifest.config || manifest.config->media_type != oci::kOrmbConfigType) {
    return NotOrmb(reference, "it was not made by ormb");
  }
  if (manifest.layers.size() != 1) {
    return NotOrmb(reference, fmt::format("manifest does not contain exactly 1 layer (total: {})",
                                          manifest.layers.size()));
  }
  if (manifest.layers[0].media_type != oci::kOrmbLayerType) {
    return NotOrmb(reference, fmt::format("manifest does not contain a layer with mediatype {}",
                                          oci::kOrmbLayerType));
  }
  return Summary{.layer = manifest.layers[0], .format = {}};
}

Result<Summary> ReadSummary(model::LocalStore& store, const OrmbReference& reference,
                            const model::LocalEntry& entry) {
  TRY(fetched, store.ReadManifest(entry.manifest));
  TRY(manifest, oci::ParseManifest(fetched.bytes, fetched.media_type));
  TRY(summary, Summarise(reference, manifest));
  TRY(text, oci::ReadContent(store, manifest.config->digest, model::kMaxConfigBytes));
  TRY(config, ParseJson(text));
  summary.format = TextAt(config, "/format");
  return summary;
}

Result<void> PrintSummary(const OrmbReference& reference, const Summary& summary) {
  return Print(Printable(
      fmt::format("ref:       {}\ndigest:    {}\nsize:      {}\nformat:    {}\n", reference.full(),
                  summary.layer.digest.hex(), BinarySize(summary.layer.size_bytes), summary.format),
      true));
}

std::string BinarySize(uint64_t bytes) {
  constexpr uint64_t kUnit = 1024;
  if (bytes < kUnit) return fmt::format("{}B", bytes);
  auto size = static_cast<double>(bytes);
  uint64_t whole = bytes;
  std::string_view units = "KMGTPE";
  while (true) {
    size /= kUnit;
    whole /= kUnit;
    if (whole < kUnit) return fmt::format("{:.1f}{}B", size, units.front());
    units.remove_prefix(1);
  }
}

std::string HumanDuration(std::chrono::seconds duration) {
  const int64_t seconds = duration.count();
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  const int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  const int64_t hours = (seconds + 1800) / 3600;
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  const int64_t days = hours / 24;
  if (days < 14) return fmt::format("{} days", days);
  if (days < 60) return fmt::format("{} weeks", days / 7);
  if (days < 730) return fmt::format("{} months", days / 30);
  return fmt::format("{} years", days / 365);
}

}  // namespace slipway::cli::ormb
