#include "gateway/repository/model_folder.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/log.h"
#include "gateway/ensemble/ensemble_plan.h"
#include "gateway/limits.h"
#include "gateway/model_config/config_text.h"
#include "gateway/repository/batching_config.h"
#include "gateway/repository/model_file.h"
#include "trust/access.h"

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigFile = "config.pbtxt";

// As Triton has it: digits that do not begin with zero. Nothing for other names.
std::optional<int64_t> VersionOf(const fs::path& folder) {
  const std::string name = folder.filename().native();
  int64_t number = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data(), end, number);
  const bool is_version = parsed.ec == std::errc() && parsed.ptr == end && number > 0 &&
                          name.front() != '0' && name.front() != '-';
  return is_version ? std::optional(number) : std::nullopt;
}

std::vector<std::pair<int64_t, fs::path>> VersionFolders(const fs::path& folder) {
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::end(at); at.increment(error)) {
    std::error_code none;
    const std::optional<int64_t> number = VersionOf(at->path());
    if (number && at->is_directory(none)) found.emplace_back(*number, at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The file of a version: the one that the configuration names, else the one there is.
Result<fs::path> FileIn(const fs::path& folder, const std::string& wanted) {
  std::error_code error;
  if (!wanted.empty()) {
    fs::path file = folder / wanted;
    if (wanted.find('/') == std::string::npos && FormatOf(file) &&
        fs::is_regular_file(file, error)) {
      return file;
    }
    return NotFound("MODEL_FILE",
                    "there is no model " + file.native() + ", which default_model_filename names");
  }
  const std::vector<fs::path> files = ModelFilesIn(folder);
  if (files.size() == 1) return files[0];
  if (files.empty()) {
    return NotFound("MODEL_FILE", "there is no model in " + folder.native() +
                                      ": no file ends with " + KnownSuffixes());
  }
  for (const fs::path& file : files) {
    if (file.stem() == "model") return file;
  }
  return InvalidArgument("MODEL_AMBIGUOUS", folder.native() + " has several models, among them " +
                                                files[0].filename().native() + " and " +
                                                files[1].filename().native() +
                                                ": name one with default_model_filename");
}

Result<ModelVersion> MakeVersion(const Source& source, int64_t number, const fs::path& file) {
  for (const fs::path& part : PartsOf(file)) TRY_VOID(CheckBeneath(source.root, part));
  return ModelVersion{.number = number, .file = file, .format = std::string(*FormatOf(file))};
}

Result<Json> ReadConfigFile(const Source& source) {
  const fs::path path = source.path / kConfigFile;
  std::error_code error;
  if (!fs::exists(path, error)) return Json::object();
  TRY_VOID(CheckBeneath(source.root, path));
  TRY(text, ReadWholeFile(PosixFileSystem(), path.native(), kMaxConfigBytes));
  Result<Json> config = model_config::ReadConfigText(text);
  if (config.has_value()) return config;
  return InvalidArgument(config.error().reason(), path.native() + ": " + config.error().message());
}

std::string TextOf(const Json& config, std::string_view member) {
  const auto found = config.find(member);
  return found == config.end() ? std::string() : found->get<std::string>();
}

constexpr std::string_view kPlatforms[] = {
    "onnxruntime_onnx", "tensorflow_savedmodel", "tensorflow_graphdef",
    "openvino",         "pytorch_libtorch",      "slipway_fake",
    kEnsemble};
constexpr std::string_view kBackends[] = {"onnxruntime", "tensorflow", "openvino",
                                          "pytorch",     "slipway",    kEnsemble};

bool IsEnsemble(const Json& config) {
  return TextOf(config, "platform") == kEnsemble || config.contains("ensemble_scheduling");
}

bool IsUnsupportedPlatform(const std::string& platform) {
  return !platform.empty() && std::ranges::find(kPlatforms, platform) == std::end(kPlatforms);
}

bool IsUnsupportedBackend(const std::string& backend) {
  return !backend.empty() && std::ranges::find(kBackends, backend) == std::end(kBackends);
}

Error Unsupported(const std::string& what) {
  return Unimplemented("CONFIG_UNSUPPORTED", what);
}

// Threads of one run, by the parameter that Triton's backend for ONNX Runtime knows.
int ThreadsOf(const Json& config, int otherwise) {
  const auto parameters = config.find("parameters");
  if (parameters == config.end()) return otherwise;
  const auto found = parameters->find("intra_op_thread_count");
  if (found == parameters->end()) return otherwise;
  const std::string text = TextOf(*found, "string_value");
  constexpr int kMost = 1024;
  int threads = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, threads);
  const bool is_count = parsed.ec == std::errc() && parsed.ptr == end && threads >= 0;
  return is_count ? std::min(threads, kMost) : otherwise;
}

// Instances of all groups; a group that says nothing has one. 0 without groups: chosen.
int32_t InstancesOf(const Json& config) {
  constexpr int64_t kMost = 1024;
  int64_t sum = 0;
  const auto groups = config.find("instance_group");
  if (groups == config.end()) return 0;
  for (const Json& group : *groups) {
    const int64_t count = group.contains("count") ? group["count"].get<int64_t>() : 1;
    sum = std::min(sum + std::max<int64_t>(count, 1), kMost);
  }
  return static_cast<int32_t>(std::max<int64_t>(sum, 1));
}

// A group that asks for GPUs does not say what is to be done without them: Triton would refuse the
// model, we say so and take the processor.
std::string AcceleratorOf(const Json& config, const std::string& fallback) {
  if (fallback != "cpu") return fallback;
  for (const Json& group : config.value("instance_group", Json::array())) {
    if (TextOf(group, "kind") == "KIND_GPU") return "gpuPreferred";
  }
  return fallback;
}

// Of an ensemble a version is no file, and an empty folder if anything: those of Triton that git
// does not keep are not missed.
ModelFolder EnsembleFolder(const Source& source, Json config) {
  ModelFolder folder{.config = std::move(config), .versions = {}};
  for (const auto& [number, path] : VersionFolders(source.path)) {
    folder.versions.push_back(
        {.number = number, .file = source.path / kConfigFile, .format = std::string(kEnsemble)});
  }
  if (folder.versions.empty()) {
    folder.versions.push_back(
        {.number = 1, .file = source.path / kConfigFile, .format = std::string(kEnsemble)});
  }
  return folder;
}

// What an ensemble may not say beside its steps.
Result<void> CheckEnsemble(const Json& config) {
  if (!config.contains("ensemble_scheduling")) {
    return InvalidArgument("CONFIG_UNSUPPORTED",
                           "ensemble_scheduling: a model of the platform 'ensemble' has its steps "
                           "there");
  }
  for (const char* member : {"platform", "backend"}) {
    const std::string told = TextOf(config, member);
    if (told.empty() || told == kEnsemble) continue;
    return InvalidArgument("CONFIG_UNSUPPORTED", std::string(member) + ": '" + told +
                                                     "' has no ensemble_scheduling: say "
                                                     "'ensemble', or take the steps away");
  }
  return {};
}

// Another file, another configuration or other settings are another revision.
std::string UidOf(const Source& source, const ModelVersion& version,
                  const runtime::ServingRevision& settings) {
  std::string text = source.name + "\n" + version.file.native() + "\n" + settings.config + "\n" +
                     std::to_string(settings.threads) + "\n" + std::to_string(settings.instances);
  std::error_code error;
  const Result<FileInfo> info = PosixFileSystem().Info(version.file.native());
  if (info.has_value()) {
    text += "\n" + std::to_string(info->inode) + "\n" + std::to_string(info->size_bytes) + "\n" +
            std::to_string(fs::last_write_time(version.file, error).time_since_epoch().count());
  }
  constexpr size_t kDigits = 32;
  return std::string(Digest::Of(text).hex().substr(0, kDigits));
}

}  // namespace

bool IsModelFolder(const fs::path& folder) {
  return ModelFilesIn(folder).size() == 1 || HasVersions(folder);
}

bool HasVersions(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / kConfigFile, error)) return true;
  const auto versions = VersionFolders(folder);
  return std::any_of(versions.begin(), versions.end(),
                     [](const auto& version) { return !ModelFilesIn(version.second).empty(); });
}

Result<ModelFolder> ReadModelFolder(const Source& source, const std::optional<Json>& config) {
  ModelFolder folder;
  std::error_code error;
  if (config) folder.config = *config;
  if (!fs::is_directory(source.path, error)) {
    TRY(version, MakeVersion(source, 1, source.path));
    folder.versions.push_back(std::move(version));
    return folder;
  }
  if (!config) {
    TRY(read, ReadConfigFile(source));
    folder.config = std::move(read);
  }
  if (IsEnsemble(folder.config)) return EnsembleFolder(source, std::move(folder.config));
  const std::string wanted = TextOf(folder.config, "default_model_filename");
  for (const auto& [number, path] : VersionFolders(source.path)) {
    TRY(file, FileIn(path, wanted));
    TRY(version, MakeVersion(source, number, file));
    folder.versions.push_back(std::move(version));
  }
  if (folder.versions.empty()) {
    TRY(file, FileIn(source.path, wanted));
    TRY(version, MakeVersion(source, 1, file));
    folder.versions.push_back(std::move(version));
  }
  return folder;
}

Result<std::vector<ModelVersion>> ChooseVersions(const Json& config,
                                                 const std::vector<ModelVersion>& versions) {
  const Json policy = config.value("version_policy", Json::object());
  if (policy.contains("all")) return versions;
  std::vector<ModelVersion> chosen;
  if (policy.contains("specific")) {
    const Json wanted = policy["specific"].value("versions", Json::array());
    for (const Json& number : wanted) {
      const auto found =
          std::find_if(versions.begin(), versions.end(),
                       [&](const ModelVersion& version) { return number == version.number; });
      if (found == versions.end()) {
        return NotFound("MODEL_VERSION", "version_policy names version " + DumpJson(number) +
                                             ", and there is no folder of that name");
      }
      chosen.push_back(*found);
    }
    std::sort(chosen.begin(), chosen.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    chosen.erase(std::unique(chosen.begin(), chosen.end(),
                             [](const auto& a, const auto& b) { return a.number == b.number; }),
                 chosen.end());
    return chosen;
  }
  uint64_t most = 1;
  if (policy.contains("latest")) most = policy["latest"].value("num_versions", uint64_t{1});
  const size_t count = std::min<uint64_t>(std::max<uint64_t>(most, 1), versions.size());
  chosen.assign(versions.end() - static_cast<ptrdiff_t>(count), versions.end());
  return chosen;
}

Result<void> CheckServable(const Json& config, const std::string& name) {
  const std::string told = TextOf(config, "name");
  if (!told.empty() && told != name) {
    return InvalidArgument("CONFIG_UNSUPPORTED", "the configuration is of the model '" + told +
                                                     "', and the model is called '" + name + "'");
  }
  const std::string platform = TextOf(config, "platform");
  if (config.contains("sequence_batching")) {
    return Unsupported("sequence_batching, which is not served yet");
  }
  if (IsEnsemble(config)) TRY_VOID(CheckEnsemble(config));
  if (IsUnsupportedPlatform(platform)) {
    return Unsupported("the platform '" + platform +
                       "' is not served: onnxruntime_onnx, tensorflow_savedmodel, "
                       "tensorflow_graphdef, openvino and ensemble are");
  }
  if (const std::string backend = TextOf(config, "backend"); IsUnsupportedBackend(backend)) {
    return Unsupported("the backend '" + backend +
                       "' is not served: onnxruntime, tensorflow and openvino are");
  }
  for (const char* list : {"input", "output"}) {
    for (const Json& tensor : config.value(list, Json::array())) {
      if (!tensor.contains("reshape")) continue;
      return Unsupported("reshape of '" + TextOf(tensor, "name") +
                         "' is not served: clients send the model's own shape");
    }
  }
  const auto batch = config.find("max_batch_size");
  if (batch == config.end() || batch->get<int64_t>() >= 0) return {};
  return InvalidArgument("CONFIG_UNSUPPORTED", "max_batch_size is negative: 0 means no batching");
}

std::vector<std::string> WithoutEffect(const Json& config) {
  std::vector<std::string> names;
  for (const char* member :
       {"batch_input", "batch_output", "optimization", "cc_model_filenames", "metric_tags",
        "model_operations", "model_repository_agents", "response_cache", "model_metrics"}) {
    if (config.contains(member)) names.emplace_back(member);
  }
  for (std::string& member : BatchingWithoutEffect(config)) names.push_back(std::move(member));
  if (IsEnsemble(config)) {
    if (config.contains("instance_group")) names.emplace_back("instance_group of an ensemble");
    if (config.contains("model_warmup")) names.emplace_back("model_warmup of an ensemble");
    if (config["ensemble_scheduling"].contains("max_inflight_requests")) {
      names.emplace_back("max_inflight_requests of ensemble_scheduling");
    }
  }
  for (const Json& output : config.value("output", Json::array())) {
    if (TextOf(output, "label_filename").empty()) continue;
    names.emplace_back("label_filename");
    break;
  }
  return names;
}

std::vector<std::string> StepsOf(const runtime::ServingService& service) {
  std::vector<std::string> models;
  for (const runtime::ServingRevision& revision : service.revisions) {
    if (revision.format != kEnsemble) continue;
    // It was read well when it was planned.
    const Json config = ParseJson(revision.config, {.max_bytes = kMaxConfigBytes}).value();
    for (const Json& step : config["ensemble_scheduling"]["step"]) {
      models.push_back(TextOf(step, "model_name"));
    }
  }
  std::sort(models.begin(), models.end());
  models.erase(std::unique(models.begin(), models.end()), models.end());
  return models;
}

Result<runtime::ServingService> PlanService(const StandAloneOptions& options, const Source& source,
                                            const std::optional<Json>& config) {
  TRY(folder, ReadModelFolder(source, config));
  TRY_VOID(CheckServable(folder.config, source.name));
  if (IsEnsemble(folder.config)) TRY_VOID(ReadEnsemblePlan(folder.config));
  TRY(versions, ChooseVersions(folder.config, folder.versions));
  if (versions.size() > runtime::kMaxServingRevisions) {
    return ResourceExhausted("MODELS_TOO_MANY", "more than " +
                                                    std::to_string(runtime::kMaxServingRevisions) +
                                                    " versions: choose fewer with version_policy");
  }
  for (const std::string& member : WithoutEffect(folder.config)) {
    LogWarning("the model's configuration has something without effect here",
               {{"model", source.name}, {"what", member}});
  }
  runtime::ServingService service{.project = "default",
                                  .name = source.name,
                                  .access = options.token.empty() ? "anonymous" : "token",
                                  .timeout_ms = options.timeout.count()};
  if (!options.token.empty())
    service.keys.push_back({.sha256 = trust::HashToken(options.token), .name = "token-file"});
  for (const ModelVersion& version : versions) {
    runtime::ServingRevision revision{
        .number = version.number,
        .format = version.format,
        .path = version.file.parent_path().native(),
        .model_file = version.file.filename().native(),
        .digest = Digest::Of("").text(),
        .threads = ThreadsOf(folder.config, options.threads),
        .instances = InstancesOf(folder.config),
        .config = folder.config.empty() ? std::string() : DumpJson(folder.config),
        .batching = BatchingOf(folder.config),
        .own_process = options.own_process,
        .accelerator = AcceleratorOf(folder.config, options.accelerator)};
    if (version.format == kEnsemble) {
      revision.own_process = false;  // it runs where its models do
      revision.accelerator = "cpu";
    } else if (options.max_batch > 0) {
      if (!revision.batching) revision.batching = runtime::BatchingSettings{};
      revision.batching->max_batch_size = options.max_batch;
    }
    revision.uid = UidOf(source, version, revision);
    service.revisions.push_back(std::move(revision));
  }
  return service;
}

}  // namespace slipway::gateway
