// slipway ormb export REF
#include "model/export.h"

#include <memory>

#include "cli/input.h"
#include "cli/ormb/summary.h"
#include "cli/ormb/verbs.h"

namespace slipway::cli::ormb {
namespace {

struct Options {
  std::string reference;
  std::string destination = ".";
};

Result<void> Run(const GlobalOptions& global, const Options& options) {
  TRY(reference, OrmbReference::ParseExpanded(options.reference));
  TRY(session, Session::Open(global));
  return Export(session, reference, AbsolutePath(options.destination));
}

}  // namespace

Result<void> Export(Session& session, const OrmbReference& reference, const std::string& folder) {
  TRY(hold, session.store().Keep());
  TRY(entry, session.Find(reference));
  TRY(summary, ReadSummary(session.store(), reference, entry));
  TRY_VOID(PrintSummary(reference, summary));
  TRY(manifest, session.store().ReadManifest(entry.manifest));
  TRY_VOID(model::Export(PosixFileSystem(), session.store(), manifest.bytes, folder));
  return {};
}

void AddExport(Command& command, const SharedOptions& global) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->reference, "REF", "model of the local cache");
  command.Option(&options->destination, "-d,--destination", "DIR",
                 "location to export the model (default is the current folder)");
  command.Run([global, options] { return Run(*global, *options); });
}

}  // namespace slipway::cli::ormb
