// slipway model lineage NAME:TAG
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/verbs.h"
#include "cli/model/version_path.h"
#include "cli/text.h"
#include "net/http_message.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string reference;
  bool up = false;
  bool down = false;
  std::optional<int64_t> depth;
};

// "default/fraud:v1, v2 sha256:0123456789ab", or what its child states.
std::string Shown(const Json& version) {
  const bool is_here = !TextAt(version, "/repository").empty();
  std::string text;
  if (is_here) {
    text = TextAt(version, "/repository");
    std::string tags;
    for (const Json& tag : At(version, "/tags")) {
      if (tag.is_string()) tags += (tags.empty() ? ":" : ", ") + tag.get<std::string>();
    }
    text += tags + " " + ShortDigest(TextAt(version, "/digest"));
  } else {
    text = TextAt(version, "/statedReference");
    const std::string digest = TextAt(version, "/statedDigest");
    if (!digest.empty()) text += (text.empty() ? "" : " ") + ShortDigest(digest);
    text += " [not here]";
  }
  if (const std::string how = TextAt(version, "/relation"); !how.empty()) text += " (" + how + ")";
  if (TextAt(version, "/by") == "tag") text += " [by what the tag points at now]";
  return text;
}

bool IsSet(const Json& json, const char* pointer) {
  const Json& value = At(json, pointer);
  return value.is_boolean() && value.get<bool>();
}

// As deep as the server's answer, which has at most 16 generations.
void AddBranches(const Json& branches, const char* below, const std::string& indent,
                 std::string& text) {
  for (size_t i = 0; i < branches.size(); ++i) {
    const bool is_last = i + 1 == branches.size();
    const Json& branch = branches[i];
    text += fmt::format("{}{} {}", indent, is_last ? "`-" : "|-", Shown(branch));
    if (IsSet(branch, "/repeated")) text += " [see above]";
    if (IsSet(branch, "/more")) text += " [and more]";
    if (IsSet(branch, "/cut")) text += " [more parents in the package]";
    text += "\n";
    const Json& next = At(branch, below);
    if (next.is_array()) AddBranches(next, below, indent + (is_last ? "   " : "|  "), text);
  }
}

void AddTree(const Json& lineage, const char* pointer, std::string_view title, std::string& text) {
  const Json& branches = At(lineage, pointer);
  if (!branches.is_array()) return;
  text += fmt::format("\n{}{}\n", title, branches.empty() ? ": nothing known" : "");
  AddBranches(branches, pointer, "", text);
}

Result<void> PrintTree(const Json& lineage) {
  std::string text = Shown(At(lineage, "/version")) + "\n";
  AddTree(lineage, "/parents", "made from", text);
  for (const Json& dataset : At(lineage, "/datasets")) {
    text += fmt::format("data set {} {}\n", TextAt(dataset, "/name"),
                        ShortDigest(TextAt(dataset, "/digest")));
  }
  AddTree(lineage, "/children", "made from it", text);
  Table services({"USED BY", "REVISION", "PHASE", "TRAFFIC"});
  for (const Json& use : At(lineage, "/services")) {
    services.Add({fmt::format("{}/{}", TextAt(use, "/project"), TextAt(use, "/service")),
                  std::to_string(NumberAt(use, "/revision")), TextAt(use, "/phase"),
                  IsSet(use, "/hasTraffic") ? "yes" : "no"});
  }
  if (!services.empty()) text += "\n" + services.Text();
  TRY_VOID(Print(Printable(text, /*keep_lines=*/true)));
  if (!IsSet(lineage, "/metadata/complete")) {
    Note("this is not all of it: --depth shows more generations, and `[and more]` is where to ask");
  }
  return {};
}

// All children of the version itself, page by page.
Result<Json> ReadAll(ApiClient& api, const std::string& path) {
  Json all;
  std::string next;
  do {
    TRY(answer, api.Get(next.empty() ? path : path + "&continue=" + net::PercentEncode(next)));
    next = TextAt(answer.body, "/metadata/continue");
    if (all.is_null()) {
      all = std::move(answer.body);
      continue;
    }
    for (Json& child : answer.body["children"]) all["children"].push_back(std::move(child));
    all["metadata"] = answer.body["metadata"];
  } while (!next.empty());
  return all;
}

Result<void> Lineage(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "a lineage"));
  TRY(path, VersionPath(client, options.reference));
  TRY(api, client.Api());
  const char* direction = options.up == options.down ? "both" : options.up ? "up" : "down";
  TRY(lineage, ReadAll(*api, fmt::format("{}/lineage?direction={}&depth={}", path, direction,
                                         options.depth.value_or(4))));
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(lineage, format);
  return PrintTree(lineage);
}

}  // namespace

void AddLineage(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->reference, "NAME:TAG", "Model version to ask about");
  command.Flag(&options->up, "--up", "Only what it was made from");
  command.Flag(&options->down, "--down", "Only what was made from it, and what uses it");
  command.Option(&options->depth, "--depth", 1, 16, "Generations (4)");
  command.Example("model lineage fraud:v2");
  command.Example("model lineage fraud:v2 --up --depth 10 -o json");
  command.Run([&client, options] { return Lineage(client, *options); });
}

}  // namespace slipway::cli
