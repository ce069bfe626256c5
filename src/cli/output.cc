#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "cli/text.h"

namespace slipway::cli {
namespace {

constexpr size_t kMaxCellWidth = 120;

// Columns on the screen, near enough: one for each character.
size_t Width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Result<Format> ParseFormat(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Format>, 5> kFormats = {{
      {"table", Format::kTable},
      {"wide", Format::kWide},
      {"json", Format::kJson},
      {"yaml", Format::kYaml},
      {"name", Format::kName},
  }};
  for (const auto& [name, format] : kFormats) {
    if (name == text) return format;
  }
  return InvalidArgument("OUTPUT_FORMAT",
                         fmt::format("--output: table, wide, json, yaml or name, got {}", text));
}

Result<void> CheckNotNames(Format format, std::string_view what) {
  if (format != Format::kName) return {};
  return InvalidArgument(
      "OUTPUT_FORMAT",
      fmt::format("--output: {} has no name; take table, wide, json or yaml", what));
}

Table::Table(std::vector<std::string> titles) : titles_(std::move(titles)) {
  for (const std::string& title : titles_) widths_.push_back(Width(title));
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(titles_.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i] = cells[i].empty() ? "-" : Printable(cells[i]);
    widths_[i] = std::max(widths_[i], std::min(Width(cells[i]), kMaxCellWidth));
  }
  rows_.push_back(std::move(cells));
}

std::string Table::Line(const std::vector<std::string>& cells) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    line += cells[i];
    if (i + 1 == cells.size()) break;
    size_t width = Width(cells[i]);
    line.append(width < widths_[i] ? widths_[i] - width + 3 : 3, ' ');
  }
  return line + "\n";
}

std::string Table::Text() const {
  if (rows_.empty()) return "";
  std::string text = Line(titles_);
  for (const auto& row : rows_) text += Line(row);
  return text;
}

std::string Table::LastRow() const {
  return rows_.empty() ? "" : Line(rows_.back());
}

Result<void> Print(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return {};
  }
  if (errno == EPIPE) {
    return Unavailable("OUTPUT_CLOSED", "the reader of standard output is gone");
  }
  return SystemError(errno, "standard output");
}

Result<void> PrintLine(std::string_view text) {
  return Print(std::string(text) + "\n");
}

Result<void> PrintJson(const Json& json, Format format) {
  if (format == Format::kYaml) return Print(DumpYaml(json));
  return PrintLine(DumpJsonPretty(json));
}

Result<void> PrintOutcome(Format format, const Json& value, std::string_view name,
                          std::string_view text) {
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(value, format);
  return PrintLine(Printable(format == Format::kName ? name : text));
}

void Note(std::string_view text) {
  std::string line = Printable(text, /*keep_lines=*/true) + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace slipway::cli
