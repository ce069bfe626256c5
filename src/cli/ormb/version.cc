// slipway ormb version
#include <fmt/format.h>

#include "base/build_info.h"
#include "cli/ormb/verbs.h"
#include "cli/output.h"

namespace slipway::cli::ormb {

// ormb's five lines. There is no Go in this program, and its lines say so.
void AddVersion(Command& command, const SharedOptions&) {
  command.Run([] {
    return Print(fmt::format(
        "Version: {}\nGit SHA: {}\nRepo Root: slipway\nGo Version: none\nGo OS/Arch: linux/amd64\n",
        slipway::Version(), slipway::Commit()));
  });
}

}  // namespace slipway::cli::ormb
