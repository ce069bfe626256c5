// slipway model sign NAME:TAG --key FILE
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
  std::string form = "both";
  bool password_stdin = false;
};

std::vector<model::SignatureForm> FormsOf(const std::string& name) {
  if (name == "tag") return {model::SignatureForm::kTag};
  if (name == "bundle") return {model::SignatureForm::kBundle};
  return {model::SignatureForm::kTag, model::SignatureForm::kBundle};
}

Result<void> Sign(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(annotations, ParseAnnotations(options.annotations));
  TRY(registry, OpenRegistry(client, options.reference));
  TRY(key, ReadSigningKey(options.key, options.password_stdin));
  TRY(done, model::Sign(*registry.client, registry.reference, key,
                        {.forms = FormsOf(options.form),
                         .identity = registry.FullName(),
                         .annotations = std::move(annotations)},
                        client.clock()));
  const std::string name = registry.reference.ToString();
  if (format == Format::kName) return PrintLine(Printable(name));
  Json added = Json::array();
  for (const model::SignatureForm form : done.added) added.push_back(model::NameOf(form));
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"reference", name},
                      {"digest", done.digest.text()},
                      {"key", key.public_key().fingerprint()},
                      {"added", std::move(added)}},
                     format);
  }
  const std::string digest = ShortDigest(done.digest.text());
  if (done.added.empty()) {
    return PrintLine(
        Printable(fmt::format("{} ({}) is signed with this key already", name, digest)));
  }
  return PrintLine(
      Printable(fmt::format("signed {} ({}) with {} key {}", name, digest,
                            key.public_key().algorithm(), key.public_key().fingerprint())));
}

}  // namespace

void AddSign(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->reference, "NAME:TAG", "Model version or image to sign");
  command.Option(&options->key, "-k,--key", "FILE", "Private key: cosign.key, or PEM",
                 Need::kRequired);
  command.Options(&options->annotations, "-a,--annotation", "NAME=VALUE",
                  "Say this in the signature, too (may be repeated)");
  command.Choice(&options->form, "--form", {"both", "tag", "bundle"},
                 "How it is kept: under a tag (every cosign), as a bundle that refers to it "
                 "(cosign 3), or both (both)");
  command.Flag(&options->password_stdin, "--password-stdin",
               "Take the key's password from standard input");
  command.Example("model sign fraud:v1 --key cosign.key");
  command.Example("model sign registry.example/risk/fraud:v1 --key cosign.key -a ticket=R-17");
  command.Run([&client, options] { return Sign(client, *options); });
}

}  // namespace slipway::cli
