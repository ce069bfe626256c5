// slipway ormb push REF
#include "model/push.h"

#include <memory>

#include <fmt/format.h>

#include "cli/ormb/summary.h"
#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli::ormb {
namespace {

Result<void> Run(const GlobalOptions& global, const RemoteOptions& options) {
  TRY(reference, OrmbReference::ParseExpanded(options.reference));
  TRY(session, Session::Open(global));
  TRY(hold, session.store().Keep());
  TRY(entry, session.Find(reference));
  TRY(registry, session.OpenRegistry(reference, options.network));
  TRY(summary, ReadSummary(session.store(), reference, entry));
  TRY(artifact, session.store().ReadArtifact(entry.manifest));
  TRY_VOID(PrintLine(
      Printable(fmt::format("The push refers to repository [{}]", reference.repository()))));
  TRY_VOID(PrintSummary(reference, summary));
  TRY_VOID(model::PushArtifact(session.store(), artifact, registry.reference, *registry.client,
                               registry.transfers));
  return PrintLine(Printable(fmt::format("{}: pushed to remote (1 layer, {} total)", reference.tag,
                                         BinarySize(summary.layer.size_bytes))));
}

}  // namespace

void AddPush(Command& command, const SharedOptions& global) {
  auto options = std::make_shared<RemoteOptions>();
  AddRemoteOptions(command, options.get(), "model that was saved or pulled");
  command.Run([global, options] { return Run(*global, *options); });
}

}  // namespace slipway::cli::ormb
