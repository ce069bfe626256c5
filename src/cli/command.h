// Command: how a verb declares its arguments. CLI11 stays behind it, in command_line.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::cli {

enum class Need : uint8_t { kRequired, kOptional };

// Values are written while the command line is parsed, before the action runs; they must live as
// long as the action: keep them in a struct that the action shares.
class Command {
 public:
  virtual ~Command() = default;

  // `name` as help shows it: "NAME:TAG".
  virtual void Positional(std::string* value, std::string_view name, std::string_view text,
                          Need need = Need::kRequired) = 0;
  virtual void Positionals(std::vector<std::string>* values, std::string_view name,
                           std::string_view text) = 0;
  // `names` with all spellings: "-f,--file"; `value_name` as help shows it.
  virtual void Option(std::string* value, std::string_view names, std::string_view value_name,
                      std::string_view text, Need need = Need::kOptional) = 0;
  // May be given several times, with one value each.
  virtual void Options(std::vector<std::string>* values, std::string_view names,
                       std::string_view value_name, std::string_view text) = 0;
  virtual void Option(std::optional<int64_t>* value, std::string_view names, int64_t min,
                      int64_t max, std::string_view text) = 0;
  virtual void Choice(std::string* value, std::string_view names,
                      const std::vector<std::string>& choices, std::string_view text,
                      Need need = Need::kOptional) = 0;
  virtual void Flag(bool* value, std::string_view names, std::string_view text) = 0;
  // One line of the help's examples, without the program's name: "deploy fraud:v2 --as fraud".
  virtual void Example(std::string_view line) = 0;
  // A verb below this one: `token create`.
  virtual Command& Sub(std::string_view name, std::string_view text) = 0;
  virtual void Run(std::function<Result<void>()> action) = 0;
};

}  // namespace slipway::cli
