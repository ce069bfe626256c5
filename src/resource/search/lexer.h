// The words of an expression.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::resource {

struct SearchToken {
  enum class Kind : uint8_t { kWord, kQuoted, kSymbol, kEnd } kind = Kind::kEnd;
  std::string text;      // of a quoted one what stands between the quotes
  size_t column = 1;     // in characters, from 1
  bool is_next = false;  // nothing stands between it and the token before
};

// One token after the other; at the end kEnd for ever.
class SearchLexer {
 public:
  // UTF-8.
  explicit SearchLexer(std::string_view text) : text_(text) {}

  // Errors are those of WhereError.
  Result<SearchToken> Next();

 private:
  Result<SearchToken> Quoted(SearchToken token);
  void Skip(size_t bytes);

  std::string_view text_;
  size_t column_ = 1;
};

// INVALID_ARGUMENT / WHERE_INVALID: "where: column 9: WHAT".
Error WhereError(size_t column, std::string_view what);

}  // namespace slipway::resource
