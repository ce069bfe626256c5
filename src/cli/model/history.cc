// slipway model history NAME[:TAG]
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/listing.h"
#include "cli/model/history_entries.h"
#include "cli/model/verbs.h"
#include "cli/text.h"
#include "net/http_message.h"
#include "oci/reference.h"
#include "registry/projection.h"

namespace slipway::cli {
namespace {

constexpr int64_t kDefaultEntries = 50;
constexpr int64_t kMaxEntries = 10'000;

struct Options {
  std::string name;
  std::optional<int64_t> limit;
};

// The newest moves, `limit` at most, and whether there are older ones.
Result<Json> ReadMoves(ApiClient& api, const std::string& base, int64_t limit, Json& metadata) {
  Json moves = Json::array();
  std::string next;
  do {
    std::string path = fmt::format("{}&limit={}", base, std::min<int64_t>(limit, 500));
    if (!next.empty()) path += "&continue=" + net::PercentEncode(next);
    TRY(answer, api.Get(path));
    metadata = At(answer.body, "/metadata");
    next = TextAt(metadata, "/continue");
    for (Json& move : answer.body["items"]) {
      if (static_cast<int64_t>(moves.size()) < limit) moves.push_back(std::move(move));
    }
  } while (!next.empty() && static_cast<int64_t>(moves.size()) < limit);
  return moves;
}

Result<void> PrintHistory(const Json& entries, const std::string& name) {
  Table table({"TIME", "CHANGE", "TAG", "DIGEST", "BY", "WHAT"});
  for (const Json& entry : entries) {
    table.Add({TextAt(entry, "/at"), TextAt(entry, "/change"), TextAt(entry, "/tag"),
               ShortDigest(TextAt(entry, "/digest", "-")), TextAt(entry, "/by"),
               TextAt(entry, "/what")});
  }
  if (table.empty()) Note(Printable(fmt::format("nothing is known of {}", name)));
  return Print(table.Text());
}

Result<void> History(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "a history"));
  TRY(reference, oci::Reference::Parse(options.name));
  if (!reference.host.empty() || reference.digest) {
    return InvalidArgument("REFERENCE_INVALID", options.name +
                                                    ": a name on the registry of the context is "
                                                    "wanted, without a digest");
  }
  std::string repository = reference.repository;
  if (repository.find('/') == std::string::npos) repository = client.Project() + "/" + repository;
  const resource::Key key = registry::ModelKey(repository);
  const int64_t limit = options.limit.value_or(kDefaultEntries);
  TRY(api, client.Api());
  Json metadata;
  TRY(entries, ReadMoves(*api,
                         ResourcePath("models", false, key.project, key.name) +
                             "/history?tag=" + net::PercentEncode(reference.tag),
                         limit, metadata));
  TRY(kind, KindOf("modelversion"));
  TRY(list, ListAll(*api, *kind, key.project, "model=" + key.name));
  Versions versions;
  for (Json& version : list["items"]) {
    versions.emplace(TextAt(version, "/spec/manifestDigest"), std::move(version));
  }
  for (Json& entry : entries) {
    const std::string what =
        WhatChanged(versions, TextAt(entry, "/before"), TextAt(entry, "/digest"));
    if (!what.empty()) entry["what"] = what;
  }
  const bool has_more = !TextAt(metadata, "/continue").empty();
  const std::string since = has_more && !entries.empty() ? TextAt(entries.back(), "/at") : "";
  if (reference.tag.empty()) AddPushes(versions, since, entries);
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"repository", repository}, {"items", entries}, {"complete", !has_more}},
                     format);
  }
  TRY_VOID(PrintHistory(entries, options.name));
  if (has_more) Note(fmt::format("there are older entries: --limit {}", limit * 2));
  if (const int64_t gone = NumberAt(metadata, "/forgotten"); gone > 0 && !has_more) {
    Note(fmt::format("{} older moves of tags are no longer kept", gone));
  }
  return {};
}

}  // namespace

void AddHistory(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->name, "NAME[:TAG]", "Model, or one of its tags");
  command.Option(&options->limit, "--limit", 1, kMaxEntries, "Moves of tags to show (50)");
  command.Example("model history fraud");
  command.Example("model history fraud:latest -o json");
  command.Run([&client, options] { return History(client, *options); });
}

}  // namespace slipway::cli
