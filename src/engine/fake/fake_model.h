// The model file of the fake engine: a small JSON document.
//
//   {"inputs":  [{"name": "x", "datatype": "FP32", "shape": [-1, 4], "symbols": ["n", ""]}],
//    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4], "symbols": ["n", ""]}],
//    "delayUs": 0}
//
// Output i is input i, unchanged. The other fields make it slow or bad, for tests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "tensor/signature.h"

namespace slipway::engine::fake {

struct FakeTensor {
  std::string name;
  std::string datatype;
  std::vector<int64_t> shape;
  std::vector<std::string> symbols;
};
BOOST_DESCRIBE_STRUCT(FakeTensor, (), (name, datatype, shape, symbols))

struct FakeModel {
  std::vector<FakeTensor> inputs;
  std::vector<FakeTensor> outputs;
  int64_t delay_us = 0;         // of each run; a cancelled or interrupted one ends early
  int64_t load_delay_us = 0;    // of the load
  std::string load_until_file;  // the load ends once there is this file
  std::string fail_load;        // the load fails with this message
  std::string fail_run;         // each run fails with this message
  std::string fail_run_reason = "RUN_FAILED";
  // A run fails whose inputs of FP32 contain this number, and, with merge_rows, a run answers only
  // the first row of each input.
  std::optional<double> fail_on;
  bool merge_rows = false;
  std::string crash;  // "load" or "run": the process is aborted there
  // With this number among the inputs of FP32 a run aborts the process, or never ends.
  std::optional<double> crash_on;
  std::optional<double> hang_on;
  // A run with it looks at no clock and ends only when it is interrupted.
  std::optional<double> loop_on;
  int64_t responses = 1;      // of each run
  bool asynchronous = false;  // runs complete on a thread of the engine, after run() returned
};
BOOST_DESCRIBE_STRUCT(FakeModel, (),
                      (inputs, outputs, delay_us, load_delay_us, load_until_file, fail_load,
                       fail_run, fail_run_reason, fail_on, merge_rows, crash, crash_on, hang_on,
                       loop_on, responses, asynchronous))

// Reads and checks a model file, of at most 1 MiB.
Result<FakeModel> ReadFakeModel(const std::string& path);
Result<tensor::Signature> SignatureOf(const FakeModel& model);

}  // namespace slipway::engine::fake

namespace slipway {

template <>
struct Description<engine::fake::FakeTensor> {
  static constexpr std::string_view kText = "An input or output of a fake model.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Name of the tensor.", .required = true, .min = 1, .max = 256},
      {.name = "datatype", .text = "Type of the elements, such as FP32.", .required = true},
      {.name = "shape", .text = "Dimensions; -1 is any length.", .required = true, .max = 32},
      {.name = "symbols", .text = "A name for each dimension, empty for none.", .max = 32},
  };
};

template <>
struct Description<engine::fake::FakeModel> {
  static constexpr std::string_view kText = "A model that answers with its inputs.";
  static constexpr FieldText kFields[] = {
      {.name = "inputs", .text = "Inputs.", .required = true, .min = 1, .max = 256},
      {.name = "outputs", .text = "Outputs: the first inputs again.", .required = true, .max = 256},
      {.name = "delay_us", .text = "Microseconds that a run takes.", .min = 0, .max = 600'000'000},
      {.name = "load_delay_us",
       .text = "Microseconds that the load takes.",
       .min = 0,
       .max = 600'000'000},
      {.name = "load_until_file", .text = "File without which the load does not end."},
      {.name = "fail_load", .text = "Message with which the load fails."},
      {.name = "fail_run", .text = "Message with which each run fails."},
      {.name = "fail_run_reason", .text = "Reason of a run that fails.", .min = 1, .max = 40},
      {.name = "fail_on", .text = "A number of FP32 with which a run fails."},
      {.name = "merge_rows", .text = "Whether a run answers the first row alone."},
      {.name = "crash", .text = "Where the process is aborted: load or run."},
      {.name = "crash_on", .text = "A number of FP32 with which a run aborts the process."},
      {.name = "hang_on", .text = "A number of FP32 with which a run never ends."},
      {.name = "loop_on", .text = "A number of FP32 with which a run ends only when interrupted."},
      {.name = "responses", .text = "Responses of each run.", .min = 1, .max = 100},
      {.name = "asynchronous", .text = "Whether runs complete on a thread of the engine."},
  };
};

}  // namespace slipway
