#include "base/build_info.h"

// The generated header; in quotes it would be the one above, of the same name.
#include <build_info.h>

namespace slipway {

std::string_view Version() {
  return SLIPWAY_VERSION;
}
std::string_view Commit() {
  return SLIPWAY_COMMIT;
}
std::string_view BuildId() {
  return SLIPWAY_BUILD_ID;
}

}  // namespace slipway
