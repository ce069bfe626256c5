// The engine for TorchScript: its plugin table.
#include "engine/plugin_table.h"
#include "engine/torch/torch_model.h"

extern "C" const SlipwayEngine* slipway_engine(void) {
  namespace torch_engine = slipway::engine::torch_engine;
  static const SlipwayEngine engine =
      slipway::engine::PluginTable<torch_engine::TorchModel, torch_engine::TorchRun,
                                   torch_engine::OpenLibrary,
                                   torch_engine::Devices>::Make("torch", "pytorch_libtorch");
  return &engine;
}
