// slipway models [NAME]
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/resource_table.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

// The tags of a model that point at a digest, "v1,v2".
std::string TagsOf(const Json& model, const std::string& digest) {
  std::string out;
  const Json& tags = At(model, "/status/tags");
  if (!tags.is_object()) return out;
  for (const auto& [tag, of] : tags.items()) {
    if (of == digest) out += (out.empty() ? "" : ",") + tag;
  }
  return out;
}

Result<void> Versions(Client& client, ApiClient& api, const std::string& name, Format format) {
  TRY(model_kind, KindOf("model"));
  const Result<ApiAnswer> model =
      api.Get(ResourcePath(model_kind->plural, model_kind->global, client.Project(), name));
  if (model.has_error() && model.error().code() == Code::kNotFound) {
    return NotFound("MODEL_UNKNOWN",
                    fmt::format("there is no model {} in project {}; `slipway models` lists those "
                                "there are",
                                name, client.Project()));
  }
  if (model.has_error()) return model.error();
  TRY(kind, KindOf("modelversion"));
  TRY(list, ListAll(api, *kind, client.Project(), "model=" + name));
  if (format != Format::kTable && format != Format::kWide) {
    return PrintResources(*kind, list, format, client.clock(), "");
  }
  const bool wide = format == Format::kWide;
  std::vector<std::string> titles = TitlesOf(*kind, wide);
  titles.emplace_back("TAGS");
  Table table(std::move(titles));
  for (const Json& version : At(list, "/items")) {
    std::vector<std::string> cells = CellsOf(*kind, version, wide, client.clock());
    cells.push_back(TagsOf(model->body, TextAt(version, "/spec/manifestDigest")));
    table.Add(std::move(cells));
  }
  if (table.empty()) Note(Printable(fmt::format("{} has no versions", name)));
  return Print(table.Text());
}

Result<void> Models(Client& client, const std::string& name) {
  TRY(format, client.OutputFormat());
  TRY(api, client.Api());
  if (!name.empty()) return Versions(client, *api, name, format);
  TRY(kind, KindOf("model"));
  TRY(list, ListAll(*api, *kind, client.Project(), ""));
  return PrintResources(*kind, list, format, client.clock(),
                        fmt::format("there are no models in project {}; `slipway push` brings one",
                                    client.Project()));
}

}  // namespace

void AddModels(Command& command, Client& client) {
  auto name = std::make_shared<std::string>();
  command.Positional(name.get(), "NAME", "List the versions of this model", Need::kOptional);
  command.Example("models");
  command.Example("models fraud -o json");
  command.Run([&client, name] { return Models(client, *name); });
}

}  // namespace slipway::cli
