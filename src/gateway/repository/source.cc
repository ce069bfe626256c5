#include "gateway/repository/source.h"

#include <algorithm>
#include <string_view>

#include "gateway/repository/model_file.h"
#include "gateway/repository/model_folder.h"

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;

Error NoModel(const fs::path& path, const std::string& why) {
  return NotFound("MODEL_FILE", path.native() + why);
}

// Links in the folder's own path are followed once, here.
Result<fs::path> CanonicalFolder(const fs::path& folder) {
  std::error_code error;
  fs::path canonical = fs::canonical(folder.empty() ? "." : folder, error);
  if (error) return NoModel(folder, " cannot be read: " + error.message());
  return canonical;
}

Result<std::vector<Source>> FromFile(const StandAloneOptions& options, const fs::path& path) {
  if (!FormatOf(path)) {
    return NoModel(path,
                   " is no model that can be served: its name must end with " + KnownSuffixes());
  }
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return InvalidArgument("FILE_SPECIAL", path.native() + " is not a regular file");
  }
  TRY(folder, CanonicalFolder(path.parent_path()));
  const fs::path file = folder / path.filename();
  // A link that was named itself is its owner's choice.
  const fs::path target = fs::canonical(file, error);
  Source source{.name = options.name.empty() ? ModelNameOf(file) : options.name,
                .path = file,
                .root = error ? folder : target.parent_path()};
  TRY_VOID(CheckModelName(source.name));
  return std::vector{std::move(source)};
}

bool IsHidden(const fs::path& path) {
  return path.filename().native().starts_with('.');
}

Result<std::vector<Source>> FromRepository(const StandAloneOptions& options, const fs::path& root) {
  std::vector<Source> sources;
  std::error_code error;
  fs::directory_iterator at(root, error);
  for (; !error && at != fs::end(at); at.increment(error)) {
    std::error_code none;
    const fs::path& path = at->path();
    if (IsHidden(path)) continue;
    const bool is_folder = at->is_directory(none);
    if (!is_folder && !(FormatOf(path) && at->is_regular_file(none))) continue;
    if (sources.size() == runtime::kMaxServingServices) {
      return ResourceExhausted("MODELS_TOO_MANY",
                               root.native() + " has more than " +
                                   std::to_string(runtime::kMaxServingServices) +
                                   " models, the most that one data plane serves");
    }
    sources.push_back({.name = is_folder ? path.filename().native() : ModelNameOf(path),
                       .path = path,
                       .root = root});
  }
  if (error) return NoModel(root, " cannot be read: " + error.message());
  std::sort(sources.begin(), sources.end(),
            [](const Source& a, const Source& b) { return a.name < b.name; });
  for (size_t i = 0; i < sources.size(); ++i) {
    TRY_VOID(CheckModelName(sources[i].name));
    if (i == 0 || sources[i].name != sources[i - 1].name) continue;
    return InvalidArgument("MODEL_AMBIGUOUS", sources[i - 1].path.native() + " and " +
                                                  sources[i].path.native() +
                                                  " would both be the model '" + sources[i].name +
                                                  "': rename one of them");
  }
  if (!options.name.empty() && sources.size() == 1) sources[0].name = options.name;
  if (!options.name.empty() && sources.size() > 1) {
    return InvalidArgument("MODEL_AMBIGUOUS", root.native() + " has several models, among them '" +
                                                  sources[0].name + "' and '" + sources[1].name +
                                                  "': --name is for one alone");
  }
  return sources;
}

// Folders without a model are no models; in a folder that is named as a repository they are, and
// their error is told.
bool HasModel(const Source& source) {
  std::error_code error;
  return !fs::is_directory(source.path, error) || IsModelFolder(source.path);
}

// A file among folders of models is one of several.
bool IsOneModel(const fs::path& folder) {
  if (!IsModelFolder(folder)) return false;
  if (HasVersions(folder)) return true;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::end(at); at.increment(error)) {
    std::error_code none;
    const bool is_part = at->path().filename() == kSavedModelFolder;
    if (!is_part && at->is_directory(none) && IsModelFolder(at->path())) return false;
  }
  return true;
}

}  // namespace

Result<std::vector<Source>> FindSources(const StandAloneOptions& options) {
  const fs::path path = options.path;
  std::error_code error;
  if (!fs::exists(path, error)) return NoModel(path, ": there is no such file or folder");
  if (!fs::is_directory(path, error)) return FromFile(options, path);
  TRY(root, CanonicalFolder(path));
  if (options.is_repository) return FromRepository(options, root);
  if (IsOneModel(root)) {
    const std::vector<fs::path> files = ModelFilesIn(root);
    std::string name = files.size() == 1 ? ModelNameOf(files[0]) : root.filename().native();
    Source source{.name = options.name.empty() ? name : options.name, .path = root, .root = root};
    TRY_VOID(CheckModelName(source.name));
    return std::vector{std::move(source)};
  }
  TRY(sources, FromRepository(options, root));
  std::erase_if(sources, [](const Source& source) { return !HasModel(source); });
  if (sources.empty()) {
    return NoModel(root, ": there is no model in it: no file ends with " + KnownSuffixes());
  }
  return sources;
}

}  // namespace slipway::gateway
