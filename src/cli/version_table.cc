#include "cli/version_table.h"

#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/listing.h"
#include "cli/resource_table.h"
#include "cli/text.h"

namespace slipway::cli {

std::string TagsOf(const Json& model, std::string_view digest) {
  std::string out;
  const Json& tags = At(model, "/status/tags");
  if (!tags.is_object()) return out;
  for (const auto& [tag, of] : tags.items()) {
    if (digest.empty() || of == digest) out += (out.empty() ? "" : ",") + tag;
  }
  return out;
}

Result<void> PrintVersions(const Json& list, const Json& models, Format format, Clock& clock,
                           std::string_view nothing) {
  TRY(kind, KindOf("modelversion"));
  if (format != Format::kTable && format != Format::kWide) {
    return PrintResources(*kind, list, format, clock, nothing);
  }
  std::map<std::string, const Json*> by_name;
  for (const Json& model : models) by_name.emplace(TextAt(model, "/metadata/name"), &model);
  const bool wide = format == Format::kWide;
  std::vector<std::string> titles = TitlesOf(*kind, wide);
  titles.emplace_back("TAGS");
  Table table(std::move(titles));
  for (const Json& version : At(list, "/items")) {
    std::vector<std::string> cells = CellsOf(*kind, version, wide, clock);
    const auto model = by_name.find(TextAt(version, "/metadata/labels/model"));
    cells.push_back(model == by_name.end()
                        ? ""
                        : TagsOf(*model->second, TextAt(version, "/spec/manifestDigest")));
    table.Add(std::move(cells));
  }
  if (table.empty()) Note(nothing);
  return Print(table.Text());
}

}  // namespace slipway::cli
