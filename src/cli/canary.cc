// slipway canary show|pause|resume|promote|abort|retry
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/text.h"
#include "resource/kinds/service.h"

namespace slipway::cli {
namespace {

using resource::CanaryStatus;

Result<std::string> NameOf(const std::string& text) {
  TRY(wanted, ParseKindName(text));
  if (wanted.kind == "service") return wanted.name;
  return Unimplemented("KIND_UNSUPPORTED", "only services have a canary");
}

// What a verb is about.
struct Subject {
  ApiClient* api;
  std::string path;
  std::string name;
  Json service;
  CanaryStatus canary;
};

Result<Subject> Find(Client& client, const std::string& text) {
  TRY(name, NameOf(text));
  TRY(api, client.Api());
  const std::string path = ResourcePath("services", false, client.Project(), name);
  TRY(answer, api->Get(path));
  if (!At(answer.body, "/spec/canary").is_object()) {
    return FailedPrecondition(
        "NO_CANARY", fmt::format("service {} has no spec.canary: a new revision gets all requests "
                                 "as soon as it is ready; `slipway explain service.spec.canary`",
                                 name));
  }
  // A server of another version may have fields that this program does not know.
  auto canary = Decode<CanaryStatus>(At(answer.body, "/status/canary"), "status.canary",
                                     UnknownFields::kIgnore);
  return Subject{.api = api,
                 .path = path,
                 .name = name,
                 .service = std::move(answer.body),
                 .canary = canary.has_value() ? *std::move(canary) : CanaryStatus()};
}

std::string Text(const Subject& subject) {
  const CanaryStatus& canary = subject.canary;
  std::string text = fmt::format("phase: {}\n", canary.phase.empty() ? "Idle" : canary.phase);
  if (canary.stable > 0) text += fmt::format("stable revision: {}\n", canary.stable);
  if (canary.revision > 0) text += fmt::format("new revision: {}\n", canary.revision);
  if (canary.step > 0 && resource::IsOnTrial(canary)) {
    text += fmt::format("share: {:.4g} %\n", canary.weight / 100.0);
  }
  const std::string progress = TextAt(subject.service, "/status/canaryProgress");
  if (!progress.empty() && resource::IsOnTrial(canary)) text += "now: " + progress + "\n";
  if (!canary.message.empty()) text += canary.message + "\n";
  return Printable(text, /*keep_lines=*/true);
}

Result<void> Show(Client& client, const std::string& text) {
  TRY(format, client.OutputFormat());
  TRY(subject, Find(client, text));
  if (format == Format::kName) return PrintLine(Printable("service/" + subject.name));
  if (format == Format::kJson || format == Format::kYaml) {
    const Json canary = At(subject.service, "/status/canary");
    return PrintJson(canary.is_object() ? canary : Json::object(), format);
  }
  return Print(Text(subject));
}

Result<void> Patch(Client& client, const Subject& subject, Json fields, std::string_view done) {
  TRY(format, client.OutputFormat());
  TRY(answer, subject.api->Patch(subject.path, Json{{"spec", {{"canary", std::move(fields)}}}}));
  return PrintOutcome(format, answer.body, "service/" + subject.name,
                      fmt::format("service {}: {}{}", subject.name, done,
                                  answer.change == "unchanged" ? " already; nothing changed" : ""));
}

Result<void> SetPaused(Client& client, const std::string& text, bool paused) {
  TRY(subject, Find(client, text));
  return Patch(client, subject, Json{{"paused", paused}},
               paused ? "its canary is paused" : "its canary goes on");
}

// The revision that is on its way; FAILED_PRECONDITION / NO_CANARY where there is none.
Result<int64_t> RevisionOnItsWay(const Subject& subject) {
  const CanaryStatus& canary = subject.canary;
  if (canary.phase == resource::kCanaryWaiting || resource::IsOnTrial(canary)) {
    return canary.revision;
  }
  return FailedPrecondition("NO_CANARY",
                            fmt::format("no revision of service {} is on its way{}{}", subject.name,
                                        canary.message.empty() ? "" : ": ", canary.message));
}

Result<void> Promote(Client& client, const std::string& text) {
  TRY(subject, Find(client, text));
  if (subject.canary.phase == resource::kCanaryPromoted) {
    TRY(format, client.OutputFormat());
    return PrintOutcome(format, subject.service, "service/" + subject.name,
                        fmt::format("service {}: {}", subject.name, subject.canary.message));
  }
  const bool is_back = subject.canary.phase == resource::kCanaryRolledBack;
  Result<int64_t> revision = is_back ? subject.canary.revision : RevisionOnItsWay(subject);
  if (revision.has_error()) return revision.error();
  return Patch(client, subject, Json{{"promote", *revision}, {"abort", 0}},
               fmt::format("revision {} gets all requests as soon as it is ready", *revision));
}

Result<void> Abort(Client& client, const std::string& text) {
  TRY(subject, Find(client, text));
  if (subject.canary.phase == resource::kCanaryRolledBack) {
    TRY(format, client.OutputFormat());
    return PrintOutcome(format, subject.service, "service/" + subject.name,
                        fmt::format("service {}: {}", subject.name, subject.canary.message));
  }
  TRY(revision, RevisionOnItsWay(subject));
  return Patch(client, subject, Json{{"abort", revision}, {"promote", 0}},
               fmt::format("revision {} gets nothing; revision {} has all requests", revision,
                           subject.canary.stable));
}

Result<void> Retry(Client& client, const std::string& text) {
  TRY(subject, Find(client, text));
  TRY(format, client.OutputFormat());
  if (subject.canary.phase != resource::kCanaryRolledBack) {
    return FailedPrecondition(
        "NOT_ROLLED_BACK",
        fmt::format("no revision of service {} was rolled back; `slipway canary show {}` shows "
                    "where it stands",
                    subject.name, subject.name));
  }
  TRY(cleared, subject.api->Patch(subject.path,
                                  Json{{"spec", {{"canary", {{"abort", 0}, {"promote", 0}}}}}}));
  (void)cleared;
  TRY(answer, subject.api->Post(subject.path + "/retry", Json::object()));
  return PrintOutcome(format, answer.body, "service/" + subject.name,
                      fmt::format("service {}: revision {} takes its steps anew", subject.name,
                                  subject.canary.revision));
}

using Action = Result<void> (*)(Client&, const std::string&);

void Add(Command& command, Client& client, std::string_view verb, std::string_view text,
         Action action) {
  Command& sub = command.Sub(verb, text);
  auto service = std::make_shared<std::string>();
  sub.Positional(service.get(), "SERVICE", "Which one");
  sub.Example(fmt::format("canary {} fraud", verb));
  sub.Run([&client, service, action] { return action(client, *service); });
}

}  // namespace

void AddCanary(Command& command, Client& client) {
  Add(command, client, "show", "Show where the new revision of a service stands", &Show);
  Add(command, client, "pause", "Keep the shares as they are and decide nothing",
      [](Client& on, const std::string& service) { return SetPaused(on, service, true); });
  Add(command, client, "resume", "Go on after a pause",
      [](Client& on, const std::string& service) { return SetPaused(on, service, false); });
  Add(command, client, "promote", "Give the new revision all requests now", &Promote);
  Add(command, client, "abort", "Give the stable revision all requests again", &Abort);
  Add(command, client, "retry", "Try a revision again that was rolled back", &Retry);
}

}  // namespace slipway::cli
