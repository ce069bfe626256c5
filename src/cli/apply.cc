// slipway apply -f FILE
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/difference.h"
#include "cli/documents.h"
#include "cli/input.h"
#include "cli/listing.h"
#include "cli/resource_table.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxFileBytes = 16 << 20;

struct Target {
  const resource::KindInfo* kind = nullptr;
  std::string project;
  std::string name;
  std::string Path() const { return ResourcePath(kind->plural, kind->global, project, name); }
};

// YAML reads some words as numbers and truth values: `name: 1e3`, `project: true`.
Result<void> CheckIsText(const Json& document, const char* pointer, std::string_view field) {
  const Json& value = At(document, pointer);
  if (value.is_null() || value.is_string()) return {};
  if (value.is_structured()) {
    return InvalidArgument(
        "FIELD_TYPE", fmt::format("{}: a text is wanted, not an {}", field, value.type_name()));
  }
  return InvalidArgument(
      "FIELD_TYPE", fmt::format("{0}: the value is a {1}, not a text; write it in quotes", field,
                                value.type_name()));
}

Result<Target> TargetOf(const Json& document, const GeneralOptions& general) {
  TRY_VOID(CheckIsText(document, "/kind", "kind"));
  TRY_VOID(CheckIsText(document, "/metadata/name", "metadata.name"));
  TRY_VOID(CheckIsText(document, "/metadata/project", "metadata.project"));
  TRY(kind, KindOf(TextAt(document, "/kind")));
  Target target{.kind = kind,
                .project = TextAt(document, "/metadata/project"),
                .name = TextAt(document, "/metadata/name")};
  if (target.name.empty()) {
    return InvalidArgument("FIELD_REQUIRED",
                           fmt::format("metadata.name: every {} has one", kind->kind));
  }
  if (target.project.empty()) {
    target.project = general.project.empty() ? "default" : general.project;
  } else if (!general.project.empty() && general.project != target.project) {
    return InvalidArgument("PROJECT_DIFFERS",
                           fmt::format("metadata.project: the file says {}, --project says {}",
                                       target.project, general.project));
  }
  return target;
}

Result<void> PrintChange(const Target& target, const Json& before, const ApiAnswer& answer) {
  std::string text = fmt::format("{}/{} {}\n", target.kind->singular, target.name, answer.change);
  if (answer.change == "configured") {
    for (const char* part : {"/metadata/labels", "/metadata/annotations", "/spec"}) {
      std::string at = part + 1;
      for (char& c : at) c = c == '/' ? '.' : c;
      for (const std::string& line : Difference(At(before, part), At(answer.body, part), at)) {
        text += "  " + line + "\n";
      }
    }
  }
  return Print(Printable(text, /*keep_lines=*/true));
}

Result<Json> ApplyOne(Client& client, const Json& document, Format format) {
  TRY(target, TargetOf(document, client.options()));
  TRY(api, client.Api());
  Result<ApiAnswer> before = api->Get(target.Path());
  if (!before && before.error().code() != Code::kNotFound) return before.error();
  Result<ApiAnswer> answer = api->Put(target.Path() + "?apply=1", document);
  if (!answer) {
    return answer.error().Prefixed(fmt::format("{}/{}: ", target.kind->singular, target.name));
  }
  if (format == Format::kName) {
    TRY_VOID(PrintLine(Printable(NameOf(*target.kind, answer->body))));
  } else if (format != Format::kJson && format != Format::kYaml) {
    TRY_VOID(PrintChange(target, before ? before->body : Json(), *answer));
  }
  return std::move(answer->body);
}

Result<void> Apply(Client& client, const std::string& file) {
  TRY(format, client.OutputFormat());
  TRY(text, ReadInput(file, kMaxFileBytes));
  Result<std::vector<Json>> documents = ParseDocuments(text);
  if (!documents) return documents.error().Prefixed(file + ": ");
  if (documents->empty()) {
    return InvalidArgument("FILE_EMPTY", file + ": there is no resource in it");
  }
  Json results = Json::array();
  for (const Json& document : *documents) {
    TRY(result, ApplyOne(client, document, format));
    results.push_back(std::move(result));
  }
  if (format != Format::kJson && format != Format::kYaml) return {};
  return PrintJson(results.size() == 1 ? results[0] : results, format);
}

}  // namespace

void AddApply(Command& command, Client& client) {
  auto file = std::make_shared<std::string>();
  command.Option(file.get(), "-f,--file", "FILE", "YAML or JSON; - is standard input",
                 Need::kRequired);
  command.Example("apply -f service.yaml");
  command.Example(
      "get service fraud -o yaml | sed 's/name: fraud/name: fraud2/' | slipway apply -f -");
  command.Run([&client, file] { return Apply(client, *file); });
}

}  // namespace slipway::cli
