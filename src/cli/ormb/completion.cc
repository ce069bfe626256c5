// slipway ormb completion bash|zsh
#include <memory>
#include <string>

#include "cli/ormb/verbs.h"
#include "cli/output.h"

namespace slipway::cli::ormb {
namespace {

constexpr std::string_view kBash =
    "# bash completion for ormb\n"
    "complete -o default -W 'login save tag push pull export remove models completion version "
    "--config --log-level --help' ormb\n";
constexpr std::string_view kZsh =
    R"(#compdef ormb
_ormb() {
  _arguments '--config[config file]:file:_files' '--log-level[Log level]:level' \
    '1:verb:(login save tag push pull export remove models completion version)' '*:file:_files'
}
compdef _ormb ormb
)";

}  // namespace

void AddCompletion(Command& command, const SharedOptions&) {
  auto shell = std::make_shared<std::string>();
  command.Positional(shell.get(), "SHELL", "bash or zsh");
  command.Run([shell]() -> Result<void> {
    if (*shell == "bash") return Print(kBash);
    if (*shell == "zsh") return Print(kZsh);
    return InvalidArgument("USAGE", "completion: write bash or zsh");
  });
}

}  // namespace slipway::cli::ormb
