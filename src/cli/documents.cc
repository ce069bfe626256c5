#include "cli/documents.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/text.h"

namespace slipway::cli {
namespace {

// A `---` in the first column always begins a document (YAML 1.2, 9.1.2): text in block scalars is
// indented.
bool IsMarker(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\r');
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> documents(1);
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (IsMarker(line)) {
      documents.emplace_back();
      line.remove_prefix(3);
    }
    documents.back() += line;
    documents.back() += '\n';
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return documents;
}

bool IsBlank(std::string_view document) {
  while (!document.empty()) {
    size_t end = document.find('\n');
    std::string_view line = document.substr(0, end);
    size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] != '#') return false;
    document.remove_prefix(end == std::string_view::npos ? document.size() : end + 1);
  }
  return true;
}

}  // namespace

Result<std::vector<Json>> ParseDocuments(std::string_view text) {
  std::vector<Json> resources;
  size_t number = 0;
  for (const std::string& document : Split(text)) {
    if (IsBlank(document)) continue;
    ++number;
    Result<Json> json = ParseYaml(document);
    if (!json) return json.error().Prefixed(fmt::format("document {}: ", number));
    if (!json->is_object()) {
      return InvalidArgument("DOCUMENT_TYPE",
                             fmt::format("document {}: a resource is an object with kind, metadata "
                                         "and spec",
                                         number));
    }
    if (TextAt(*json, "/kind").ends_with("List") && At(*json, "/items").is_array()) {
      for (const Json& item : (*json)["items"]) resources.push_back(item);
    } else {
      resources.push_back(std::move(*json));
    }
    if (resources.size() > kMaxDocuments) {
      return ResourceExhausted(
          "TOO_MANY_DOCUMENTS",
          fmt::format("more than {} resources in one file; use several files", kMaxDocuments));
    }
  }
  return resources;
}

}  // namespace slipway::cli
