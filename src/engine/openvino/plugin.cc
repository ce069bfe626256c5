// The OpenVINO engine: its plugin table.
#include "engine/openvino/ov_model.h"
#include "engine/plugin_table.h"

extern "C" const SlipwayEngine* slipway_engine(void) {
  namespace ov_engine = slipway::engine::ov_engine;
  static const SlipwayEngine engine =
      slipway::engine::PluginTable<ov_engine::OvModel, ov_engine::OvRun, ov_engine::OpenLibrary,
                                   ov_engine::Devices>::Make("openvino", "openvino");
  return &engine;
}
