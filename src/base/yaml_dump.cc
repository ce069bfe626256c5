// Block style YAML out of JSON values, for people; ParseYaml reads the same value back.
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// Plain only what no reader of YAML 1.1 or 1.2 takes for anything but a string.
bool IsPlain(std::string_view text) {
  if (text.empty() || text.size() > 200 || text.back() == ' ' || text.back() == ':') return false;
  if (kLetters.find(text.front()) == std::string_view::npos && text.front() != '/') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool safe = kLetters.find(c) != std::string_view::npos || (c >= '0' && c <= '9') ||
                std::string_view(" ./_-+@:,()").find(c) != std::string_view::npos;
    if (!safe || (c == ':' && text[i + 1] == ' ')) return false;
  }
  std::string lower;
  for (char c : text) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  for (std::string_view word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    if (lower == word) return false;
  }
  return true;
}

std::string Text(const std::string& text) {
  return IsPlain(text) ? text : DumpJson(Json(text));
}

void Write(const Json& value, size_t indent, bool after_dash, std::string& out);

// Scalars and empty containers stay on the line, others begin on the next.
void WriteMember(const Json& value, size_t indent, std::string& out) {
  bool block = value.is_structured() && !value.empty();
  if (!block) {
    out += " ";
    Write(value, indent, false, out);
    return;
  }
  out += "\n";
  Write(value, value.is_array() ? indent : indent + 2, false, out);
}

void WriteObject(const Json& value, size_t indent, bool after_dash, std::string& out) {
  bool first = true;
  for (const auto& [key, member] : value.items()) {
    if (!(first && after_dash)) out.append(indent, ' ');
    first = false;
    out += Text(key) + ":";
    WriteMember(member, indent, out);
  }
}

void WriteArray(const Json& value, size_t indent, bool after_dash, std::string& out) {
  bool first = true;
  for (const Json& item : value) {
    if (!(first && after_dash)) out.append(indent, ' ');
    first = false;
    out += "- ";
    Write(item, indent + 2, true, out);
  }
}

void Write(const Json& value, size_t indent, bool after_dash, std::string& out) {
  if (value.is_object() && !value.empty()) return WriteObject(value, indent, after_dash, out);
  if (value.is_array() && !value.empty()) return WriteArray(value, indent, after_dash, out);
  out += value.is_string() ? Text(value.get_ref<const std::string&>()) : DumpJson(value);
  out += "\n";
}

}  // namespace

std::string DumpYaml(const Json& value) {
  std::string out;
  Write(value, 0, false, out);
  return out;
}

}  // namespace slipway
