#include "cli/model/rows.h"

#include <nlohmann/json.hpp>

#include "cli/text.h"
#include "model/inspect.h"

namespace slipway::cli {
namespace {

// As ormb shows it: enough to tell versions apart.
std::string ShortId(std::string_view digest) {
  constexpr size_t kDigits = 12;
  const size_t colon = digest.find(':');
  return std::string(colon == std::string_view::npos ? digest : digest.substr(colon + 1, kDigits));
}

}  // namespace

Json DescribeManifest(const std::string& name, const Digest& digest, const oci::Manifest& manifest,
                      std::string_view config_json) {
  uint64_t size_bytes = 0;
  Json files = Json::array();
  for (const oci::Descriptor& layer : manifest.layers) {
    size_bytes += layer.size_bytes;
    files.push_back({{"path", model::LayerPath(layer)},
                     {"digest", layer.digest.text()},
                     {"sizeBytes", layer.size_bytes},
                     {"mediaType", layer.media_type}});
  }
  return {{"name", name},
          {"digest", digest.text()},
          {"artifactType", manifest.EffectiveArtifactType()},
          {"format", model::FormatOfManifest(manifest, config_json)},
          {"sizeBytes", size_bytes},
          {"files", std::move(files)}};
}

Result<void> PrintModels(const Json& list, Format format, Clock& clock, std::string_view nothing) {
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(list, format);
  const bool is_wide = format == Format::kWide;
  std::vector<std::string> titles = {"REPOSITORY", "TAG", "ID", "CREATED", "SIZE", "FORMAT"};
  if (is_wide) titles.insert(titles.end(), {"DIGEST", "TYPE"});
  Table table(std::move(titles));
  for (const Json& item : At(list, "/items")) {
    if (format == Format::kName) {
      TRY_VOID(PrintLine(Printable(TextAt(item, "/name", TextAt(item, "/digest")))));
      continue;
    }
    const std::string digest = TextAt(item, "/digest");
    std::vector<std::string> cells = {
        TextAt(item, "/repository", "<none>"),
        TextAt(item, "/tag", "<none>"),
        ShortId(digest),
        FormatAge(TextAt(item, "/createdAt"), clock),
        FormatBytes(static_cast<uint64_t>(NumberAt(item, "/sizeBytes"))),
        TextAt(item, "/format")};
    if (is_wide) cells.insert(cells.end(), {digest, TextAt(item, "/artifactType")});
    table.Add(std::move(cells));
  }
  if (At(list, "/items").empty()) Note(nothing);
  return format == Format::kName ? Result<void>() : Print(table.Text());
}

}  // namespace slipway::cli
