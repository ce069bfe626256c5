// slipway model pull NAME:TAG
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/fetching.h"
#include "cli/model/local.h"
#include "cli/model/rows.h"
#include "cli/model/verbs.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

Result<void> PullModel(Client& client, const std::string& text) {
  TRY(format, client.OutputFormat());
  TRY(store, OpenModels(client));
  TRY(fetched, FetchModel(client, store, text));
  TRY(reference, oci::Reference::Parse(text));
  const std::string name = NameOf(reference);
  const oci::FetchedManifest& root = fetched.artifact.root();
  if (format == Format::kJson || format == Format::kYaml) {
    TRY(manifest, oci::ParseManifest(root.bytes, root.media_type));
    Json shown = DescribeManifest(name, root.digest, manifest, ReadConfig(store, manifest));
    shown["changed"] = fetched.changed;
    shown["downloadedBytes"] = fetched.bytes_downloaded;
    shown["store"] = store.folder();
    return PrintJson(shown, format);
  }
  if (format == Format::kName) return PrintLine(Printable(name));
  const std::string digest = ShortDigest(root.digest.text());
  if (!fetched.changed && fetched.bytes_downloaded == 0) {
    return PrintLine(Printable(fmt::format("{} is {}, as here; nothing changed", name, digest)));
  }
  return PrintLine(Printable(fmt::format("pulled {} ({}, {} received)", name, digest,
                                         FormatBytes(fetched.bytes_downloaded))));
}

}  // namespace

void AddModelPull(Command& command, Client& client) {
  auto reference = std::make_shared<std::string>();
  command.Positional(reference.get(), "NAME:TAG", "Model version to fetch");
  command.Example("model pull fraud:v1");
  command.Example("model pull registry.example/vision/detector:1.4");
  command.Run([&client, reference] { return PullModel(client, *reference); });
}

}  // namespace slipway::cli
