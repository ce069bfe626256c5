// config.pbtxt: whatever the text is, it is read into a configuration that holds together, or
// refused with a sentence; what was read is the same again as JSON, and can be shown and sent.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "gateway/ensemble/ensemble_plan.h"
#include "gateway/model_config/config_json.h"
#include "gateway/model_config/config_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace config = slipway::gateway::model_config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = config::ReadConfigText(text);
  if (read.has_error()) {
    CHECK(!read.error().message().empty());
    // A client may send the same bytes as JSON.
    const auto json = slipway::ParseJson(text);
    if (json.has_value()) (void)config::ReadConfigJson(*json);
    return 0;
  }
  const std::string dumped = slipway::DumpJson(*read);
  const auto again = config::ReadConfigJson(*read);
  CHECK(again.has_value());
  CHECK(slipway::DumpJson(*again) == dumped);
  const slipway::Json shown = config::WithDefaults(*read);
  const auto shown_again = config::ReadConfigJson(shown);
  CHECK(shown_again.has_value());
  const auto plan = slipway::gateway::ReadEnsemblePlan(*read);
  if (plan.has_error()) CHECK(!plan.error().message().empty());
  if (plan.has_value()) CHECK(plan->outputs.size() == plan->signature.outputs.size());
  std::string wire;
  config::WriteConfigWire(*read, wire);
  return 0;
}
