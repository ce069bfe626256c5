#include "resource/search/lexer.h"

#include <fmt/format.h>

#include "base/format_check.h"

namespace slipway::resource {
namespace {

// Of words: names and plain values. Bytes of UTF-8 beyond ASCII are letters.
bool IsWordByte(char c) {
  constexpr std::string_view kOthers = "_-./:@+*?%";
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool is_digit = c >= '0' && c <= '9';
  return is_letter || is_digit || static_cast<unsigned char>(c) >= 0x80 ||
         kOthers.find(c) != std::string_view::npos;
}

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The symbol that a text begins with; empty if it begins with none.
std::string_view SymbolAt(std::string_view text) {
  for (std::string_view symbol :
       {"==", "!=", "<=", ">=", "!~", "=", "<", ">", "~", "(", ")", ","}) {
    if (text.starts_with(symbol)) return symbol;
  }
  return {};
}

}  // namespace

Error WhereError(size_t column, std::string_view what) {
  return InvalidArgument("WHERE_INVALID", fmt::format("where: column {}: {}", column, what))
      .With("field", "where");
}

void SearchLexer::Skip(size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xc0) != 0x80) ++column_;
  }
  text_.remove_prefix(bytes);
}

Result<SearchToken> SearchLexer::Next() {
  SearchToken token{.is_next = true};
  while (!text_.empty() && IsBlank(text_.front())) {
    Skip(1);
    token.is_next = false;
  }
  token.column = column_;
  if (text_.empty()) return token;
  if (text_.front() == '"' || text_.front() == '\'') return Quoted(std::move(token));
  if (const std::string_view symbol = SymbolAt(text_); !symbol.empty()) {
    token.kind = SearchToken::Kind::kSymbol;
    token.text = symbol;
  } else {
    size_t end = 0;
    while (end < text_.size() && IsWordByte(text_[end])) ++end;
    if (end == 0) {
      return WhereError(column_, fmt::format("{} means nothing here; write a text that has it in "
                                             "quotes",
                                             slipway::Quoted(text_.substr(0, 1))));
    }
    token.kind = SearchToken::Kind::kWord;
    token.text = text_.substr(0, end);
  }
  Skip(token.text.size());
  return token;
}

Result<SearchToken> SearchLexer::Quoted(SearchToken token) {
  const char quote = text_.front();
  token.kind = SearchToken::Kind::kQuoted;
  size_t at = 1;
  while (at < text_.size() && text_[at] != quote) {
    if (text_[at] == '\\') {
      const char next = at + 1 < text_.size() ? text_[at + 1] : '\0';
      if (next != '\\' && next != '"' && next != '\'') {
        Skip(at);
        return WhereError(column_, "after \\ only \\ or a quote may stand");
      }
      ++at;
    }
    token.text.push_back(text_[at++]);
  }
  if (at >= text_.size()) return WhereError(token.column, "this quote is not closed");
  Skip(at + 1);
  return token;
}

}  // namespace slipway::resource
