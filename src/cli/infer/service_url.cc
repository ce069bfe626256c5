#include "cli/infer/service_url.h"

#include <fmt/format.h>

#include "net/http_message.h"

namespace slipway::cli {

Result<std::string> ServiceUrl(const Context& context, std::string_view project,
                               std::string_view service, std::string_view version) {
  if (context.inference.empty()) {
    return FailedPrecondition(
        "INFERENCE_MISSING",
        fmt::format("context {} has no data plane: `slipway context add {} --address {} "
                    "--inference URL` names it",
                    context.name, context.name, context.address));
  }
  std::string url = context.inference;
  if (project != "default") url += "/p/" + net::PercentEncode(project);
  url += "/v2/models/" + net::PercentEncode(service);
  if (!version.empty()) url += "/versions/" + net::PercentEncode(version);
  return url;
}

}  // namespace slipway::cli
