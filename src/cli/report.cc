#include "cli/report.h"

#include "cli/exit_code.h"
#include "cli/output.h"

namespace slipway::cli {

int ReportError(const Error& error) {
  // Nobody reads any more (`slipway get ... | head`): nothing to say.
  if (error.reason() == "OUTPUT_CLOSED") return ExitCodeOf(error.code());
  std::string text = "slipway: " + error.message();
  for (const Error* cause = error.cause(); cause != nullptr; cause = cause->cause()) {
    text += ": " + cause->message();
  }
  Note(text);
  return ExitCodeOf(error.code());
}

}  // namespace slipway::cli
