// JSON of resources: the parser keeps its limits, what it takes is written and read back as the
// same value, and a resource that is taken is taken again in its normal form.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "resource/api/merge_patch.h"
#include "resource/api/request_body.h"
#include "resource/explain.h"
#include "resource/kinds.h"
#include "resource/selector.h"
#include "resource/validation.h"

namespace {

using slipway::Json;
using slipway::resource::KindInfo;
using slipway::resource::Resource;

void CheckStable(const slipway::TypeInfo& type, const Json& json) {
  auto once = slipway::resource::Normalised(type, json, "spec");
  if (!once.has_value()) {
    CHECK(!once.error().message().empty());
    return;
  }
  auto twice = slipway::resource::Normalised(type, *once, "spec");
  CHECK(twice.has_value());
  CHECK(*once == *twice);
}

// Nothing is written: the mutation always fails.
void CheckPatch(const KindInfo& kind, const Resource& resource, const Json& patch) {
  static const auto store = slipway::store::MakeMemoryMetaStore();
  const auto context = slipway::CallContext::System("fuzz");
  static_cast<void>(store->MutateNow(
      context, [&](slipway::store::Transaction& transaction) -> slipway::Result<void> {
        const slipway::resource::ResourceTransaction resources(
            transaction, context, slipway::SystemClock(), slipway::SystemRandom());
        static_cast<void>(slipway::resource::MergePatched(resources, kind, resource, patch));
        return slipway::Unavailable("UNDONE", "nothing is kept");
      }));
}

void CheckResource(const KindInfo& kind, const Json& json) {
  auto resource = slipway::resource::ResourceFromUser(kind, json, "", "");
  if (!resource.has_value()) {
    CHECK(resource.error().reason() != "INTERNAL");
    return;
  }
  CHECK(resource->kind == kind.kind);
  CheckStable(*kind.spec, resource->spec);
  CheckPatch(kind, *resource, json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(slipway::resource::Selector::Parse(text));
  static_cast<void>(slipway::resource::Explain(text));
  const auto json = slipway::ParseJson(text);
  if (!json.has_value()) {
    CHECK(json.error().code() == slipway::Code::kInvalidArgument);
    CHECK(!json.error().detail("byte").empty());
    return 0;
  }
  const std::string dumped = slipway::DumpJson(*json);
  const auto again = slipway::ParseJson(dumped, {.max_bytes = 64 << 20});
  CHECK(again.has_value());
  CHECK(slipway::DumpJson(*again) == dumped);
  for (const KindInfo& kind : slipway::resource::Kinds()) {
    CheckResource(kind, *json);
    CheckStable(*kind.spec, *json);
    CheckStable(*kind.status, *json);
  }
  return 0;
}
