#include "runtime/process/process_identity.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>

#include "base/descriptor.h"

namespace slipway::runtime {
namespace {

// Files of /proc say their size is 0; they are read until they end.
std::optional<std::string> ReadProcFile(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string out;
  std::array<char, 4096> piece;
  constexpr size_t kMaxProcFile = 4 << 20;
  while (out.size() < kMaxProcFile) {
    ssize_t got = read(file.get(), piece.data(), piece.size());
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    out.append(piece.data(), static_cast<size_t>(got));
  }
  return out;
}

template <class Number>
bool ParseNumber(std::string_view text, Number* out) {
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return problem == std::errc() && end == text.data() + text.size();
}

// The next field up to `separator`, taken from the front of `rest`.
std::string_view TakeField(std::string_view& rest, char separator) {
  size_t end = rest.find(separator);
  std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return field;
}

bool HasMark(pid_t pid, const std::string& mark) {
  return MarkOf(pid) == mark;
}

}  // namespace

std::string ProcessIdentity::ToString() const {
  return std::to_string(pid) + ":" + std::to_string(start_ticks) + ":" + boot_id + ":" + mark;
}

Result<ProcessIdentity> ProcessIdentity::Parse(std::string_view text) {
  ProcessIdentity out;
  std::string_view rest = text;
  bool numbers = ParseNumber(TakeField(rest, ':'), &out.pid);
  numbers = ParseNumber(TakeField(rest, ':'), &out.start_ticks) && numbers;
  out.boot_id = std::string(TakeField(rest, ':'));
  out.mark = std::string(rest);
  if (!numbers || out.pid <= 1 || out.boot_id.empty() || out.mark.empty()) {
    return Internal("HANDLE_INVALID",
                    "\"" + std::string(text.substr(0, 128)) + "\" names no process");
  }
  return out;
}

std::optional<ProcessStat> ReadProcessStat(pid_t pid) {
  auto text = ReadProcFile("/proc/" + std::to_string(pid) + "/stat");
  if (!text.has_value()) return std::nullopt;
  // "PID (NAME) STATE PPID PGRP SESSION ...": the name may hold anything, also ") (".
  size_t name_end = text->rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(name_end + 2);
  ProcessStat out;
  constexpr int kState = 3;
  constexpr int kStartTime = 22;
  for (int field = kState; field <= kStartTime; ++field) {
    std::string_view value = TakeField(rest, ' ');
    if (value.empty()) return std::nullopt;
    if (field == kState) out.state = value[0];
    if (field == kStartTime && !ParseNumber(value, &out.start_ticks)) return std::nullopt;
  }
  return out;
}

std::string MarkOf(pid_t pid) {
  const std::string text = ReadProcFile("/proc/" + std::to_string(pid) + "/environ").value_or("");
  const std::string name = std::string(kMarkVariable) + "=";
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view variable = TakeField(rest, '\0');
    if (variable.starts_with(name)) return std::string(variable.substr(name.size()));
  }
  return {};
}

std::string ReadBootId() {
  std::string text = ReadProcFile("/proc/sys/kernel/random/boot_id").value_or("unknown");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool IsRunning(const ProcessIdentity& identity) {
  if (identity.boot_id != ReadBootId()) return false;
  auto stat = ReadProcessStat(identity.pid);
  return stat.has_value() && stat->alive() && stat->start_ticks == identity.start_ticks;
}

std::vector<Descriptor> ProcessesWithMark(const std::string& mark) {
  std::vector<Descriptor> out;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
  if (folder == nullptr) return out;
  while (const dirent* entry = readdir(folder.get())) {
    pid_t pid = 0;
    if (!ParseNumber(std::string_view(entry->d_name), &pid) || !HasMark(pid, mark)) continue;
    // Looked at again once it is held: the number may have got another owner in between.
    Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    auto stat = ReadProcessStat(pid);
    if (process && stat.has_value() && stat->alive() && HasMark(pid, mark)) {
      out.push_back(std::move(process));
    }
  }
  return out;
}

}  // namespace slipway::runtime
