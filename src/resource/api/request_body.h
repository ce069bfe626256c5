// What users send: one resource as JSON or YAML.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "net/http_message.h"
#include "resource/kinds.h"

namespace slipway::resource {

// The body as a JSON value: YAML if the Content-Type names it, else JSON.
Task<Result<Json>> ReadBody(net::HttpRequest& request);

// Decodes an envelope of `kind`. apiVersion and kind may be left out, and must be right if they are
// there; of read-only metadata only uid and version are taken, which the caller may make
// conditions; status is ignored; a project or name other than `project` and `name` (where those are
// not empty) is an error. Errors name the field.
Result<Resource> ResourceFromUser(const KindInfo& kind, const Json& body, std::string_view project,
                                  std::string_view name);

// `If-Match: "7"` or `7`; nothing without the header or for `*`.
Result<std::optional<uint64_t>> IfMatch(const net::HttpRequest& request);

}  // namespace slipway::resource
