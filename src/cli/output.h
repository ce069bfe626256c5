// Output: results on standard output in the form that was asked for; everything else (progress,
// warnings, errors) goes to standard error.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace slipway::cli {

enum class Format : uint8_t { kTable, kWide, kJson, kYaml, kName };

// INVALID_ARGUMENT / OUTPUT_FORMAT.
Result<Format> ParseFormat(std::string_view text);

// For verbs whose rows have no names: refuses `-o name`.
Result<void> CheckNotNames(Format format, std::string_view what);

// Rows under titles, columns as wide as their longest cell. Cells are made printable.
class Table {
 public:
  explicit Table(std::vector<std::string> titles);
  void Add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // The whole as text, the titles first; "" for a table without rows.
  std::string Text() const;
  // Only the row added last, in the widths so far: for watches.
  std::string LastRow() const;

 private:
  std::string Line(const std::vector<std::string>& cells) const;

  std::vector<size_t> widths_;
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

// Writes to standard output and flushes. UNAVAILABLE / OUTPUT_CLOSED if the reader is gone
// (`slipway get ... | head`), RESOURCE_EXHAUSTED / DISK_FULL and so on.
Result<void> Print(std::string_view text);
Result<void> PrintLine(std::string_view text);
// JSON (indented) or YAML.
Result<void> PrintJson(const Json& json, Format format);

// One line on standard error.
void Note(std::string_view text);

// What a verb did, in any format: `value` as JSON or YAML, its `name`, or a sentence.
Result<void> PrintOutcome(Format format, const Json& value, std::string_view name,
                          std::string_view text);

}  // namespace slipway::cli
