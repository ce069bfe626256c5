#include "model/path.h"

#include <algorithm>

#include "base/utf8.h"
#include "model/limits.h"

namespace slipway::model {
namespace {

Error PathError(std::string_view path, const std::string& what) {
  std::string shown(path.substr(0, 200));
  std::ranges::replace_if(
      shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return InvalidArgument("PATH_INVALID", "the path '" + shown + "' " + what);
}

}  // namespace

Result<void> CheckPath(std::string_view path) {
  if (path.empty()) return PathError(path, "is empty.");
  if (path.size() > kMaxPathBytes) {
    return PathError(path, "has more than " + std::to_string(kMaxPathBytes) + " bytes.");
  }
  if (FindInvalidUtf8(path)) return PathError("", "is no UTF-8 text.");
  if (std::ranges::any_of(path, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\';
      })) {
    return PathError(path, "has a control character or a backslash.");
  }
  if (path[0] == '/') return PathError(path, "is absolute.");
  size_t depth = 0;
  for (std::string_view rest = path; true;) {
    const size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    if (component.empty() || component == ".") {
      return PathError(path, "has an empty component or '.'.");
    }
    if (component == "..") return PathError(path, "leads out of its folder with '..'.");
    if (component.size() > kMaxPathComponentBytes) {
      return PathError(path, "has a component of more than " +
                                 std::to_string(kMaxPathComponentBytes) + " bytes.");
    }
    if (++depth > kMaxPathDepth) {
      return PathError(path, "is more than " + std::to_string(kMaxPathDepth) + " folders deep.");
    }
    if (slash == std::string_view::npos) return {};
    rest = rest.substr(slash + 1);
  }
}

Result<std::string> NormalizePath(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  TRY_VOID(CheckPath(path));
  return std::string(path);
}

}  // namespace slipway::model
