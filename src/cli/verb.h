// Verb: a line of a table of verbs. The table's order is that of the help.
#pragma once

#include "cli/command.h"

namespace slipway::cli {

// `Shared` is what the verbs of one table are handed: a Client&, or the options before them.
template <class Shared>
struct Verb {
  const char* name;
  const char* text;
  void (*add)(Command& command, Shared shared);
};

}  // namespace slipway::cli
