// slipway registry gc|scrub|status
#include <algorithm>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

constexpr const char* kPath = "/api/v1/registry";
constexpr std::chrono::milliseconds kLookAgain{300};

struct GcOptions {
  bool dry_run = false;
  bool no_wait = false;
};

std::string BytesAt(const Json& json, const char* pointer) {
  return FormatBytes(static_cast<uint64_t>(std::max<int64_t>(NumberAt(json, pointer), 0)));
}

std::string CountAndBytes(const Json& report, const std::string& at) {
  return fmt::format("{} ({})", NumberAt(report, (at + "/count").c_str()),
                     BytesAt(report, (at + "/bytes").c_str()));
}

std::string ReportText(const Json& report) {
  Table table({"WHAT", report.value("dryRun", false) ? "WOULD GO" : "WENT"});
  table.Add({"blobs that no manifest names", CountAndBytes(report, "/blobs")});
  table.Add({"content on the disk", CountAndBytes(report, "/objects")});
  table.Add({"sha512 names of it", std::to_string(NumberAt(report, "/aliases"))});
  table.Add({"held for who pushes (stays)", CountAndBytes(report, "/held")});
  std::string text = table.Text();
  text += fmt::format(
      "looked at {} rows and files in {:.1f} s, from {} on\n", NumberAt(report, "/examined"),
      static_cast<double>(NumberAt(report, "/durationMs")) / 1000, TextAt(report, "/startedAt"));
  const std::string error = TextAt(report, "/error");
  if (!error.empty()) text += Printable("ended early: " + error) + "\n";
  return text;
}

// Waits for the end of the run with this number, and gives its report.
Result<Json> AwaitReport(ApiClient& api, int64_t run, bool dry_run) {
  while (true) {
    TRY(answer, api.Get(kPath));
    const Json& body = answer.body;
    const bool over = NumberAt(body, "/collection/runs") != run ||
                      !At(body, "/collection").value("running", false);
    if (over) return At(body, dry_run ? "/collection/lastDryRun" : "/collection/last");
    std::this_thread::sleep_for(kLookAgain);
  }
}

Result<void> Gc(Client& client, const GcOptions& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "what `slipway registry` shows"));
  TRY(api, client.Api());
  const std::string query = options.dry_run ? "?dryRun=1" : "";
  TRY(begun, api->Post(std::string(kPath) + "/collections" + query, Json::object()));
  if (options.no_wait) {
    return PrintOutcome(format, begun.body, "",
                        "the collection has begun: slipway registry status");
  }
  TRY(report, AwaitReport(*api, NumberAt(begun.body, "/collection/runs"), options.dry_run));
  if (format == Format::kJson || format == Format::kYaml) {
    TRY_VOID(PrintJson(report, format));
  } else {
    TRY_VOID(Print(ReportText(report)));
  }
  const std::string error = TextAt(report, "/error");
  if (!error.empty()) return Error(Code::kAborted, "COLLECTION_INCOMPLETE", error);
  const int64_t all_held = NumberAt(begun.body, "/collection/allHeldForMs");
  if (all_held > 0) {
    Note(fmt::format("the server has just started: for {} more minutes every blob counts as held",
                     (all_held + 59'999) / 60'000));
  }
  return {};
}

Result<void> Scrub(Client& client) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "what `slipway registry` shows"));
  TRY(api, client.Api());
  TRY(begun, api->Post(std::string(kPath) + "/scrubs", Json::object()));
  return PrintOutcome(format, begun.body, "",
                      "the scrub has begun: slipway registry status shows how far it is");
}

std::string ScrubText(const Json& scrub) {
  if (!scrub.contains("pass")) return "no scrub yet";
  const std::string finished = TextAt(scrub, "/pass/finishedAt");
  const std::string state = !finished.empty()               ? "finished " + finished
                            : scrub.value("running", false) ? "running"
                                                            : "goes on later";
  return fmt::format("{} objects, {}, {} damaged; began {}, {}", NumberAt(scrub, "/pass/objects"),
                     BytesAt(scrub, "/pass/bytes"), NumberAt(scrub, "/pass/damaged"),
                     TextAt(scrub, "/pass/startedAt"), state);
}

Result<void> Status(Client& client) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "what `slipway registry` shows"));
  TRY(api, client.Api());
  TRY(answer, api->Get(kPath));
  const Json& body = answer.body;
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(body, format);
  const Json collection = At(body, "/collection");
  std::string text = fmt::format("damaged objects: {}\nscrub: {}\n", NumberAt(body, "/damaged"),
                                 ScrubText(At(body, "/scrub")));
  if (collection.value("running", false)) {
    text += fmt::format("collection: runs, looked at {} rows and files\n",
                        NumberAt(collection, "/now/examined"));
  }
  const bool has_last = collection.contains("last");
  text += has_last ? "last collection:\n" + ReportText(collection["last"])
                   : std::string("no collection yet\n");
  return Print(text);
}

}  // namespace

void AddRegistry(Command& command, Client& client) {
  Command& gc = command.Sub("gc", "Remove content that nothing needs; pushes go on meanwhile");
  auto options = std::make_shared<GcOptions>();
  gc.Flag(&options->dry_run, "--dry-run", "Only tell what would go");
  gc.Flag(&options->no_wait, "--no-wait", "Do not wait for its end");
  gc.Example("registry gc --dry-run");
  gc.Example("registry gc -o json");
  gc.Run([&client, options] { return Gc(client, *options); });

  Command& scrub = command.Sub("scrub", "Read all content again, to find what is damaged");
  scrub.Example("registry scrub");
  scrub.Run([&client] { return Scrub(client); });

  Command& status = command.Sub("status", "Show the last collection, the scrub and damage");
  status.Example("registry status");
  status.Run([&client] { return Status(client); });
}

}  // namespace slipway::cli
