// Code that answers in the place of an engine, and the models that it is given:
// resource::ProgramSettings as the data plane reads it, with folders in the place of references.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "runtime/limits.h"

namespace slipway::runtime {

inline constexpr std::string_view kProgramPython = "python";  // predictor.py, in a worker of ours
inline constexpr std::string_view kProgramV2 = "v2";          // it speaks the V2 protocol
inline constexpr std::string_view kProgramHttp = "http";      // it speaks HTTP of its own

struct ServingProgram {
  std::string kind;                  // one of those above
  std::string path;                  // folder of the program's unpacked package, absolute
  std::vector<std::string> command;  // of v2 and http: the argument vector, see docs
  std::string ready_path;            // of http: answers 200 once it is ready; empty: its port is
  int64_t start_timeout_ms = kProgramStartTimeout.count();

  bool operator==(const ServingProgram&) const = default;
};
BOOST_DESCRIBE_STRUCT(ServingProgram, (), (kind, path, command, ready_path, start_timeout_ms))

struct ServingMount {
  std::string mount_as;  // how the program calls the model
  std::string path;      // folder of that model's unpacked package, absolute

  bool operator==(const ServingMount&) const = default;
};
BOOST_DESCRIBE_STRUCT(ServingMount, (), (mount_as, path))

// What the descriptions cannot say. INVALID_ARGUMENT / FIELD_RANGE with `at`, the place of the
// revision, in the message.
Result<void> CheckProgram(const std::optional<ServingProgram>& program,
                          const std::vector<ServingMount>& mounts, const std::string& at);

}  // namespace slipway::runtime

template <>
struct slipway::Description<slipway::runtime::ServingProgram> {
  static constexpr std::string_view kText = "Code that answers in the place of an engine.";
  static constexpr FieldText kFields[] = {
      {.name = "kind", .text = "python, v2 or http.", .required = true, .max = 32},
      {.name = "path",
       .text = "Folder with the program's files.",
       .required = true,
       .min = 1,
       .max = 4096},
      {.name = "command",
       .text = "Its argument vector.",
       .max = slipway::runtime::kMaxProgramArguments},
      {.name = "ready_path", .text = "Answers 200 once it is ready.", .max = 1024},
      {.name = "start_timeout_ms",
       .text = "How long it may take to become ready, in ms.",
       .min = 1,
       .max = slipway::runtime::kMaxProgramStartTimeout.count()},
  };
};

template <>
struct slipway::Description<slipway::runtime::ServingMount> {
  static constexpr std::string_view kText = "A model that a program is given.";
  static constexpr FieldText kFields[] = {
      {.name = "mount_as", .text = "Its name there.", .required = true, .format = "name"},
      {.name = "path", .text = "Folder with its files.", .required = true, .min = 1, .max = 4096},
  };
};
