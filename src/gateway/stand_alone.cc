#include "gateway/stand_alone.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "trust/access.h"

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;

struct Suffix {
  std::string_view suffix;
  std::string_view format;
  bool offered = true;  // else it is for tests, and no message tells users of it
};
constexpr std::array kSuffixes = {
    Suffix{.suffix = ".onnx", .format = "onnx"},
    Suffix{.suffix = ".fake.json", .format = "fake", .offered = false}};

std::optional<Suffix> SuffixOf(const fs::path& file) {
  for (const Suffix& suffix : kSuffixes) {
    if (file.filename().native().ends_with(suffix.suffix)) return suffix;
  }
  return std::nullopt;
}

std::string KnownSuffixes() {
  std::string text;
  for (const Suffix& suffix : kSuffixes) {
    if (!suffix.offered) continue;
    text += (text.empty() ? "" : ", ") + std::string(suffix.suffix);
  }
  return text;
}

constexpr std::string_view kOneModel =
    "; `slipway serve` alone serves one model, a control centre (`slipway server`) as many as are "
    "pushed and deployed";

// A model in the folders below, where a model repository has them: NAME/1/model.onnx. Looks at no
// more than a few entries: it is for an error's words.
std::optional<fs::path> ModelBelow(const fs::path& folder) {
  constexpr int kDepth = 2;
  constexpr int kMaxLooks = 1'000;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (int looks = 0; !error && at != fs::end(at) && looks < kMaxLooks; ++looks) {
    if (at.depth() >= kDepth) at.disable_recursion_pending();
    if (at->is_regular_file(error) && SuffixOf(at->path())) return at->path();
    at.increment(error);
  }
  return std::nullopt;
}

Error NoModelIn(const fs::path& folder) {
  if (const std::optional<fs::path> below = ModelBelow(folder)) {
    return NotFound("MODEL_FILE", folder.native() + " is no model but a folder of model folders; " +
                                      "name one, such as " + below->parent_path().native() +
                                      std::string(kOneModel));
  }
  return NotFound("MODEL_FILE", "there is no model in " + folder.native() + ": no file ends with " +
                                    KnownSuffixes());
}

// A folder that somebody else prepared may not bring in files from elsewhere, as with `slipway
// push`; a link that was named itself is its owner's choice.
Result<void> CheckLink(const fs::path& folder, const fs::path& model) {
  std::error_code error;
  if (!fs::is_symlink(model, error)) return {};
  const fs::path root = fs::canonical(folder, error) / "";
  const fs::path target = fs::canonical(model, error);
  if (!error && target.native().starts_with(root.native())) return {};
  return InvalidArgument("LINK_REFUSED", model.native() + " is a link to " +
                                             fs::read_symlink(model, error).native() +
                                             ", outside of " + root.parent_path().native() +
                                             "; put a copy there or name the file itself");
}

Result<fs::path> FindModel(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return NotFound("MODEL_FILE", "there is no file or folder " + path.native());
  }
  if (!fs::is_directory(path, error)) {
    if (SuffixOf(path) && !fs::is_regular_file(path, error)) {
      return InvalidArgument("FILE_SPECIAL", path.native() + " is not a regular file");
    }
    if (SuffixOf(path)) return path;
    return NotFound("MODEL_FILE", path.native() +
                                      " is no model that can be served: its name must "
                                      "end with " +
                                      KnownSuffixes());
  }
  std::vector<fs::path> models;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (entry.is_regular_file(error) && SuffixOf(entry.path())) models.push_back(entry.path());
  }
  if (models.size() == 1) {
    TRY_VOID(CheckLink(path, models.front()));
    return models.front();
  }
  if (models.empty()) return NoModelIn(path);
  std::sort(models.begin(), models.end());
  return InvalidArgument(
      "MODEL_AMBIGUOUS",
      path.native() + " has several models, among them " + models[0].filename().native() + " and " +
          models[1].filename().native() + ": name the file that is meant" + std::string(kOneModel));
}

// `model.onnx` says nothing: then the folder has the name.
std::string NameFrom(const fs::path& file) {
  std::string name = file.filename().native();
  name.resize(name.size() - SuffixOf(file)->suffix.size());
  return name == "model" || name.empty() ? file.parent_path().filename().native() : name;
}

// Triton takes any name; here it must at least be one segment of a path.
Result<void> CheckName(const std::string& name) {
  const bool usable = !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
                      std::none_of(name.begin(), name.end(), [](char c) {
                        return static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == 0x7f;
                      });
  if (usable) return {};
  return InvalidArgument("NAME_INVALID", "'" + name +
                                             "' cannot be the name of a model: give "
                                             "another one with --name");
}

}  // namespace

Result<runtime::ServingConfig> StandAloneConfig(const StandAloneOptions& options) {
  TRY(found, FindModel(options.path));
  // Links in the folder's own path are followed once, here.
  std::error_code error;
  const fs::path model =
      fs::canonical(found.parent_path().empty() ? "." : found.parent_path(), error) /
      found.filename();
  const std::string name = options.name.empty() ? NameFrom(model) : options.name;
  TRY_VOID(CheckName(name));
  runtime::ServingService service{.project = "default",
                                  .name = name,
                                  .access = options.token.empty() ? "anonymous" : "token",
                                  .timeout_ms = options.timeout.count()};
  if (!options.token.empty()) service.keys.push_back({.sha256 = trust::HashToken(options.token)});
  service.revisions.push_back({.number = 1,
                               .uid = "stand-alone",
                               .format = std::string(SuffixOf(model)->format),
                               .path = model.parent_path().native(),
                               .model_file = model.filename().native(),
                               .digest = Digest::Of("").text(),
                               .threads = options.threads});
  runtime::ServingConfig config{.generation = 1};
  config.services.push_back(std::move(service));
  return config;
}

}  // namespace slipway::gateway
