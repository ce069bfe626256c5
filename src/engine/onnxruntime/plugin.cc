// The ONNX Runtime engine: its plugin table.
#include "engine/plugin.h"

#include <memory>
#include <string>

#include "base/build_info.h"
#include "engine/onnxruntime/ort_model.h"
#include "engine/onnxruntime/ort_run.h"
#include "engine/plugin_support.h"

using slipway::engine::ort::OrtModel;
using slipway::engine::ort::OrtRun;

struct SlipwayModel {
  std::unique_ptr<OrtModel> model;
};

struct SlipwaySession {
  std::unique_ptr<OrtRun> run;
};

namespace slipway::engine::ort {
namespace {

int Fail(const Error& error, SlipwayError* out) {
  CopyError(error, out);
  return -1;
}

int Open(const SlipwayHost* host, SlipwayError* error) {
  const Result<void> opened = OpenEnvironment(*host);
  return opened.has_value() ? 0 : Fail(opened.error(), error);
}

int Load(const SlipwayLoadOptions* options, SlipwayModel** model, SlipwayError* error) {
  Result<std::unique_ptr<OrtModel>> loaded = OrtModel::Load(options->path, options->threads);
  if (loaded.has_error()) return Fail(loaded.error(), error);
  *model = new SlipwayModel{*std::move(loaded)};
  return 0;
}

void Unload(SlipwayModel* model) {
  delete model;
}

const SlipwayModelInfo* Info(const SlipwayModel* model) {
  return model->model->info();
}

int OpenSession(SlipwayModel* model, SlipwaySession** session, SlipwayError* error) {
  Result<std::unique_ptr<OrtRun>> run = OrtRun::Open(*model->model);
  if (run.has_error()) return Fail(run.error(), error);
  *session = new SlipwaySession{*std::move(run)};
  return 0;
}

void CloseSession(SlipwaySession* session) {
  delete session;
}

void RunSession(SlipwaySession* session, SlipwayRun* run) {
  session->run->Start(run);
}

void Interrupt(SlipwaySession* session) {
  session->run->Interrupt();
}

}  // namespace
}  // namespace slipway::engine::ort

extern "C" const SlipwayEngine* slipway_engine(void) {
  namespace ort = slipway::engine::ort;
  static const std::string build_id(slipway::BuildId());
  static const SlipwayEngine engine = {
      .build_id = build_id.c_str(),
      .name = "onnxruntime",
      .platform = "onnxruntime_onnx",
      .open = ort::Open,
      .load = ort::Load,
      .unload = ort::Unload,
      .info = ort::Info,
      .open_session = ort::OpenSession,
      .close_session = ort::CloseSession,
      .run = ort::RunSession,
      .interrupt = ort::Interrupt,
  };
  return &engine;
}
