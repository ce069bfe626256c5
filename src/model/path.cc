#include "model/path.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/utf8.h"
#include "model/limits.h"

namespace slipway::model {
namespace {

Error PathError(std::string_view path, const std::string& what) {
  return InvalidArgument("PATH_INVALID", "the path '" + ShownPath(path) + "' " + what);
}

}  // namespace

Result<void> CheckPath(std::string_view path) {
  if (path.empty()) return PathError(path, "is empty.");
  if (path.size() > kMaxPathBytes) {
    return PathError(path, "has more than " + std::to_string(kMaxPathBytes) + " bytes.");
  }
  if (FindInvalidUtf8(path)) return PathError(path, "is no UTF-8 text.");
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
    if (component.ends_with(kPartialSuffix)) {
      return PathError(path, "ends in " + std::string(kPartialSuffix) +
                                 ", as files that are still on their way; give it another name.");
    }
    if (++depth > kMaxPathDepth) {
      return PathError(path, "is more than " + std::to_string(kMaxPathDepth) + " folders deep.");
    }
    if (slash == std::string_view::npos) return {};
    rest = rest.substr(slash + 1);
  }
}

std::string ShownPath(std::string_view path) {
  constexpr size_t kShown = 200;
  path = path.substr(0, kShown);
  const bool is_text = !FindInvalidUtf8(path);
  std::string shown;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text)) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

Result<std::string> NormalizePath(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  TRY_VOID(CheckPath(path));
  return std::string(path);
}

}  // namespace slipway::model
