// Recognise: which format the files of a model are in, and which of them an engine opens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway::model {

// What is looked at of a file: its path in the package and its first kHeadBytes bytes (may be empty
// where only names are known).
struct FileHint {
  std::string path;
  std::string head;
};

struct Recognised {
  std::string format;     // "onnx", "savedmodel", ...; empty: none that is known
  std::string main_file;  // the file to open; of formats that are folders, the file that marks them
  // Why there is a format but no main file: a sentence for a person; else empty.
  std::string problem;
};

// Pure. Of several formats in one package the first of the table in recognise.cc wins.
Recognised Recognise(std::span<const FileHint> files);

// The name of the format that somebody states in any words ("ONNX", "MXNetParams"); empty if it is
// not known.
std::string KnownFormat(std::string_view stated);

// All names that Recognise gives, in the table's order.
std::span<const std::string_view> FormatNames();

}  // namespace slipway::model
