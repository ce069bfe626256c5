#include "store/data_folder.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>
#include <vector>

#include "base/crash_point.h"
#include "base/digest.h"
#include "store/limits.h"

namespace slipway::store {
namespace {

constexpr std::string_view kFormatFile = "/format";
constexpr std::string_view kLockFile = "/lock";
// Every folder of the layout; what of it is there before the file `format` is a first start that
// did not come to its end.
constexpr std::array<std::string_view, 5> kFolders = {"blobs", "uploads", "unpacked", "sites",
                                                      "run"};

std::string Join(const std::string& root, std::string_view rest) {
  return root + std::string(rest);
}

// Absolute, without `.` and `..` and a slash at the end.
Result<std::string> Normalize(const std::string& root) {
  std::error_code error;
  std::string path = std::filesystem::absolute(root, error).lexically_normal();
  if (error) return SystemError(error.value(), "find the current folder, for " + root);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Error FormatInvalid(std::string message) {
  return FailedPrecondition("FORMAT_INVALID",
                            "the file `format` of the data folder: " + std::move(message) +
                                "; restore the folder from a backup");
}

std::string FormatText(std::string_view program) {
  return "format: " + std::to_string(kFolderFormat) + "\nprogram: " + std::string(program) + "\n";
}

// Without a file `format`, the folder must be empty or a first start of ours.
Result<void> RefuseForeign(FileSystem& files, const std::string& root) {
  TRY(names, files.List(root));
  for (const std::string& name : names) {
    if (name == "format") return {};
  }
  for (const std::string& name : names) {
    const bool ours = name == kLockFile.substr(1) || name.starts_with("format.new-") ||
                      std::find(kFolders.begin(), kFolders.end(), name) != kFolders.end();
    if (ours) continue;
    return FailedPrecondition(
        "DATA_FOLDER_FOREIGN",
        root + " has content (" + name + ") but is no data folder: choose an empty or a new one");
  }
  return {};
}

// The owner's process id, as the lock file tells it; 0 if it does not.
int64_t ReadOwner(FileSystem& files, const std::string& root) {
  const auto text = ReadWholeFile(files, Join(root, kLockFile), 64);
  int64_t pid = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid;
}

Result<FileLock> TakeLock(FileSystem& files, const std::string& root) {
  TRY(file, files.Open(Join(root, kLockFile), {.write = true, .create = true}));
  auto lock = FileLock::Try(std::move(file), FileLock::Mode::kExclusive);
  if (!lock.has_value()) return lock.error().Prefixed(root + ": ");
  if (!lock->has_value()) {
    const std::string pid = std::to_string(ReadOwner(files, root));
    return FailedPrecondition("DATA_FOLDER_IN_USE", "the process " + pid + " uses " + root +
                                                        ": end it, or choose another folder")
        .With("pid", pid);
  }
  FileLock& own = **lock;
  if (own.file().descriptor() < 0) return std::move(own);  // a twin: nobody reads the owner
  const std::string pid = std::to_string(getpid()) + "\n";
  TRY_VOID(own.file().WriteAt(0, pid));
  TRY_VOID(own.file().Truncate(pid.size()));
  return std::move(own);
}

bool IsObjectName(const std::string& name) {
  return Digest::Parse("sha256:" + name).has_value();
}

// Format 1 kept all objects in one folder. First every object gets its new name, durably, then the
// old names go: a crash loses none, and the next start does again what it finds undone.
Result<void> FanOutObjects(FileSystem& files, const std::string& root) {
  const std::string blobs = root + "/blobs/sha256";
  TRY(exists, files.Exists(blobs));
  if (!exists) return {};
  TRY(names, files.List(blobs));
  std::erase_if(names, [](const std::string& name) { return !IsObjectName(name); });
  std::set<std::string> folders;
  for (const std::string& name : names) {
    const std::string folder = blobs + "/" + name.substr(0, 2);
    if (folders.insert(folder).second) TRY_VOID(files.MakeDirectories(folder));
    const Result<void> linked = files.Link(blobs + "/" + name, folder + "/" + name);
    if (!linked && linked.error().code() != Code::kAlreadyExists) return linked;
  }
  for (const std::string& folder : folders) TRY_VOID(files.SyncDirectory(folder));
  TRY_VOID(files.SyncDirectory(blobs));
  CRASH_POINT("folder.objects_linked");
  for (const std::string& name : names) TRY_VOID(files.Remove(blobs + "/" + name));
  return files.SyncDirectory(blobs);
}

// Step N makes layout N + 2 of layout N + 1. Each may be begun again; a step that was released is
// never changed.
using Step = Result<void> (*)(FileSystem& files, const std::string& root);
constexpr std::array<Step, kFolderFormat - 1> kSteps = {FanOutObjects};

Result<void> Migrate(FileSystem& files, const std::string& root, int from,
                     std::string_view program) {
  for (int format = from; format < kFolderFormat; ++format) {
    TRY_VOID(kSteps[static_cast<size_t>(format - 1)](files, root));
  }
  CRASH_POINT("folder.migrated");
  return WriteFileDurably(files, Join(root, kFormatFile), FormatText(program));
}

Result<void> RefuseNewer(const FolderFormat& format, const std::string& root) {
  if (format.number <= kFolderFormat) return {};
  return FailedPrecondition("FORMAT_NEWER", root + " was written by " + format.program +
                                                " in format " + std::to_string(format.number) +
                                                ", this program knows formats up to " +
                                                std::to_string(kFolderFormat) +
                                                ": start that program, or a newer one")
      .With("format", std::to_string(format.number))
      .With("program", format.program);
}

// The folder's own name is durable, also if an earlier first start made it or one above it and died
// before it had synced that.
Result<void> SyncAncestors(FileSystem& files, const std::string& root) {
  for (std::string folder = root; folder.size() > 1;) {
    folder.resize(std::max<size_t>(folder.find_last_of('/'), 1));
    const Result<void> synced = files.SyncDirectory(folder);
    // Above what this user may read, another one made it.
    if (!synced && synced.error().code() == Code::kPermissionDenied) return {};
    if (!synced) return synced.error();
  }
  return {};
}

// The file `format` comes last: from then on the folder is whole.
Result<void> PrepareLayout(FileSystem& files, const std::string& root, std::string_view program) {
  TRY(has_format, files.Exists(Join(root, kFormatFile)));
  if (has_format) {
    TRY(text, ReadWholeFile(files, Join(root, kFormatFile), kMaxFormatFileBytes));
    TRY(format, ParseFolderFormat(text));
    TRY_VOID(RefuseNewer(format, root));
    if (format.number < kFolderFormat) TRY_VOID(Migrate(files, root, format.number, program));
  }
  for (const std::string_view folder : kFolders) {
    TRY_VOID(files.MakeDirectories(root + "/" + std::string(folder)));
  }
  if (has_format) return {};
  TRY_VOID(files.SyncDirectory(root));
  TRY_VOID(SyncAncestors(files, root));
  CRASH_POINT("folder.made");
  return WriteFileDurably(files, Join(root, kFormatFile), FormatText(program));
}

}  // namespace

Result<FolderFormat> ParseFolderFormat(std::string_view text) {
  FolderFormat format;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const std::string where = "line " + std::to_string(line_number);
    if (end == std::string_view::npos) return FormatInvalid(where + " has no end");
    text.remove_prefix(end + 1);
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos) return FormatInvalid(where + " is not `name: value`");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (name == "program") format.program = value;
    if (name != "format") continue;
    const auto [rest, error] =
        std::from_chars(value.data(), value.data() + value.size(), format.number);
    if (error != std::errc() || rest != value.data() + value.size() || format.number < 1) {
      return FormatInvalid(where + " has no format number");
    }
  }
  if (format.number == 0) return FormatInvalid("the line `format: NUMBER` is missing");
  return format;
}

Result<std::unique_ptr<DataFolder>> DataFolder::Open(FileSystem& files, std::string root,
                                                     std::string_view program) {
  if (root.empty()) return InvalidArgument("DATA_FOLDER_PATH", "the data folder's path is empty");
  TRY(normal, Normalize(root));
  root = std::move(normal);
  TRY_VOID(files.MakeDirectories(root));
  TRY_VOID(RefuseForeign(files, root));
  TRY(lock, TakeLock(files, root));
  TRY_VOID(PrepareLayout(files, root, program));
  return std::unique_ptr<DataFolder>(new DataFolder(std::move(root), std::move(lock)));
}

}  // namespace slipway::store
