// slipway model verify NAME:TAG --key FILE
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/keys.h"
#include "cli/model/verbs.h"
#include "cli/registry_access.h"
#include "cli/text.h"
#include "model/signing.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string reference;
  std::string key;
  std::vector<std::string> annotations;
};

Json ToJson(const model::VerifiedSignature& signature) {
  return {{"form", model::NameOf(signature.form)},
          {"identity", signature.claim.identity},
          {"annotations", signature.claim.annotations}};
}

std::string LineOf(const model::VerifiedSignature& signature) {
  std::string line = fmt::format("  {:6}", model::NameOf(signature.form));
  if (!signature.claim.identity.empty()) line += " signed as " + signature.claim.identity;
  for (const auto& [name, value] : signature.claim.annotations) {
    line += fmt::format(" {}={}", name, value);
  }
  return line;
}

Result<void> Verify(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(annotations, ParseAnnotations(options.annotations));
  TRY(key, ReadPublicKey(options.key));
  TRY(registry, OpenRegistry(client, options.reference));
  TRY(verified, model::Verify(*registry.client, registry.reference, key, annotations));
  const std::string name = registry.reference.ToString();
  if (format == Format::kName) return PrintLine(Printable(name));
  if (format == Format::kJson || format == Format::kYaml) {
    Json signatures = Json::array();
    for (const auto& signature : verified.signatures) signatures.push_back(ToJson(signature));
    return PrintJson({{"reference", name},
                      {"digest", verified.digest.text()},
                      {"key", key.fingerprint()},
                      {"algorithm", key.algorithm()},
                      {"signatures", std::move(signatures)}},
                     format);
  }
  TRY_VOID(PrintLine(
      Printable(fmt::format("{} ({}) is signed with {} key {}", name, verified.digest.text(),
                            key.algorithm(), key.fingerprint()))));
  for (const auto& signature : verified.signatures) {
    TRY_VOID(PrintLine(Printable(LineOf(signature))));
  }
  return {};
}

}  // namespace

void AddVerify(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->reference, "NAME:TAG", "Model version or image");
  command.Option(&options->key, "-k,--key", "FILE", "Public key: cosign.pub, or PEM",
                 Need::kRequired);
  command.Options(&options->annotations, "-a,--annotation", "NAME=VALUE",
                  "The signature must say this (may be repeated)");
  command.Example("model verify fraud:v1 --key cosign.pub");
  command.Example("model verify fraud:v1 --key cosign.pub -a ticket=R-17 -o json");
  command.Run([&client, options] { return Verify(client, *options); });
}

}  // namespace slipway::cli
