// slipway logs [-f] SERVICE
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string service;
  bool follow = false;
};

// The lines of a log as they come: as they are, or as a JSON object each, in JSON and YAML one a
// line.
class LogLines {
 public:
  explicit LogLines(Format format) : as_json_(format == Format::kJson || format == Format::kYaml) {}

  Result<void> Print(std::string_view piece) {
    if (!as_json_) return cli::Print(Printable(piece, /*keep_lines=*/true));
    rest_ += piece;
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      TRY_VOID(PrintLine(DumpJson(Json{{"line", rest_.substr(begin, end - begin)}})));
    }
    rest_.erase(0, begin);
    return {};
  }
  Result<void> End() { return rest_.empty() ? Result<void>() : Print("\n"); }

 private:
  const bool as_json_;
  std::string rest_;  // the begin of a line
};

Result<void> Logs(Client& client, const Options& options) {
  TRY(wanted, ParseKindName(options.service));
  if (wanted.kind != "service") {
    return Unimplemented("KIND_UNSUPPORTED", "only services have logs");
  }
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "lines of a log"));
  TRY(api, client.Api());
  std::string path = ResourcePath("services", false, client.Project(), wanted.name) + "/logs";
  if (options.follow) path += "?follow=1";
  // A log may be silent for days.
  constexpr std::chrono::milliseconds kNoLimit{0};
  LogLines lines(format);
  TRY_VOID(api->Stream(path, [&lines](std::string_view piece) { return lines.Print(piece); },
                       {.timeout = kNoLimit, .idle_timeout = kNoLimit}));
  return lines.End();
}

}  // namespace

void AddLogs(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->service, "SERVICE", "Whose log");
  command.Flag(&options->follow, "-f,--follow", "Go on with what is written from now on");
  command.Example("logs fraud");
  command.Example("logs -f fraud");
  command.Run([&client, options] { return Logs(client, *options); });
}

}  // namespace slipway::cli
