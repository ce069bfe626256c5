// YAML of resources: the parser keeps its limits, and what it takes is JSON that can be written as
// YAML and read back as the same value.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "resource/api/request_body.h"
#include "resource/kinds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto documents = slipway::ParseYamlDocuments(text, 4);
  if (!documents.has_value()) {
    CHECK(documents.error().code() == slipway::Code::kInvalidArgument);
    CHECK(!documents.error().message().empty());
    return 0;
  }
  for (const slipway::Json& document : *documents) {
    const std::string dumped = slipway::DumpJson(document);
    CHECK(slipway::ParseJson(dumped, {.max_bytes = 64 << 20}).has_value());
    const std::string yaml = slipway::DumpYaml(document);
    const auto again = slipway::ParseYaml(yaml, {.max_bytes = 64 << 20});
    CHECK_NOTE(again.has_value(), yaml);
    CHECK_NOTE(slipway::DumpJson(*again) == dumped, yaml);
    for (const slipway::resource::KindInfo& kind : slipway::resource::Kinds()) {
      static_cast<void>(slipway::resource::ResourceFromUser(kind, document, "", ""));
    }
  }
  return 0;
}
