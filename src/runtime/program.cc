#include "runtime/program.h"

#include <algorithm>
#include <set>

#include "base/format_check.h"

namespace slipway::runtime {
namespace {

Error Wrong(const std::string& at, const std::string& problem) {
  return InvalidArgument("FIELD_RANGE", at + ": " + problem);
}

bool IsAbsolute(const std::string& path) {
  return path.starts_with('/') && path.find('\0') == std::string::npos;
}

Result<void> CheckCommand(const ServingProgram& program, const std::string& at) {
  if (program.kind == kProgramPython) {
    if (program.command.empty()) return {};
    return Wrong(at + ".command", "a program of the kind python has none");
  }
  if (program.command.empty() || program.command.front().empty()) {
    return Wrong(at + ".command", "it begins with the program to run");
  }
  for (const std::string& argument : program.command) {
    if (argument.size() <= kMaxProgramArgumentBytes && argument.find('\0') == std::string::npos) {
      continue;
    }
    return Wrong(at + ".command", "an argument has at most " +
                                      std::to_string(kMaxProgramArgumentBytes) +
                                      " bytes, none of them zero");
  }
  return {};
}

}  // namespace

Result<void> CheckProgram(const std::optional<ServingProgram>& program,
                          const std::vector<ServingMount>& mounts, const std::string& at) {
  std::set<std::string> names;
  for (size_t i = 0; i < mounts.size(); ++i) {
    const std::string mount = at + ".mounts[" + std::to_string(i) + "]";
    if (!names.insert(mounts[i].mount_as).second) {
      return Wrong(mount + ".mountAs", mounts[i].mount_as + " is there twice");
    }
    if (!IsAbsolute(mounts[i].path)) return Wrong(mount + ".path", "an absolute path");
  }
  if (!program) {
    return mounts.empty() ? Result<void>()
                          : Wrong(at + ".mounts", "there is no program to give them to");
  }
  const std::string place = at + ".program";
  if (program->kind != kProgramPython && program->kind != kProgramV2 &&
      program->kind != kProgramHttp) {
    return Wrong(place + ".kind", "python, v2 or http, got " + Quoted(program->kind));
  }
  if (!IsAbsolute(program->path)) return Wrong(place + ".path", "an absolute path");
  if (!program->ready_path.empty() && !program->ready_path.starts_with('/')) {
    return Wrong(place + ".readyPath", "it begins with /");
  }
  return CheckCommand(*program, place);
}

}  // namespace slipway::runtime
