#include "model/file_kind.h"

#include <algorithm>
#include <iterator>

namespace slipway::model {

std::string_view FileKind(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::string_view suffix = name.substr(std::min(name.rfind('.'), name.size()));
  constexpr std::string_view kDocs[] = {".md", ".rst", ".pdf", ".html"};
  constexpr std::string_view kConfigs[] = {".json", ".yaml",  ".yml", ".toml",
                                           ".ini",  ".pbtxt", ".txt", ".csv"};
  constexpr std::string_view kCode[] = {".py", ".ipynb", ".sh", ".cc", ".cpp", ".h"};
  if (std::ranges::find(kDocs, suffix) != std::end(kDocs) || name.starts_with("LICENSE") ||
      name.starts_with("README")) {
    return "doc";
  }
  if (std::ranges::find(kConfigs, suffix) != std::end(kConfigs)) return "weight.config";
  if (std::ranges::find(kCode, suffix) != std::end(kCode)) return "code";
  return "weight";
}

}  // namespace slipway::model
