// slipway models [NAME]
#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/resource_table.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

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
  return PrintResources(*kind, list, format, client.clock(),
                        Printable(fmt::format("{} has no versions", name)));
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
