#include "resource/api/merge_patch.h"

#include <nlohmann/json.hpp>

#include "resource/api/request_body.h"

namespace slipway::resource {
namespace {

// Whether the patch says something about the values of a Secret.
bool NamesValues(const Json& patch) {
  const auto spec = patch.find("spec");
  return spec != patch.end() && (!spec->is_object() || spec->contains("data"));
}

Result<Resource> Merged(const KindInfo& kind, const Resource& now, const Json& patch) {
  Json document = {{"metadata",
                    {{"name", now.metadata.name},
                     {"labels", now.metadata.labels},
                     {"annotations", now.metadata.annotations}}},
                   {"spec", now.spec}};
  document.merge_patch(patch);
  return ResourceFromUser(kind, document, now.metadata.project, now.metadata.name);
}

}  // namespace

Result<Resource> MergePatched(const ResourceTransaction& transaction, const KindInfo& kind,
                              const Resource& now, const Json& patch) {
  if (!patch.is_object()) {
    return InvalidArgument("FIELD_TYPE", "a merge patch must be an object, such as {\"spec\": {}}");
  }
  if (kind.kind != "Secret" || !NamesValues(patch)) return Merged(kind, now, patch);
  Resource whole = now;
  TRY(values, transaction.SecretValues(KeyOf(now)));
  whole.spec["data"] = values;
  TRY(wanted, Merged(kind, whole, patch));
  // Taken away is empty: a spec without data would keep the values.
  if (!wanted.spec.contains("data")) wanted.spec["data"] = Json::object();
  return wanted;
}

}  // namespace slipway::resource
