// slipway ormb models
#include <chrono>

#include <fmt/format.h>

#include "base/clock.h"
#include "cli/ormb/summary.h"
#include "cli/ormb/verbs.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli::ormb {
namespace {

constexpr size_t kShownDigits = 12;

std::string AgeOf(const model::LocalEntry& entry) {
  const auto created = ParseRfc3339(entry.manifest.annotation(model::kCreatedAt));
  if (!created) return "-";
  const auto age = SystemClock().Wall() - *created;
  return HumanDuration(std::chrono::duration_cast<std::chrono::seconds>(age)) + " ago";
}

Result<void> Run(const GlobalOptions& global) {
  TRY(session, Session::Open(global));
  TRY(hold, session.store().Keep());
  TRY(entries, session.store().List());
  Table table({"REPOSITORY", "TAG", "MODEL ID", "CREATED", "SIZE"});
  for (const model::LocalEntry& entry : entries) {
    const auto reference = OrmbReference::Parse(entry.name);
    if (!reference) continue;
    const auto summary = ReadSummary(session.store(), *reference, entry);
    if (!summary) {  // one that cannot be read hides none of the others
      Note(Printable(fmt::format("{}: {}", entry.name, summary.error().message())));
      continue;
    }
    table.Add({reference->repository(), reference->tag,
               std::string(summary->layer.digest.hex().substr(0, kShownDigits)), AgeOf(entry),
               BinarySize(summary->layer.size_bytes)});
  }
  if (table.empty()) return PrintLine("REPOSITORY  TAG  MODEL ID  CREATED  SIZE");
  return Print(table.Text());
}

}  // namespace

void AddModels(Command& command, const SharedOptions& global) {
  command.Run([global] { return Run(*global); });
}

}  // namespace slipway::cli::ormb
