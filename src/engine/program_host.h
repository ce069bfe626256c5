// Programs that a command starts and that serve their models by a protocol, in place of an engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plugin_host.h"
#include "exec/model.h"

namespace slipway::engine {

// Whether revisions of this format are such programs: in a process of their own.
bool IsProgram(std::string_view format);
// Whether they speak HTTP of their own: their tensors are those of engine/passed_http.h.
bool SpeaksHttp(std::string_view format);

struct ProgramSource {
  std::string name;                  // of the process, for people
  std::string folder;                // of the program's package, absolute
  std::vector<std::string> command;  // see docs/engines.md
  std::string ready_path;            // of one that speaks HTTP; may be empty
  bool speaks_http = false;          // of its own, in place of V2
  int64_t start_timeout_ms = 0;
  std::vector<MountedFolder> mounts;
  std::function<void()> changed;  // exec::Model::process() tells something else; any thread
  std::stop_token stop = {};      // nobody wants it any more
};

// Starts it, and waits until it is ready. Errors: those of worker::LoadInWorker and of
// program::StartProgram.
Result<std::unique_ptr<exec::Model>> LoadProgram(const ProgramSource& source);

}  // namespace slipway::engine
