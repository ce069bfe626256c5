// The functions of a plugin's table for an engine that is written as two classes.
//
//   class Model {   // what is loaded
//     static Result<std::unique_ptr<Model>> Load(const SlipwayLoadOptions& options);
//     const SlipwayModelInfo* info() const;
//   };
//   std::string Devices();  // of the library, once it is open
//   class Run {     // one place where it runs; not thread-safe but for Interrupt
//     static Result<std::unique_ptr<Run>> Open(Model& model);
//     void Start(SlipwayRun* run);  // ends with exactly one last call of run->complete
//     void Interrupt();
//   };
#pragma once

#include <memory>
#include <string>

#include "base/build_info.h"
#include "base/result.h"
#include "engine/plugin.h"
#include "engine/plugin_support.h"

namespace slipway::engine {

// The opaque types of the table are never defined: they stand for the two classes.
template <class Model, class Run, Result<void> (*kOpen)(const SlipwayHost&),
          std::string (*kDevices)()>
class PluginTable {
 public:
  // `name` and `platform` are literals.
  static SlipwayEngine Make(const char* name, const char* platform) {
    static const std::string build_id(BuildId());
    return {
        .build_id = build_id.c_str(),
        .name = name,
        .platform = platform,
        .devices = Devices,
        .open = Open,
        .load = Load,
        .unload = [](SlipwayModel* model) { delete Of(model); },
        .info =
            [](const SlipwayModel* model) { return reinterpret_cast<const Model*>(model)->info(); },
        .open_session = OpenSession,
        .close_session = [](SlipwaySession* session) { delete Of(session); },
        .run = [](SlipwaySession* session, SlipwayRun* run) { Of(session)->Start(run); },
        .interrupt = [](SlipwaySession* session) { Of(session)->Interrupt(); },
    };
  }

 private:
  static Model* Of(SlipwayModel* model) { return reinterpret_cast<Model*>(model); }
  static Run* Of(SlipwaySession* session) { return reinterpret_cast<Run*>(session); }

  static int Fail(const Error& error, SlipwayError* out) {
    CopyError(error, out);
    return -1;
  }

  static int Open(const SlipwayHost* host, SlipwayError* error) {
    const Result<void> opened = kOpen(*host);
    return opened.has_value() ? 0 : Fail(opened.error(), error);
  }

  static const char* Devices() {
    static const std::string& names = *new std::string(kDevices());
    return names.c_str();
  }

  static int Load(const SlipwayLoadOptions* options, SlipwayModel** model, SlipwayError* error) {
    Result<std::unique_ptr<Model>> loaded = Model::Load(*options);
    if (loaded.has_error()) return Fail(loaded.error(), error);
    *model = reinterpret_cast<SlipwayModel*>(loaded->release());
    return 0;
  }

  static int OpenSession(SlipwayModel* model, SlipwaySession** session, SlipwayError* error) {
    Result<std::unique_ptr<Run>> run = Run::Open(*Of(model));
    if (run.has_error()) return Fail(run.error(), error);
    *session = reinterpret_cast<SlipwaySession*>(run->release());
    return 0;
  }
};

}  // namespace slipway::engine
