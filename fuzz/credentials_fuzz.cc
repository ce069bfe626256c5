// Files of credentials and answers of credential helpers: what is taken is kept when it is written
// and read again, and no error tells a secret.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/check.h"
#include "oci/credential_helper.h"
#include "oci/docker_config.h"

using slipway::oci::CredentialHelper;
using slipway::oci::Credentials;
using slipway::oci::DockerConfig;

namespace {

void CheckConfig(std::string_view text) {
  auto config = DockerConfig::Parse(text);
  if (!config) {
    CHECK(config.error().code() == slipway::Code::kInvalidArgument);
    return;
  }
  for (const std::string_view host : {"a.test", "a.test:5000", "docker.io"}) {
    const auto found = config->Find(host, "team/app");
    static_cast<void>(config->HelperOf(host));
    if (!found) CHECK(found.error().reason() == "CREDENTIALS_INVALID");
    if (found && *found) CHECK(!(*found)->empty());
  }
  const Credentials mine{.user = "u", .password = "p:q"};
  const auto before = config->Find("a.test", "x");
  config->Put("a.test", mine);
  const auto again = DockerConfig::Parse(config->Text());
  CHECK(again.has_value());
  const auto kept = again->Find("a.test", "x");
  if (before && !*before) CHECK(kept.has_value() && *kept == mine);
  CHECK(config->Remove("a.test"));
  CHECK(!config->Remove("a.test"));
}

void CheckHelper(const std::string& answer) {
  for (const int status : {0, 1}) {
    const auto helper = CredentialHelper::Make(
        "x",
        [&](const std::string&, const std::string&,
            const std::string&) -> slipway::Result<slipway::oci::HelperResult> {
          return slipway::oci::HelperResult{.exit_status = status, .output = answer};
        });
    const auto found = helper->Get("a.test");
    if (found) continue;
    CHECK(found.error().reason() == "HELPER_FAILED");
    if (status == 0) CHECK(found.error().message().size() < 100);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckConfig(text);
  CheckHelper(text);
  static_cast<void>(CredentialHelper::Make(text, nullptr));
  // Who writes base64 with padding writes what is read.
  if (const auto plain = slipway::FromBase64(text)) {
    CHECK(slipway::FromBase64(slipway::Base64(*plain)) == plain);
  }
  return 0;
}
