// slipway delete [KIND/]NAME...
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/text.h"
#include "cli/wait.h"

namespace slipway::cli {
namespace {

struct Options {
  std::vector<std::string> names;
  bool ignore_missing = false;
  bool no_wait = false;
  bool cascade = false;
  std::optional<int64_t> timeout_s;
};

Result<Json> DeleteOne(Client& client, const Options& options, const std::string& text) {
  TRY(wanted, ParseKindName(text));
  TRY(kind, KindOf(wanted.kind));
  TRY(api, client.Api());
  std::string path = ResourcePath(kind->plural, kind->global, client.Project(), wanted.name);
  if (options.cascade) path += "?cascade=1";
  Json result = {{"kind", kind->kind}, {"name", wanted.name}, {"deleted", true}};
  Result<ApiAnswer> answer = api->Delete(path);
  if (!answer && answer.error().code() == Code::kNotFound && options.ignore_missing) {
    result["deleted"] = false;
    return result;
  }
  if (!answer && answer.error().reason() == "METHOD_NOT_ALLOWED") {
    return FailedPrecondition(
        "KIND_OF_THE_SYSTEM",
        fmt::format("a {} is made and deleted by the system, with what it belongs to",
                    kind->singular));
  }
  if (!answer) return answer.error();
  if (!options.no_wait) {
    TRY_VOID(WaitUntilGone(*api, *kind, client.Project(), wanted.name,
                           WaitLimit(client.clock(), options.timeout_s)));
  }
  return result;
}

Result<void> Delete(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  Json results = Json::array();
  for (const std::string& name : options.names) {
    TRY(result, DeleteOne(client, options, name));
    if (format == Format::kJson || format == Format::kYaml) {
      results.push_back(std::move(result));
      continue;
    }
    TRY_VOID(PrintLine(
        Printable(fmt::format("{} {}", name, result["deleted"] ? "deleted" : "is not there"))));
  }
  return results.empty() ? Result<void>() : PrintJson(results, format);
}

}  // namespace

void AddDelete(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positionals(&options->names, "[KIND/]NAME", "What to delete; a bare name is a service");
  command.Flag(&options->ignore_missing, "--ignore-missing", "Succeed if it is not there");
  command.Flag(&options->cascade, "--cascade",
               "Also what is in it: all of a project, or of a model's repository");
  command.Flag(&options->no_wait, "--no-wait", "Return before it is gone");
  command.Option(&options->timeout_s, "--timeout", 1, 86'400, "Seconds to wait (300)");
  command.Example("delete fraud");
  command.Example("delete model/fraud secret/upstream --ignore-missing");
  command.Example("delete project/shop --cascade");
  command.Run([&client, options] { return Delete(client, *options); });
}

}  // namespace slipway::cli
