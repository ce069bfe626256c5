// The ONNX Runtime engine: its plugin table.
#include "engine/onnxruntime/ort_model.h"
#include "engine/onnxruntime/ort_run.h"
#include "engine/plugin_table.h"

extern "C" const SlipwayEngine* slipway_engine(void) {
  namespace ort = slipway::engine::ort;
  static const SlipwayEngine engine =
      slipway::engine::PluginTable<ort::OrtModel, ort::OrtRun, ort::OpenEnvironment,
                                   ort::Devices>::Make("onnxruntime", "onnxruntime_onnx");
  return &engine;
}
