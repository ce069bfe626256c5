#include "cli/resource_table.h"

#include <functional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Column {
  const char* title;
  std::string (*cell)(const Json& resource, Clock& clock);
  bool wide = false;
};
using Columns = std::vector<Column>;

std::string Name(const Json& resource, Clock&) {
  return TextAt(resource, "/metadata/name");
}
std::string Phase(const Json& resource, Clock&) {
  return TextAt(resource, "/status/phase");
}
std::string Age(const Json& resource, Clock& clock) {
  return FormatAge(TextAt(resource, "/metadata/createdAt"), clock);
}
std::string CreatedBy(const Json& resource, Clock&) {
  return TextAt(resource, "/metadata/createdBy");
}
std::string ShortReference(const std::string& reference) {
  const size_t digest = reference.find("@sha256:");
  return digest == std::string::npos ? reference : reference.substr(0, digest + 20);
}
std::string ProgramOf(const Json& program) {
  for (const char* const field : {"/python", "/ref", "/image"}) {
    std::string reference = TextAt(program, field);
    if (!reference.empty()) return reference;
  }
  return "";
}
// What a program calls its models, and their references.
std::vector<std::pair<std::string, std::string>> MountsOf(const Json& predictor) {
  std::vector<std::pair<std::string, std::string>> mounts;
  const std::string model = TextAt(predictor, "/model");
  if (!model.empty()) mounts.emplace_back("model", model);
  for (const Json& mount : At(predictor, "/models")) {
    mounts.emplace_back(TextAt(mount, "/mountAs"), TextAt(mount, "/ref"));
  }
  return mounts;
}
std::string PredictorModel(const Json& resource, Clock&) {
  const Json& program = At(resource, "/spec/predictor/program");
  if (program.is_null()) return ShortReference(ModelOf(resource));
  std::string text = ShortReference(ProgramOf(program));
  std::string_view before = " with ";
  for (const auto& [name, reference] : MountsOf(At(resource, "/spec/predictor"))) {
    text.append(std::exchange(before, ", ")).append(name);
  }
  return text;
}
// "2", or "2 (3 is on the way)" while the latest is not the one that serves.
std::string ServiceRevision(const Json& resource, Clock&) {
  int64_t ready = NumberAt(resource, "/status/readyRevision");
  int64_t latest = NumberAt(resource, "/status/latestRevision");
  if (latest == 0) return "";
  if (ready == latest) return std::to_string(ready);
  const char* word = TextAt(resource, "/status/phase") == "Progressing" ? "coming" : "not ready";
  return ready == 0 ? fmt::format("{} {}", latest, word)
                    : fmt::format("{} ({} {})", ready, latest, word);
}
// The sentence of the condition Ready, where it is not simply true.
std::string Reason(const Json& resource, Clock&) {
  for (const Json& condition : At(resource, "/status/conditions")) {
    if (TextAt(condition, "/type") == "Ready" && TextAt(condition, "/status") != "True") {
      return TextAt(condition, "/message");
    }
  }
  return "";
}
// As people read them, "v1,v2"; those of a Model are members with their digests.
std::string Tags(const Json& resource, Clock&) {
  const Json& tags = At(resource, "/status/tags");
  std::string out;
  for (const auto& [key, value] : tags.items()) {
    const std::string tag = value.is_string() && tags.is_array() ? value.get<std::string>() : key;
    out += (out.empty() ? "" : ",") + tag;
  }
  const Json& cut = At(resource, "/status/tagsCut");
  return cut.is_boolean() && cut.get<bool>() ? out + ",..." : out;
}
std::string Role(const Json& resource, Clock&) {
  return TextAt(resource, "/spec/role");
}
std::string Scope(const Json& resource, Clock&) {
  if (std::string service = TextAt(resource, "/spec/service"); !service.empty()) {
    return fmt::format("{}/{}", TextAt(resource, "/spec/project", "default"), service);
  }
  return TextAt(resource, "/spec/project", "all projects");
}
std::string Expires(const Json& resource, Clock&) {
  return TextAt(resource, "/spec/expiresAt", "never");
}

const Columns& ColumnsOf(std::string_view kind) {
  static const Columns kService = {{"NAME", Name},
                                   {"PHASE", Phase},
                                   {"REVISION", ServiceRevision},
                                   {"MODEL", PredictorModel},
                                   {"AGE", Age},
                                   {"BY", CreatedBy, true},
                                   {"REASON", Reason}};
  static const Columns kRevision = {{"NAME", Name},
                                    {"PHASE", Phase},
                                    {"MODEL", PredictorModel},
                                    {"AGE", Age},
                                    {"REASON", Reason}};
  static const Columns kModel = {
      {"NAME", Name},
      {"VERSIONS",
       [](const Json& r, Clock&) { return std::to_string(NumberAt(r, "/status/versions")); }},
      {"TAGS", Tags},
      {"AGE", Age}};
  static const Columns kModelVersion = {
      {"NAME", Name},
      {"FORMAT", [](const Json& r, Clock&) { return TextAt(r, "/spec/format"); }},
      {"SIZE",
       [](const Json& r, Clock&) {
         return FormatBytes(static_cast<uint64_t>(NumberAt(r, "/spec/sizeBytes")));
       }},
      {"DIGEST",
       [](const Json& r, Clock&) { return ShortDigest(TextAt(r, "/spec/manifestDigest")); }},
      {"PHASE", Phase, true},
      {"AGE", Age},
      {"TAGS", Tags}};
  static const Columns kToken = {
      {"NAME", Name}, {"ROLE", Role}, {"SCOPE", Scope}, {"EXPIRES", Expires}, {"AGE", Age}};
  static const Columns kAny = {{"NAME", Name},
                               {"PHASE", Phase},
                               {"AGE", Age},
                               {"BY", CreatedBy, true},
                               {"REASON", Reason, true}};
  if (kind == "Service") return kService;
  if (kind == "Revision") return kRevision;
  if (kind == "Model") return kModel;
  if (kind == "ModelVersion") return kModelVersion;
  if (kind == "Token") return kToken;
  return kAny;
}

}  // namespace

std::vector<std::string> TitlesOf(const resource::KindInfo& kind, bool wide) {
  std::vector<std::string> titles;
  for (const Column& column : ColumnsOf(kind.kind)) {
    if (wide || !column.wide) titles.emplace_back(column.title);
  }
  return titles;
}

std::vector<std::string> CellsOf(const resource::KindInfo& kind, const Json& resource, bool wide,
                                 Clock& clock) {
  std::vector<std::string> cells;
  for (const Column& column : ColumnsOf(kind.kind)) {
    if (wide || !column.wide) cells.push_back(column.cell(resource, clock));
  }
  return cells;
}

std::string ModelOf(const Json& resource) {
  const Json& program = At(resource, "/spec/predictor/program");
  if (!program.is_null()) {
    std::string text = ProgramOf(program);
    std::string_view before = " with ";
    for (const auto& [name, reference] : MountsOf(At(resource, "/spec/predictor"))) {
      text.append(std::exchange(before, ", ")).append(name).append("=").append(reference);
    }
    return text;
  }
  std::string model = TextAt(resource, "/spec/predictor/model");
  const bool is_seen = NumberAt(resource, "/status/observedGeneration") ==
                       NumberAt(resource, "/metadata/generation");
  const std::string digest = TextAt(resource, "/status/modelDigest");
  if (At(resource, "/spec/follow") != Json(true) || !is_seen || digest.empty()) return model;
  return model.substr(0, model.find('@')) + "@" + digest;
}

std::string NameOf(const resource::KindInfo& kind, const Json& resource) {
  return fmt::format("{}/{}", kind.singular, TextAt(resource, "/metadata/name"));
}

Result<void> PrintResources(const resource::KindInfo& kind, const Json& list, Format format,
                            Clock& clock, std::string_view nothing) {
  const Json& items = At(list, "/items");
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(list, format);
  if (format == Format::kName) {
    std::string names;
    for (const Json& item : items) names += Printable(NameOf(kind, item)) + "\n";
    return Print(names);
  }
  Table table(TitlesOf(kind, format == Format::kWide));
  for (const Json& item : items) {
    table.Add(CellsOf(kind, item, format == Format::kWide, clock));
  }
  if (table.empty()) Note(nothing);
  return Print(table.Text());
}

Result<void> PrintResource(const resource::KindInfo& kind, const Json& resource, Format format,
                           Clock& clock) {
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(resource, format);
  Json list;
  list["items"] = Json::array({resource});
  return PrintResources(kind, list, format, clock, "");
}

}  // namespace slipway::cli
