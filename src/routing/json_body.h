// JsonBody: looks up single values of a JSON request without reading the rest of it into memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/body_field.h"

namespace slipway::routing {

// Bytes behind a text that may be read (and are ignored).
inline constexpr size_t kJsonPadding = 64;

// Keeps memory from request to request. Not thread-safe.
class JsonBody {
 public:
  JsonBody();
  ~JsonBody();
  JsonBody(const JsonBody&) = delete;
  JsonBody& operator=(const JsonBody&) = delete;

  // `text` is followed by kJsonPadding readable bytes and lives until the next Open. Nothing is
  // looked at before the first Find.
  void Open(std::string_view text);
  // As RequestFacts::Body says; nothing also where the text is no JSON as far as it was read. The
  // view lives until the next Open.
  std::optional<std::string_view> Find(const BodyField& field);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::routing
