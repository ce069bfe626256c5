// What a worker is told of the program that it runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "base/result.h"

namespace slipway::engine::program {

struct GivenModel {
  std::string name;
  std::string path;  // of its folder, absolute
};
BOOST_DESCRIBE_STRUCT(GivenModel, (), (name, path))

struct Settings {
  std::string folder;                // of its package, absolute
  std::vector<std::string> command;  // with the placeholders of docs/engines.md
  int64_t start_timeout_ms = 0;
  std::vector<GivenModel> models;
  // Folders that it may read beside its package, its models and the system's.
  std::vector<std::string> readable;
  bool speaks_http = false;  // of its own; else V2
  std::string ready_path;    // of HTTP; may be empty
};
BOOST_DESCRIBE_STRUCT(Settings, (),
                      (folder, command, start_timeout_ms, models, readable, speaks_http,
                       ready_path))

// What takes the place of the words in braces.
struct Places {
  std::string program;     // {program}: the folder of its package
  std::string models;      // {models}: a folder with the models by name
  std::string repository;  // {repository}: the same as a model repository of Triton
  std::string port;        // {port}
};

// As one word for a command line, and back. INVALID_ARGUMENT for what is none.
std::string EncodeSettings(const Settings& settings);
Result<Settings> DecodeSettings(std::string_view text);

// The words of the command with the places in them. Braces around anything else stay.
std::vector<std::string> Filled(const std::vector<std::string>& command, const Places& places);

}  // namespace slipway::engine::program

template <>
struct slipway::Description<slipway::engine::program::GivenModel> {
  static constexpr std::string_view kText = "A model that a program is given.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name there."},
      {.name = "path", .text = "Its folder."},
  };
};

template <>
struct slipway::Description<slipway::engine::program::Settings> {
  static constexpr std::string_view kText = "A program that a worker runs.";
  static constexpr FieldText kFields[] = {
      {.name = "folder", .text = "Of its package."},
      {.name = "command", .text = "Its argument vector."},
      {.name = "start_timeout_ms", .text = "How long it may take to become ready."},
      {.name = "models", .text = "What it is given."},
      {.name = "readable", .text = "Further folders that it may read."},
      {.name = "speaks_http", .text = "Whether it speaks HTTP of its own, in place of V2."},
      {.name = "ready_path", .text = "Answers 200 once it is ready."},
  };
};
