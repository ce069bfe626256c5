// The model.yaml beside a model's file. In a header, for the host and for plugins.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "base/result.h"
#include "tensor/stated_signature.h"

namespace slipway::engine {

// A document that was found, by the name that people know it by.
struct Statement {
  std::string file;
  std::string text;
};

// The first of tensor::kStatementFiles in the folder, empty where there is none. INVALID_ARGUMENT /
// SIGNATURE_INVALID for one above the limit or that cannot be read.
inline Result<Statement> ReadStatement(const std::filesystem::path& folder) {
  for (const std::string_view name : tensor::kStatementFiles) {
    const std::filesystem::path path = folder / name;
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) continue;
    std::ifstream in(path, std::ios::binary);
    if (size > tensor::kMaxStatementBytes || !in) {
      return InvalidArgument("SIGNATURE_INVALID",
                             std::string(name) + " cannot be read, or has more than " +
                                 std::to_string(tensor::kMaxStatementBytes) + " bytes");
    }
    return Statement{
        .file = std::string(name),
        .text = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}};
  }
  return Statement();
}

}  // namespace slipway::engine
