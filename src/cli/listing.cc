#include "cli/listing.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/text.h"
#include "net/http_message.h"

namespace slipway::cli {

Result<Json> ListAll(ApiClient& api, const resource::KindInfo& kind, const std::string& project,
                     const std::string& label, const std::string& where) {
  std::string base = ResourcePath(kind.plural, kind.global, project) + "?limit=1000";
  if (!label.empty()) base += "&label=" + net::PercentEncode(label);
  if (!where.empty()) base += "&where=" + net::PercentEncode(where);
  Json all;
  std::string next;
  do {
    std::string path = next.empty() ? base : base + "&continue=" + net::PercentEncode(next);
    TRY(answer, api.Get(path));
    Json& page = answer.body;
    next = TextAt(page, "/metadata/continue");
    if (all.is_null()) {
      all = std::move(page);
      if (!At(all, "/items").is_array()) all["items"] = Json::array();
      if (all.contains("metadata")) all["metadata"].erase("continue");
      continue;
    }
    for (Json& item : page["items"]) all["items"].push_back(std::move(item));
    for (const Json& name : At(page, "/metadata/undecided")) {
      all["metadata"]["undecided"].push_back(name);
    }
  } while (!next.empty());
  return all;
}

Result<const resource::KindInfo*> KindOf(std::string_view name) {
  if (const resource::KindInfo* kind = resource::FindKind(name)) return kind;
  std::string known;
  for (const resource::KindInfo& kind : resource::Kinds()) {
    known += (known.empty() ? "" : ", ") + std::string(kind.singular);
  }
  return InvalidArgument("KIND_UNKNOWN",
                         fmt::format("there is no kind \"{}\"; there are {}", name, known));
}

}  // namespace slipway::cli
