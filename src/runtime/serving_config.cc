#include "runtime/serving_config.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace slipway::runtime {
namespace {

Error Invalid(const std::string& path, const std::string& what) {
  return DataLoss("SERVING_CONFIG_INVALID",
                  path + ": " + what + "; start the agent of this site, which writes it anew");
}

// A word that must be one of those.
Result<void> CheckWord(const std::string& word, std::initializer_list<std::string_view> known,
                       const std::string& at) {
  if (std::ranges::find(known, word) != known.end()) return {};
  std::string all;
  for (const std::string_view one : known) all.append(all.empty() ? "" : ", ").append(one);
  return InvalidArgument("FIELD_RANGE",
                         at + ": one of " + all + ", got \"" + word.substr(0, 64) + "\"");
}

// What the descriptions cannot say: references between the parts.
Result<void> CheckService(const ServingService& service, const std::string& at) {
  if (service.access != "token" && service.access != "anonymous") {
    return InvalidArgument("FIELD_RANGE", at + ".access: token or anonymous, got \"" +
                                              service.access.substr(0, 64) + "\"");
  }
  std::set<int64_t> numbers;
  for (size_t i = 0; i < service.revisions.size(); ++i) {
    if (!numbers.insert(service.revisions[i].number).second) {
      return InvalidArgument("FIELD_RANGE",
                             at + ".revisions[" + std::to_string(i) + "].number: is there twice");
    }
  }
  if (service.scaling) {
    TRY_VOID(CheckWord(service.scaling->metric, {"concurrency", "queue", "rate", "latencyMs"},
                       at + ".scaling.metric"));
  }
  if (service.traffic) TRY_VOID(routing::CheckTraffic(*service.traffic, at + ".traffic"));
  return {};
}

Result<void> CheckTimeoutAction(const ServingRevision& revision, const std::string& at) {
  const std::string action = revision.batching ? revision.batching->timeout_action : "";
  if (action.empty() || action == "reject" || action == "delay") return {};
  return InvalidArgument(
      "FIELD_RANGE", at + ".revisions: timeoutAction is reject or delay, got \"" + action + "\"");
}

Result<void> CheckCode(const ServingRevision& revision, const std::string& at) {
  TRY_VOID(CheckProgram(revision.program, revision.mounts, at));
  const bool is_started = revision.program && revision.program->kind != kProgramPython;
  if (is_started || !revision.model_file.empty()) return {};
  return InvalidArgument("FIELD_REQUIRED", at + ".modelFile: there is no file to load");
}

Result<void> CheckConfig(const ServingConfig& config) {
  std::set<std::pair<std::string, std::string>> names;
  std::set<std::string> uids;
  for (size_t i = 0; i < config.services.size(); ++i) {
    const ServingService& service = config.services[i];
    std::string at = "services[" + std::to_string(i) + "]";
    if (!names.emplace(service.project, service.name).second) {
      return InvalidArgument("FIELD_RANGE", at + ".name: is there twice");
    }
    TRY_VOID(CheckService(service, at));
    for (size_t j = 0; j < service.revisions.size(); ++j) {
      const ServingRevision& revision = service.revisions[j];
      TRY_VOID(CheckCode(revision, at + ".revisions[" + std::to_string(j) + "]"));
      TRY_VOID(CheckTimeoutAction(revision, at));
      TRY_VOID(CheckWord(revision.accelerator, {"cpu", "gpu", "gpuPreferred"},
                         at + ".revisions.accelerator"));
      if (!uids.insert(revision.uid).second) {
        return InvalidArgument("FIELD_RANGE",
                               at + ".revisions: the uid " + revision.uid + " is there twice");
      }
    }
  }
  return {};
}

Result<ServingConfig> ParseServingConfig(std::string_view text) {
  JsonLimits limits{.max_bytes = kMaxServingConfigBytes,
                    .max_depth = 16,
                    .max_keys_per_object = 64,
                    .max_values = 20'000'000};
  TRY(json, ParseJson(text, limits));
  // The format is read before all else: a newer one may spell everything differently.
  auto format = json.find("format");
  if (format != json.end() && format->is_number_integer() &&
      format->get<int64_t>() > kServingFormat) {
    return FailedPrecondition("FORMAT_NEWER",
                              "format " + std::to_string(format->get<int64_t>()) +
                                  " is newer than this program, which knows formats up to " +
                                  std::to_string(kServingFormat) + ": use the newer program");
  }
  TRY(config, Decode<ServingConfig>(json));
  TRY_VOID(CheckConfig(config));
  return config;
}

}  // namespace

Result<ServingConfig> ReadServingConfig(FileSystem& files, const std::string& path) {
  TRY(text, ReadWholeFile(files, path, kMaxServingConfigBytes));
  auto config = ParseServingConfig(text);
  if (config.has_value()) return config;
  if (config.error().reason() == "FORMAT_NEWER") return config.error().Prefixed(path + ": ");
  return Invalid(path, config.error().message()).CausedBy(config.error());
}

Result<void> WriteServingConfig(FileSystem& files, const std::string& path,
                                const ServingConfig& config) {
  TRY_VOID(CheckConfig(config));
  return WriteFileDurably(files, path, DumpJsonPretty(Encode(config)) + "\n");
}

}  // namespace slipway::runtime
