// A program of the user's that answers for a service, and the models that it is given.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"

namespace slipway::resource {

inline constexpr size_t kMaxMountedModels = 16;
inline constexpr size_t kMaxCommandArguments = 64;
inline constexpr size_t kMaxCommandArgumentBytes = 4096;
// How a program calls predictor.model.
inline constexpr std::string_view kMainMount = "model";

enum class ProgramProtocol : uint8_t { kV2, kHttp };
BOOST_DESCRIBE_ENUM(ProgramProtocol, kV2, kHttp)

struct MountedModel {
  std::string ref;       // as ModelSettings::model
  std::string mount_as;  // unique in the service

  bool operator==(const MountedModel&) const = default;
};
BOOST_DESCRIBE_STRUCT(MountedModel, (), (ref, mount_as))

// Exactly one of python, command (with ref) and image says what runs.
struct ProgramSettings {
  std::string python;  // reference of a package with predictor.py
  std::string ref;     // reference of the package that the command is started in
  std::vector<std::string> command;
  std::string image;
  std::optional<ProgramProtocol> protocol;  // of command and image; default v2
  std::string ready_path;                   // of protocol http
  std::string start_timeout;                // of command and image; default 120s

  bool operator==(const ProgramSettings&) const = default;
};
BOOST_DESCRIBE_STRUCT(ProgramSettings, (),
                      (python, ref, command, image, protocol, ready_path, start_timeout))

inline constexpr std::chrono::milliseconds kDefaultStartTimeout{120'000};
inline constexpr std::chrono::milliseconds kShortestStartTimeout{1'000};
inline constexpr std::chrono::milliseconds kLongestStartTimeout{900'000};

// What the description cannot say. `at` is the path of the program. INVALID_ARGUMENT /
// FIELD_REQUIRED, FIELD_RANGE, DURATION_INVALID, with the detail "field".
Result<void> CheckProgram(const ProgramSettings& program, const std::string& at);
// The default where it is not there. INVALID_ARGUMENT / DURATION_INVALID, FIELD_RANGE; the field is
// the caller's to name.
Result<std::chrono::milliseconds> ParseStartTimeout(const ProgramSettings& program);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::MountedModel> {
  static constexpr std::string_view kText = "A model that the program is given, to be read.";
  static constexpr FieldText kFields[] = {
      {.name = "ref",
       .text = "NAME:TAG or NAME@sha256:...; a tag is pinned when it is admitted.",
       .required = true,
       .max = 512,
       .format = "reference"},
      {.name = "mount_as",
       .text = "What the program calls it; another name for each model.",
       .required = true,
       .format = "name"},
  };
};

template <>
struct slipway::Description<slipway::resource::ProgramSettings> {
  static constexpr std::string_view kText =
      "Code that answers in the place of an engine: exactly one of python, command and image.";
  static constexpr FieldText kFields[] = {
      {.name = "python",
       .text = "NAME:TAG or NAME@sha256:... of a package with predictor.py, which has "
               "load(folder, models) and predict(model, inputs); see docs/engines.md.",
       .max = 512,
       .format = "reference"},
      {.name = "ref",
       .text = "NAME:TAG or NAME@sha256:... of the package that has the program of command.",
       .max = 512,
       .format = "reference"},
      {.name = "command",
       .text = "The program and its arguments. {program} is the folder of its package, {models} "
               "one with the models by their names, {port} the port of this machine's loopback "
               "that it is to listen on.",
       .max = slipway::resource::kMaxCommandArguments},
      {.name = "image",
       .text = "An image whose program is run; a site needs a driver that starts images.",
       .max = 512,
       .format = "reference"},
      {.name = "protocol",
       .text = "What command or image speaks: v2, the default, or http, which is passed through."},
      {.name = "ready_path",
       .text = "A path that answers 200 once a program that speaks http is ready. Without it an "
               "open port is enough.",
       .max = 1024},
      {.name = "start_timeout",
       .text = "How long command or image may take to become ready: 1s to 15m; 120s where it is "
               "not there.",
       .max = 32},
  };
};
