#include "cli/infer/inference_error.h"

#include <fmt/format.h>

#include "cli/api_client.h"
#include "cli/text.h"

namespace slipway::cli {

Error InferenceError(int status, const std::string& body) {
  Result<Json> json = ParseJson(body);
  std::string text = json ? TextAt(*json, "/error") : "";
  if (json && !TextAt(*json, "/detail").empty()) return ErrorOfProblem(status, body);
  Error plain = ErrorOfProblem(status, "");
  return Error(
      plain.code(), "INFERENCE_REFUSED",
      text.empty() ? fmt::format("the data plane answered {} without a reason", status) : text);
}

}  // namespace slipway::cli
