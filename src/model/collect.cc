#include "model/collect.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "model/archive/entry_names.h"
#include "model/limits.h"
#include "model/path.h"

namespace slipway::model {
namespace {

bool IsBelow(const std::string& path, const std::string& root) {
  return path.starts_with(root.ends_with('/') ? root : root + "/");
}

class Collector {
 public:
  Collector(FileSystem& files, std::string root, const CollectOptions& options)
      : files_(files), root_(std::move(root)), options_(options) {}

  Result<void> AddFolder(const std::string& folder, const std::string& prefix, size_t depth) {
    if (depth > kMaxPathDepth) {
      return InvalidArgument("PATH_INVALID", fmt::format("{}: folders are nested more than {} deep",
                                                         folder, kMaxPathDepth));
    }
    TRY(names, files_.List(folder));
    for (const std::string& name : names) {
      if (name.starts_with('.') && !IsWhole(prefix)) {
        if (collected_.left_out.size() < kMaxLeftOut) collected_.left_out.push_back(prefix + name);
        continue;
      }
      TRY_VOID(CheckPath(prefix + name));
      const std::string entry = folder + "/" + name;
      TRY(source, FollowLink(files_, root_, entry));
      TRY(info, files_.Info(source));
      if (info.is_directory) {
        TRY_VOID(AddFolder(source, prefix + name + "/", depth + 1));
        continue;
      }
      TRY_VOID(CheckNotSpecial(entry, info));
      TRY_VOID(AddFile(source, prefix + name, root_, info));
    }
    return {};
  }

  Result<void> AddFile(const std::string& source, std::string path, std::string root,
                       const FileInfo& info) {
    TRY_VOID(CheckPath(path));
    if (collected_.files.size() == options_.max_files) {
      return InvalidArgument(
          "PACKAGE_TOO_MANY_FILES",
          fmt::format("a package of this form has at most {} files; put those that belong together "
                      "into an archive, or use --form ormb, which makes one of all (up to {})",
                      options_.max_files, kMaxArchiveEntries));
    }
    TRY_VOID(names_.Add("", path, false));
    collected_.files.push_back({.path = std::move(path),
                                .source = source,
                                .root = std::move(root),
                                .seen = info,
                                .size_bytes = info.size_bytes,
                                .digest = Digest::Of(""),
                                .media_type = ""});
    return {};
  }

  Collected TakeSorted() {
    std::ranges::sort(collected_.files, {}, &PackageFile::path);
    return std::move(collected_);
  }

 private:
  bool IsWhole(const std::string& prefix) const {
    return !options_.whole_folder.empty() && prefix.starts_with(options_.whole_folder + "/");
  }

  FileSystem& files_;
  const std::string root_;
  const CollectOptions& options_;
  EntryNames names_;
  Collected collected_;
};

}  // namespace

Result<Collected> CollectFiles(FileSystem& files, const std::string& path,
                               const CollectOptions& options) {
  TRY(info, files.Info(path));
  TRY_VOID(CheckNotSpecial(path, info));
  TRY(root, files.Canonical(path));
  Collector collector(files, root, options);
  if (info.is_directory) {
    TRY_VOID(collector.AddFolder(root, "", 0));
  } else if (info.size_bytes == 0) {
    return InvalidArgument("PACKAGE_EMPTY", fmt::format("{} is empty, which no model is", path));
  } else {
    TRY_VOID(collector.AddFile(path, path.substr(path.rfind('/') + 1), "", info));
  }
  Collected found = collector.TakeSorted();
  if (found.files.empty()) {
    return InvalidArgument(
        "PACKAGE_EMPTY",
        fmt::format("{} has no file that could be pushed{}", path,
                    found.left_out.empty() ? "" : "; names that begin with a dot are left out"));
  }
  return found;
}

Result<std::string> FollowLink(FileSystem& files, const std::string& root,
                               const std::string& source) {
  auto refused = [&](const std::string& what) { return InvalidArgument("LINK_REFUSED", what); };
  TRY(target, files.LinkTarget(source));
  auto canonical = files.Canonical(source);
  const std::string what = target.empty() ? fmt::format("{} is behind a link", source)
                                          : fmt::format("{} is a link to {}", source, target);
  if (!canonical) {
    if (target.empty()) return canonical.error();
    return refused(fmt::format("{}, which leads nowhere ({})", what, canonical.error().message()));
  }
  if (!IsBelow(*canonical, root)) {
    return refused(
        fmt::format("{}, outside of {}; put a copy there if it belongs to the model", what, root));
  }
  if (target.empty()) return canonical;
  TRY(info, files.Info(*canonical));
  if (!info.is_directory) return canonical;
  return refused(fmt::format("{}, a folder; links are followed to files only", what));
}

Result<std::unique_ptr<File>> OpenCollected(FileSystem& files, const PackageFile& file) {
  TRY(open, files.Open(file.source, {.refuse_special = true, .beneath = file.root}));
  TRY_VOID(CheckUnchanged(file, *open));
  return open;
}

Result<void> CheckUnchanged(const PackageFile& file, File& open) {
  TRY(now, open.Info());
  const FileInfo& seen = file.seen;
  const bool same = now.inode == seen.inode && now.size_bytes == seen.size_bytes &&
                    now.modified_ms == seen.modified_ms;
  if (same) return {};
  return FailedPrecondition("FILE_CHANGED",
                            fmt::format("{} changed while it was being read: repeat this when "
                                        "nobody writes to it any more",
                                        file.source));
}

}  // namespace slipway::model
