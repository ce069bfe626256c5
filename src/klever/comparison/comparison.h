// Models side by side, and as a table. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "base/json.h"
#include "base/result.h"

namespace slipway::klever {

struct ComparedModel {
  std::string name;
  std::string project;
  std::string tag;
};
BOOST_DESCRIBE_STRUCT(ComparedModel, (), (name, project, tag))

struct ComparisonRequest {
  std::vector<ComparedModel> models;
  std::optional<uint64_t> start;
  std::optional<uint64_t> limit;
};
BOOST_DESCRIBE_STRUCT(ComparisonRequest, (), (models, start, limit))

// A model and its metadata in ormb's words.
struct Compared {
  std::string path;  // "project/name:tag"
  Json metadata;
};

// [first, last) of a list of `count`: INVALID_ARGUMENT / PAGE_INVALID for numbers that are none.
struct Page {
  size_t first = 0;
  size_t last = 0;
};
Result<Page> PageOf(size_t count, const std::optional<std::string>& start,
                    const std::optional<std::string>& limit);

// RFC 4180 with a byte order mark, as Excel wants it: a row for each property, a column for each
// model. What a spreadsheet would take for a formula is text.
std::string ComparisonCsv(const std::vector<Compared>& models);
// One cell: quoted where it must be, a text that begins as a formula with an apostrophe before it.
std::string CsvCell(std::string_view text);

}  // namespace slipway::klever
