// slipway ormb pull REF
#include <memory>

#include <fmt/format.h>

#include "cli/ormb/summary.h"
#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/text.h"
#include "model/local/fetch.h"
#include "oci/manifest.h"

namespace slipway::cli::ormb {
namespace {

Result<void> Run(const GlobalOptions& global, const RemoteOptions& options) {
  TRY(reference, OrmbReference::ParseExpanded(options.reference));
  TRY(session, Session::Open(global));
  return Pull(session, reference, options.network);
}

}  // namespace

Result<void> Pull(Session& session, const OrmbReference& reference, const NetworkOptions& network) {
  if (reference.tag.empty()) {
    return InvalidArgument("REFERENCE_INVALID", "tag explicitly required");
  }
  TRY(hold, session.store().Keep());
  const bool existed = session.Find(reference).has_value();
  TRY(registry, session.OpenRegistry(reference, network));
  TRY_VOID(PrintLine(
      Printable(fmt::format("{}: Pulling from {}", reference.tag, reference.repository()))));
  // Looked at before anything of it gets a name here.
  TRY(fetched, registry.client->GetManifest(registry.reference.repository, reference.tag));
  TRY(manifest, oci::ParseManifest(fetched.bytes, fetched.media_type));
  TRY_VOID(Summarise(reference, manifest));
  TRY_VOID(model::Fetch(session.store(), registry.reference, *registry.client, reference.full(),
                        registry.transfers));
  TRY(entry, session.Find(reference));
  TRY(summary, ReadSummary(session.store(), reference, entry));
  TRY_VOID(PrintSummary(reference, summary));
  return PrintLine(Printable(fmt::format("Status: {} for {}",
                                         existed ? "Model is up to date" : "Downloaded newer model",
                                         reference.full())));
}

void AddPull(Command& command, const SharedOptions& global) {
  auto options = std::make_shared<RemoteOptions>();
  AddRemoteOptions(command, options.get(), "model of a registry");
  command.Run([global, options] { return Run(*global, *options); });
}

}  // namespace slipway::cli::ormb
