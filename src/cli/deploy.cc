// slipway deploy NAME:TAG and slipway upgrade SERVICE NAME:TAG
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/deploy_program.h"
#include "cli/deployment.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string model;  // may be empty where there is a program
  ProgramOptions code;
  std::string service;  // empty: named like the model, or the program
  bool must_exist = false;
  std::optional<int64_t> threads;
  std::optional<int64_t> instances;
  std::optional<int64_t> max_batch;
  std::string access;
  std::string isolation;
  WaitOptions wait;
};

Error Nothing(const Options& options) {
  return InvalidArgument(
      "USAGE",
      options.must_exist
          ? "say what changes: NAME:TAG, --model NAME:TAG=NAME or --program KIND=NAME:TAG"
          : "say what to serve: NAME:TAG, or --program KIND=NAME:TAG with --model NAME:TAG");
}

// Where it lies if nobody says otherwise.
Result<ModelName> NamesakeOf(const Options& options) {
  if (!options.model.empty()) return ParseModelName(options.model);
  if (!options.code.program.empty()) {
    TRY(program, ParseProgram(options.code.program));
    return program.package;
  }
  if (!options.must_exist || options.code.models.empty()) return Nothing(options);
  TRY(model, ParseMountedModel(options.code.models.front()));
  return model.package;
}

Result<Json> PredictorOf(ApiClient& api, const Options& options, const std::string& project,
                         const std::string& service) {
  Json predictor = Json::object();
  if (!options.model.empty()) {
    TRY(model, ParseModelName(options.model));
    TRY(pinned, PinReference(api, model));
    predictor["model"] = pinned;
  }
  if (!options.code.program.empty()) {
    TRY(program, ProgramPatch(api, options.code));
    predictor["program"] = program;
  } else if (!options.code.command.empty()) {
    return InvalidArgument("USAGE", "--command belongs to --program v2=NAME:TAG or http=NAME:TAG");
  }
  // A deployment of a program says all its models, an upgrade those that change.
  const bool is_whole = !options.must_exist && !options.code.program.empty();
  if (options.code.models.empty() && !is_whole) return predictor;
  Json before;
  if (options.must_exist) {
    TRY(answer, api.Get(ResourcePath("services", false, project, service)));
    before = At(answer.body, "/spec/predictor/models");
  } else if (options.model.empty()) {
    predictor["model"] = nullptr;
  }
  TRY(models, MountedModels(api, options.code, before));
  predictor["models"] = models;
  return predictor;
}

Json SpecOf(const Options& options, Json predictor) {
  Json spec = {{"predictor", std::move(predictor)}};
  if (options.threads) spec["predictor"]["threads"] = *options.threads;
  if (options.instances) spec["predictor"]["instances"] = *options.instances;
  if (!options.isolation.empty()) spec["predictor"]["isolation"] = options.isolation;
  if (options.max_batch) spec["predictor"]["batching"]["maxBatchSize"] = *options.max_batch;
  if (!options.access.empty()) spec["access"] = options.access;
  return spec;
}

Result<ApiAnswer> CreateOrPatch(ApiClient& api, const std::string& project,
                                const std::string& service, const Json& spec, bool must_exist) {
  const std::string path = ResourcePath("services", false, project, service);
  Result<ApiAnswer> patched = api.Patch(path, Json{{"spec", spec}});
  if (patched || patched.error().code() != Code::kNotFound) return patched;
  if (must_exist) {
    return NotFound("RESOURCE_UNKNOWN",
                    fmt::format("there is no service {} in project {}; `slipway "
                                "deploy MODEL --as {}` makes it",
                                service, project, service));
  }
  Json resource = {{"apiVersion", "slipway/v1"},
                   {"kind", "Service"},
                   {"metadata", {{"name", service}}},
                   {"spec", spec}};
  Result<ApiAnswer> created = api.Post(ResourcePath("services", false, project), resource);
  if (created) created->change = "created";
  // Someone else was quicker: then it is there to be changed.
  if (!created && created.error().code() == Code::kAlreadyExists) {
    return api.Patch(path, Json{{"spec", spec}});
  }
  return created;
}

// A failed revision is tried again when the same thing is deployed again.
Result<void> RetryIfFailed(ApiClient& api, const std::string& project, Json& service) {
  std::string phase = TextAt(service, "/status/phase");
  if (phase != "Failed" && phase != "Degraded") return {};
  std::string path =
      ResourcePath("services", false, project, TextAt(service, "/metadata/name")) + "/retry";
  TRY(answer, api.Post(path, Json::object()));
  service = std::move(answer.body);
  return {};
}

Result<void> Deploy(Client& client, const Options& options) {
  TRY_VOID(client.OutputFormat());
  TRY(model, NamesakeOf(options));
  TRY(api, client.Api());
  std::string project = client.options().project.empty() ? model.project : client.options().project;
  std::string service = options.service.empty() ? model.service : options.service;
  TRY(predictor, PredictorOf(*api, options, project, service));
  TRY(answer, CreateOrPatch(*api, project, service, SpecOf(options, std::move(predictor)),
                            options.must_exist));
  bool changed = answer.change != "unchanged";
  if (!changed) {
    TRY_VOID(RetryIfFailed(*api, project, answer.body));
  }
  return FinishDeployment(client, project, answer.body, changed, options.wait);
}

void AddSettings(Command& command, Options& options) {
  command.Option(&options.code.program, "--program", "KIND=NAME:TAG",
                 "Code that answers: python, v2 or http, and its package");
  command.Options(&options.code.models, "--model", "NAME:TAG[=NAME]",
                  "A model that the program is given, and its name there; once for each");
  command.Options(&options.code.command, "--command", "WORD",
                  "How a program of v2 or http is started; once for each word");
  command.Option(&options.threads, "--threads", 0, 1024,
                 "Threads of a run in the engine; 0: chosen");
  command.Option(&options.instances, "--instances", 0, 64, "Runs at the same time; 0: chosen");
  command.Option(&options.max_batch, "--max-batch", 0, 65'536,
                 "Rows of requests that share a run; 0: each runs by itself");
  command.Choice(&options.isolation, "--isolation", {"shared", "process"},
                 "Run in the process of the data plane, or in one of its own");
  command.Flag(&options.wait.no_wait, "--no-wait", "Return before the revision is ready");
  command.Option(&options.wait.timeout_s, "--timeout", 1, 86'400, "Seconds to wait (300)");
}

}  // namespace

void AddDeploy(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->model, "NAME:TAG", "Model version to serve", Need::kOptional);
  command.Option(&options->service, "--as", "SERVICE", "Name of the service (the model's name)");
  command.Choice(&options->access, "--access", {"token", "anonymous"}, "Who may ask the service");
  AddSettings(command, *options);
  command.Example("deploy fraud:v2");
  command.Example("deploy vision/detector:1.4 --as gate --threads 2");
  command.Example("deploy --program python=gate-code:v1 --model detector:1.4 --model plates:2=ocr");
  command.Run([&client, options] { return Deploy(client, *options); });
}

void AddUpgrade(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  options->must_exist = true;
  command.Positional(&options->service, "SERVICE", "Service to change");
  command.Positional(&options->model, "NAME:TAG", "Model version to serve from now on",
                     Need::kOptional);
  AddSettings(command, *options);
  command.Example("upgrade fraud fraud:v3");
  command.Example("upgrade fraud fraud:v3 --timeout 60");
  command.Example("upgrade gate --model plates:3=ocr");
  command.Run([&client, options]() -> Result<void> {
    TRY(wanted, ParseKindName(options->service));
    if (wanted.kind != "service") {
      return Unimplemented("KIND_UNSUPPORTED", "only services can be upgraded");
    }
    options->service = wanted.name;
    return Deploy(client, *options);
  });
}

}  // namespace slipway::cli
