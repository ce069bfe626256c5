#include "resource/kinds/scaling.h"

#include "base/format_check.h"

namespace slipway::resource {
namespace {

Error Wrong(const std::string& field, const std::string& what) {
  return InvalidArgument("FIELD_RANGE", field + ": " + what).With("field", field);
}

Result<void> CheckWindow(const std::string& text, const std::string& field) {
  const auto window = ParseDuration(text);
  if (!window) return window.error().Prefixed(field + ": ").With("field", field);
  if (*window <= kLongestScalingWindow) return {};
  return Wrong(field, "0s to 1h, got " + Quoted(text));
}

}  // namespace

Result<void> CheckScaling(const ScalingSpec& scaling, const std::string& at) {
  TRY_VOID(CheckWindow(scaling.up_window, at + ".upWindow"));
  TRY_VOID(CheckWindow(scaling.down_window, at + ".downWindow"));
  if (!(scaling.target > 0)) return Wrong(at + ".target", "above 0");
  if (scaling.min_instances <= scaling.max_instances) return {};
  return Wrong(at + ".minInstances", "at most maxInstances, which is " +
                                         std::to_string(scaling.max_instances) + ", got " +
                                         std::to_string(scaling.min_instances));
}

}  // namespace slipway::resource
