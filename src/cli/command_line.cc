#include "cli/command_line.h"

#include <csignal>
#include <deque>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/nearest_word.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace slipway::cli {
namespace {

// In the order of the help: the everyday ones first.
constexpr Verb<Client&> kVerbs[] = {
    {"push", "Package a model file or folder and push it to the registry", &AddPush},
    {"pull", "Fetch a model's files from the registry", &AddPull},
    {"models", "List models, or the versions of one", &AddModels},
    {"inspect", "Show a model version: files, digest, inputs and outputs", &AddInspect},
    {"deploy", "Serve a model version", &AddDeploy},
    {"services", "List services", &AddServices},
    {"infer", "Send a request to a service", &AddInfer},
    {"bench", "Load a service with requests and tell how long they take", &AddBench},
    {"upgrade", "Move a service to another model version", &AddUpgrade},
    {"rollback", "Go back to what a service served before", &AddRollback},
    {"traffic", "Show, change and explain which revisions get which requests", &AddTraffic},
    {"canary", "Follow and steer how a service moves to its new revision", &AddCanary},
    {"logs", "Show the log of a service", &AddLogs},
    {"status", "Show how control centre, data plane and services are", &AddStatus},
    {"top", "Watch what revisions do: rate, latency, queue, batches, load, memory", &AddTop},
    {"apply", "Create or change resources from a file", &AddApply},
    {"get", "List resources of a kind, or get one", &AddGet},
    {"describe", "Show one resource with all that is known about it", &AddDescribe},
    {"delete", "Delete resources", &AddDelete},
    {"events", "Show what happened", &AddEvents},
    {"explain", "Explain a kind or one of its fields", &AddExplain},
    {"model", "Work with models as artifacts: save, tag, copy, sign, compare", &AddModel},
    {"registry", "Collect garbage and look for damage in the registry", &AddRegistry},
    {"token", "Create, list and revoke tokens", &AddToken},
    {"login", "Sign in to another registry", &AddLogin},
    {"logout", "Forget a sign-in to another registry", &AddLogout},
    {"context", "Choose the control centre to talk to", &AddContext},
    {"ormb", "ormb's own command line", &AddOrmb},
    {"ormb-storage-initializer", "What pods of ormb run before their server",
     &AddOrmbStorageInitializer},
    {"version", "Show the version", &AddVersion},
};

// At the end of each verb's help.
constexpr std::string_view kGeneralOptions =
    "General options: -o table|wide|json|yaml|name, --project NAME, --context NAME";

// A Command on CLI11's App.
class AppCommand final : public Command {
 public:
  AppCommand(CLI::App& app, std::function<Result<void>()>& chosen) : app_(app), chosen_(chosen) {
    app_.footer(std::string(kGeneralOptions));
  }

  void Positional(std::string* value, std::string_view name, std::string_view text,
                  Need need) override {
    app_.add_option(std::string(name), *value, std::string(text))
        ->required(need == Need::kRequired);
  }
  void Positionals(std::vector<std::string>* values, std::string_view name,
                   std::string_view text) override {
    app_.add_option(std::string(name), *values, std::string(text))->required();
  }
  void Option(std::string* value, std::string_view names, std::string_view value_name,
              std::string_view text, Need need) override {
    app_.add_option(std::string(names), *value, std::string(text))
        ->type_name(std::string(value_name))
        ->required(need == Need::kRequired);
  }
  void Options(std::vector<std::string>* values, std::string_view names,
               std::string_view value_name, std::string_view text) override {
    app_.add_option(std::string(names), *values, std::string(text))
        ->type_name(std::string(value_name))
        ->type_size(1)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  void Option(std::optional<int64_t>* value, std::string_view names, int64_t min, int64_t max,
              std::string_view text) override {
    app_.add_option(std::string(names), *value, std::string(text))
        ->type_name(fmt::format("{}..{}", min, max))
        ->check(CLI::Range(min, max).description(""));
  }
  void Choice(std::string* value, std::string_view names, const std::vector<std::string>& choices,
              std::string_view text, Need need) override {
    std::string joined = fmt::format("{}", fmt::join(choices, "|"));
    app_.add_option(std::string(names), *value, std::string(text))
        ->type_name(joined)
        ->check(CLI::IsMember(choices).description(""))
        ->required(need == Need::kRequired);
  }
  void Flag(bool* value, std::string_view names, std::string_view text) override {
    app_.add_flag(std::string(names), *value, std::string(text));
  }
  void Example(std::string_view line) override {
    examples_ += fmt::format("\n  slipway {}", line);
    app_.footer(fmt::format("{}\n\nExamples:{}", kGeneralOptions, examples_));
  }
  Command& Sub(std::string_view name, std::string_view text) override {
    app_.require_subcommand(1);
    CLI::App* sub = app_.add_subcommand(std::string(name), std::string(text));
    return subs_.emplace_back(*sub, chosen_);
  }
  void Run(std::function<Result<void>()> action) override {
    app_.callback([this, action = std::move(action)] { chosen_ = action; });
  }

 private:
  CLI::App& app_;
  std::function<Result<void>()>& chosen_;
  std::string examples_;
  std::deque<AppCommand> subs_;
};

void AddGeneralOptions(CLI::App& app, GeneralOptions& options) {
  app.add_option("--context", options.context, "Context to use instead of the current one")
      ->envname("SLIPWAY_CONTEXT")
      ->type_name("NAME");
  app.add_option("--project", options.project, "Project of the names without one (default)")
      ->type_name("NAME");
  app.add_option("-o,--output", options.output, "table, wide, json, yaml or name (table)")
      ->type_name("FORMAT");
}

// The general options are understood before and after the verb.
void LetFallThrough(CLI::App& app) {
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) {
    sub->fallthrough();
    LetFallThrough(*sub);
  }
}

std::string DidYouMean(std::string_view wrong, const std::vector<std::string>& known) {
  const std::string nearest = NearestWord(wrong, known);
  return nearest.empty() ? "" : fmt::format(", did you mean {}?", nearest);
}

std::vector<std::string> VerbsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return names;
}

// Of the verb and of the program: both are understood.
std::vector<std::string> OptionsOf(const CLI::App& program, const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::App* app : {&verb, &program}) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// What is wrong with the words, in ours where CLI11's would not help.
std::string UsageProblem(const CLI::App& program, const CLI::App& at,
                         const CLI::ParseError& error) {
  const bool wants_verb = at.get_require_subcommand_min() > 0;
  const std::vector<std::string> rest = program.remaining(true);
  if (rest.empty()) {
    return wants_verb ? fmt::format("a verb is missing: {}", fmt::join(VerbsOf(at), ", "))
                      : std::string(error.what());
  }
  const std::string& word = rest.front();
  if (word.starts_with('-')) {
    return fmt::format("there is no option {}{}", word, DidYouMean(word, OptionsOf(program, at)));
  }
  if (!wants_verb) return fmt::format("\"{}\" is one word too many", word);
  return fmt::format("there is no verb \"{}\"{}", word, DidYouMean(word, VerbsOf(at)));
}

int FailUsage(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App* at = &program;
  std::string path = "slipway";
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  return ReportError(InvalidArgument(
      "USAGE",
      fmt::format("{}; see {} --help", Printable(UsageProblem(program, *at, error)), path)));
}

int RunVerbs(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write
  Client client;
  std::function<Result<void>()> action;
  CLI::App app("From a trained model to a running, upgradable service", "slipway");
  app.require_subcommand(1);
  app.footer("The programs: slipway server --help, slipway serve --help");
  AddGeneralOptions(app, client.options());
  std::deque<AppCommand> commands;
  for (const auto& verb : kVerbs) {
    verb.add(commands.emplace_back(*app.add_subcommand(verb.name, verb.text), action), client);
  }
  LetFallThrough(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return FailUsage(app, error);
  }
  Result<void> done = action();
  return done ? 0 : ReportError(done.error());
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv) {
  const std::string_view called = argc > 0 ? argv[0] : "";
  const std::string_view name = called.substr(called.rfind('/') + 1);
  // A link of that name is that verb: entry points of pods and scripts go on working.
  if (name == "ormb" || name == "ormb-storage-initializer") {
    const std::string verb(name);
    std::vector<const char*> words = {"slipway", verb.c_str()};
    words.insert(words.end(), argv + 1, argv + argc);
    words.push_back(nullptr);
    return RunVerbs(static_cast<int>(words.size()) - 1, words.data());
  }
  return RunVerbs(argc, argv);
}

}  // namespace slipway::cli
