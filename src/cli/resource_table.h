// Resources as rows: which columns a kind has.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "cli/output.h"
#include "resource/kinds.h"

namespace slipway::cli {

// The titles and the cells of a kind; `wide` adds the columns that few people need.
std::vector<std::string> TitlesOf(const resource::KindInfo& kind, bool wide);
std::vector<std::string> CellsOf(const resource::KindInfo& kind, const Json& resource, bool wide,
                                 Clock& clock);

// The model of a Service or Revision with its digest. A service that follows its tag has the one
// that the tag said last, once its controller has seen it. Where a program answers it is that one
// with its models, "default/code:v1@sha256:... with ocr=default/plates:2@sha256:...".
std::string ModelOf(const Json& resource);

// "service/magika", in the words of the command line.
std::string NameOf(const resource::KindInfo& kind, const Json& resource);

// Prints a list answer in any format; `nothing` is the note (on standard error) for an empty table.
Result<void> PrintResources(const resource::KindInfo& kind, const Json& list, Format format,
                            Clock& clock, std::string_view nothing);
// Prints one resource in any format.
Result<void> PrintResource(const resource::KindInfo& kind, const Json& resource, Format format,
                           Clock& clock);

}  // namespace slipway::cli
