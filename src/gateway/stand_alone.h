// What `slipway serve PATH` serves without an agent, and what may be changed while it runs.
#pragma once

#include <chrono>
#include <string>

#include "runtime/limits.h"

namespace slipway::gateway {

struct StandAloneOptions {
  std::string path;  // a model's file or folder, or a folder of such
  // `path` is a folder of models whatever is in it, and may be empty.
  bool is_repository = false;
  std::string name;   // of the one model; empty: from the file's or folder's name
  std::string token;  // callers must send it; empty: anybody may infer
  // Without a token: callers on loopback may load and unload, and change settings. With one, who
  // sends it may.
  bool allow_control = false;
  bool shared_memory = false;       // the same may name regions for tensors
  int threads = 0;                  // of one run; 0: chosen
  bool own_process = false;         // each model has one
  std::string accelerator = "cpu";  // or "gpu", "gpuPreferred"
  int max_batch = 0;                // rows of requests that share a run; 0: none do
  std::chrono::milliseconds timeout = runtime::kRequestTimeout;  // of one request
};

}  // namespace slipway::gateway
