// slipway ormb tag SRC DST
#include <memory>

#include <fmt/format.h>

#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli::ormb {
namespace {

struct Options {
  std::string source;
  std::string target;
};

Result<void> Run(const GlobalOptions& global, const Options& options) {
  TRY(source, OrmbReference::ParseExpanded(options.source));
  TRY(target, OrmbReference::ParseExpanded(options.target));
  if (source.full() == target.full()) return {};
  TRY(session, Session::Open(global));
  TRY_VOID(session.Find(source));
  TRY_VOID(session.store().Tag({source.full()}, target.full()));
  return PrintLine(Printable(fmt::format("{}: tagged", source.full())));
}

}  // namespace

void AddTag(Command& command, const SharedOptions& global) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->source, "SRC", "model of the local cache");
  command.Positional(&options->target, "DST", "one more name of it");
  command.Run([global, options] { return Run(*global, *options); });
}

}  // namespace slipway::cli::ormb
