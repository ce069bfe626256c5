// slipway ormb save DIR REF
#include "model/local/save.h"

#include <memory>

#include <fmt/format.h>

#include "cli/input.h"
#include "cli/ormb/summary.h"
#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli::ormb {
namespace {

struct Options {
  std::string folder;
  std::string reference;
};

Result<void> Run(const GlobalOptions& global, const Options& options) {
  TRY(reference, OrmbReference::ParseExpanded(options.reference));
  TRY(session, Session::Open(global));
  TRY(saved, model::Save(session.store(), PosixFileSystem(), AbsolutePath(options.folder),
                         reference.full(), {.form = model::PackageForm::kOrmb}));
  const model::PackageLayer& layer = saved.package.layers.front();
  TRY_VOID(PrintSummary(reference, {.layer = {.media_type = layer.media_type,
                                              .digest = layer.digest,
                                              .size_bytes = layer.size_bytes},
                                    .format = saved.package.metadata.format}));
  return PrintLine(Printable(fmt::format("{}: saved", reference.tag)));
}

}  // namespace

void AddSave(Command& command, const SharedOptions& global) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->folder, "DIR", "folder with ormbfile.yaml and model/");
  command.Positional(&options->reference, "REF", "HOST/NAME:TAG or HOST/PROJECT/NAME:TAG");
  command.Run([global, options] { return Run(*global, *options); });
}

}  // namespace slipway::cli::ormb
