// slipway ormb remove REF
#include <memory>

#include <fmt/format.h>

#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli::ormb {
namespace {

Result<void> Run(const GlobalOptions& global, const std::string& text) {
  TRY(reference, OrmbReference::ParseExpanded(text));
  TRY(session, Session::Open(global));
  TRY_VOID(session.Find(reference));
  TRY(removed, session.store().Remove({{reference.full()}}));
  if (!removed.problem.empty()) Note(Printable("nothing is freed: " + removed.problem));
  return PrintLine(Printable(fmt::format("{}: removed", reference.tag)));
}

}  // namespace

void AddRemove(Command& command, const SharedOptions& global) {
  auto reference = std::make_shared<std::string>();
  auto plain_http = std::make_shared<bool>(false);
  command.Positional(reference.get(), "REF", "model of the local cache");
  command.Flag(plain_http.get(), "--plain-http", "taken, and not used");
  command.Run([global, reference, plain_http] { return Run(*global, *reference); });
}

}  // namespace slipway::cli::ormb
