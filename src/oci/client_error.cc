#include "oci/client_error.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "net/http_status.h"

namespace slipway::oci {
namespace {

std::string_view ReasonOfStatus(int status) {
  switch (status) {
    case 401:
      return "UNAUTHORIZED";
    case 403:
      return "DENIED";
    case 404:
      return "NOT_FOUND";
    case 429:
      return "TOOMANYREQUESTS";
    default:
      return "REGISTRY_ERROR";
  }
}

bool IsReason(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == std::string::npos;
}

// Control characters of a foreign answer do not reach a terminal.
std::string Printable(std::string text) {
  if (text.size() > 1000) text.resize(1000);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

Error ErrorOfAnswer(const net::ClientResponse& response, std::string_view who) {
  std::string reason(ReasonOfStatus(response.status));
  std::string said;
  const auto json = ParseJson(response.body, {.max_bytes = 1 << 20, .max_depth = 16});
  if (json && json->is_object() && json->contains("errors") && (*json)["errors"].is_array() &&
      !(*json)["errors"].empty() && (*json)["errors"][0].is_object()) {
    const Json& first = (*json)["errors"][0];
    if (first.contains("code") && first["code"].is_string() &&
        IsReason(first["code"].get<std::string>())) {
      reason = first["code"].get<std::string>();
    }
    if (first.contains("message") && first["message"].is_string()) {
      said = Printable(first["message"].get<std::string>());
    }
  }
  std::string message(who);
  message += " answered " + std::to_string(response.status);
  message += said.empty() ? "." : ": " + said;
  if (response.status == 401) {
    message += message.ends_with('.') ? "" : ".";
    message += " Check the token or password.";
  }
  return Error(net::CodeOfStatus(response.status), reason, std::move(message));
}

}  // namespace slipway::oci
