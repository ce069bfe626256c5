#include "engine/program/folders.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/program/triton_config.h"

namespace slipway::engine::program {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "slipway-program-";

// A file that a package of a model may be, what it is called in Triton's repository, and what runs
// it there.
struct Row {
  std::string_view ending;
  std::string_view file;
  std::string_view runner;
  bool has_signature = true;  // Triton reads inputs and outputs of the file itself
};
constexpr std::array kRows = {
    Row{".onnx", "model.onnx", "backend: \"onnxruntime\""},
    Row{".plan", "model.plan", "backend: \"tensorrt\""},
    Row{".engine", "model.plan", "backend: \"tensorrt\""},
    Row{".pt", "model.pt", "backend: \"pytorch\"", false},
    Row{".pt2", "model.pt2", "backend: \"pytorch\"", false},
    Row{".pb", "model.graphdef", "platform: \"tensorflow_graphdef\"", false},
    Row{".xml", "model.xml", "backend: \"openvino\""},
    Row{".py", "model.py", "backend: \"python\"", false},
};
constexpr std::string_view kSavedModel = "saved_model.pb";

fs::path TemporaryRoot() {
  std::error_code error;
  fs::path path = fs::temp_directory_path(error);
  return error ? fs::path("/tmp") : path;
}

Descriptor LockOf(const fs::path& folder) {
  Descriptor file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (file && flock(file.get(), LOCK_EX | LOCK_NB) != 0) file.Close();
  return file;
}

// What nobody holds any more was left by a worker that was ended by force.
void RemoveLeft(const fs::path& root) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, error)) {
    struct stat info{};
    const fs::path& path = entry.path();
    if (!path.filename().native().starts_with(kPrefix)) continue;
    if (lstat(path.c_str(), &info) != 0 || info.st_uid != geteuid()) continue;
    const Descriptor lock = LockOf(path);
    std::error_code ignored;
    if (lock) fs::remove_all(path, ignored);
  }
}

Result<void> Failed(const std::error_code& error, const fs::path& path) {
  if (!error) return {};
  return SystemError(error.value(), path.native());
}

bool IsVersion(const fs::path& name) {
  const std::string& text = name.native();
  return !text.empty() && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Whether a package lies there as Triton wants it.
bool IsLaidOut(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "config.pbtxt", error)) return true;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error) && IsVersion(entry.path().filename())) return true;
  }
  return false;
}

Result<void> Link(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_symlink(from, to, error);
  return Failed(error, to);
}

// Links all files of the package into `version`, the model's own under Triton's name.
Result<void> LinkFiles(const fs::path& folder, const fs::path& version, const fs::path& main,
                       std::string_view name) {
  std::error_code error;
  const std::string stem = fs::path(main).stem().native();
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const fs::path own = entry.path().filename();
    fs::path target = own;
    if (own == main) target = name;
    // Weights beside a model of OpenVINO's are found by its name.
    if (own == stem + ".bin" && main.extension() == ".xml") target = "model.bin";
    TRY_VOID(Link(entry.path(), version / target));
  }
  return Failed(error, folder);
}

Result<void> WriteConfig(const fs::path& path, const TritonModel& model) {
  std::ofstream file(path, std::ios::binary);
  file << TritonConfig(model);
  file.close();
  if (file.good()) return {};
  return SystemError(EIO, path.native());
}

}  // namespace

Result<void> LayOutForTriton(const GivenModel& model, const std::string& to) {
  const fs::path folder = model.path;
  std::error_code error;
  if (IsLaidOut(folder)) return Link(folder, to);
  const fs::path version = fs::path(to) / "1";
  fs::create_directories(version, error);
  TRY_VOID(Failed(error, version));
  if (fs::exists(folder / kSavedModel, error)) {
    TRY_VOID(Link(folder, version / "model.savedmodel"));
    return WriteConfig(fs::path(to) / "config.pbtxt",
                       {.name = model.name, .runner = "platform: \"tensorflow_savedmodel\""});
  }
  std::vector<fs::path> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename());
  }
  TRY_VOID(Failed(error, folder));
  std::sort(names.begin(), names.end());
  for (const Row& row : kRows) {
    // The file that has Triton's name already, before any other.
    auto found = std::find(names.begin(), names.end(), fs::path(row.file));
    if (found == names.end() || row.ending == ".engine") {
      found = std::find_if(names.begin(), names.end(),
                           [&](const fs::path& name) { return name.extension() == row.ending; });
    }
    if (found == names.end()) continue;
    TRY_VOID(LinkFiles(folder, version, *found, row.file));
    TritonModel config{.name = model.name, .runner = row.runner};
    if (!row.has_signature) AddStatement(folder, config);
    return WriteConfig(fs::path(to) / "config.pbtxt", config);
  }
  return FailedPrecondition("PROGRAM_REPOSITORY",
                            "the model '" + model.name +
                                "' has no file that Triton runs (.onnx, .plan, .pt, .pb, .xml, "
                                "model.py) and no config.pbtxt of its own: push it in Triton's "
                                "layout, or take {models} in place of {repository}");
}

Result<Folders> Folders::Make(const Settings& settings) {
  const fs::path parent = TemporaryRoot();
  RemoveLeft(parent);
  constexpr int kAttempts = 8;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string root = (parent / (std::string(kPrefix) + "XXXXXX")).native();
    if (mkdtemp(root.data()) == nullptr) return SystemError(errno, root);
    Descriptor lock = LockOf(root);
    // Another one's RemoveLeft may have come between.
    std::error_code error;
    if (!lock || !fs::exists(root, error)) continue;
    Folders folders(root, std::move(lock));
    bool wants_repository = false;
    for (const std::string& word : settings.command) {
      wants_repository = wants_repository || word.find("{repository}") != std::string::npos;
    }
    for (const std::string& path : {folders.models(), folders.repository(), folders.temporary()}) {
      fs::create_directory(path, error);
      TRY_VOID(Failed(error, path));
    }
    for (const GivenModel& model : settings.models) {
      TRY_VOID(Link(model.path, folders.models() + "/" + model.name));
      if (!wants_repository) continue;
      TRY_VOID(LayOutForTriton(model, folders.repository() + "/" + model.name));
    }
    return folders;
  }
  return Unavailable("PROGRAM_FOLDER", "no folder below " + parent.native() +
                                           " could be made for a program: try again");
}

Folders::~Folders() {
  if (!lock_) return;
  std::error_code error;
  fs::remove_all(root_, error);
  if (error) LogWarning("a program's folder stays", {{"path", root_}, {"error", error.message()}});
}

}  // namespace slipway::engine::program
