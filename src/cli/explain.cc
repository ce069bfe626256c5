// slipway explain [PATH]
#include "resource/explain.h"

#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "resource/kinds.h"

namespace slipway::cli {
namespace {

Result<void> Explain(const std::string& path) {
  if (!path.empty()) {
    TRY(text, resource::ExplainText(path));
    return Print(text.ends_with('\n') ? text : text + "\n");
  }
  Table table({"KIND", "PATH", "MEANING"});
  for (const resource::KindInfo& kind : resource::Kinds()) {
    table.Add({std::string(kind.kind), std::string(kind.singular), std::string(kind.text)});
  }
  return Print(table.Text());
}

}  // namespace

void AddExplain(Command& command, Client&) {
  auto path = std::make_shared<std::string>();
  command.Positional(path.get(), "PATH", "A kind, or a field of it; without it, the kinds",
                     Need::kOptional);
  command.Example("explain service");
  command.Example("explain service.spec.predictor");
  command.Run([path] { return Explain(*path); });
}

}  // namespace slipway::cli
