#include "resource/kinds/program.h"

#include "base/format_check.h"

namespace slipway::resource {
namespace {

Error Wrong(std::string_view reason, const std::string& field, const std::string& what) {
  return InvalidArgument(reason, field + ": " + what).With("field", field);
}

// The fields that are there and belong to another way of running a program.
Result<void> CheckForeign(const ProgramSettings& program, const std::string& at) {
  if (program.command.empty() && !program.ref.empty()) {
    return Wrong("FIELD_RANGE", at + ".ref",
                 "is the package of a command; of a Python program write python: NAME:TAG");
  }
  if (!program.python.empty()) {
    const char* const field = program.protocol                 ? "protocol"
                              : !program.ready_path.empty()    ? "readyPath"
                              : !program.start_timeout.empty() ? "startTimeout"
                                                               : nullptr;
    if (field != nullptr) {
      return Wrong("FIELD_RANGE", at + "." + field, "a Python program has none; leave it out");
    }
  }
  const bool is_http = program.protocol == ProgramProtocol::kHttp;
  if (!program.ready_path.empty() && !is_http) {
    return Wrong("FIELD_RANGE", at + ".readyPath",
                 "is of protocol http; V2 has a path of its own for that");
  }
  return {};
}

Result<void> CheckCommand(const ProgramSettings& program, const std::string& at) {
  if (program.command.empty()) return {};
  if (program.ref.empty()) {
    return Wrong("FIELD_REQUIRED", at + ".ref", "names the package that has the command's program");
  }
  for (size_t i = 0; i < program.command.size(); ++i) {
    const std::string& word = program.command[i];
    const std::string field = at + ".command[" + std::to_string(i) + "]";
    if (i == 0 && word.empty()) {
      return Wrong("FIELD_RANGE", field, "names the program to run, such as {program}/serve");
    }
    if (word.size() > kMaxCommandArgumentBytes) {
      return Wrong("FIELD_RANGE", field,
                   "at most " + std::to_string(kMaxCommandArgumentBytes) + " bytes, got " +
                       std::to_string(word.size()));
    }
    if (word.find('\0') != std::string::npos) {
      return Wrong("FIELD_RANGE", field, "has a zero byte, which no argument can have");
    }
  }
  return {};
}

}  // namespace

Result<std::chrono::milliseconds> ParseStartTimeout(const ProgramSettings& program) {
  if (program.start_timeout.empty()) return kDefaultStartTimeout;
  TRY(timeout, ParseDuration(program.start_timeout));
  if (timeout >= kShortestStartTimeout && timeout <= kLongestStartTimeout) return timeout;
  return InvalidArgument("FIELD_RANGE", "1s to 15m, got " + Quoted(program.start_timeout));
}

Result<void> CheckProgram(const ProgramSettings& program, const std::string& at) {
  std::string there;
  int count = 0;
  for (const auto& [name, is_there] : {std::pair{"python", !program.python.empty()},
                                       {"command", !program.command.empty()},
                                       {"image", !program.image.empty()}}) {
    if (!is_there) continue;
    there += (count == 0 ? "" : " and ") + std::string(name);
    ++count;
  }
  if (count > 1) {
    return Wrong("FIELD_RANGE", at, there + " are both there; exactly one says what runs");
  }
  TRY_VOID(CheckForeign(program, at));
  if (count == 0) {
    return Wrong("FIELD_REQUIRED", at, "one of python, command and image says what runs");
  }
  TRY_VOID(CheckCommand(program, at));
  if (!program.ready_path.empty() && !program.ready_path.starts_with('/')) {
    return Wrong("FIELD_RANGE", at + ".readyPath",
                 "begins with /, got " + Quoted(program.ready_path));
  }
  const auto timeout = ParseStartTimeout(program);
  if (timeout.has_value()) return {};
  const std::string field = at + ".startTimeout";
  return timeout.error().Prefixed(field + ": ").With("field", field);
}

}  // namespace slipway::resource
