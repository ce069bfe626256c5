#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace slipway {

void CheckFailed(const char* file, int line, const char* condition, std::string_view note) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s %.*s\n", file, line, condition,
               static_cast<int>(note.size()), note.data());
  std::abort();
}

}  // namespace slipway
