#include "registry/upload_age.h"

#include <algorithm>

namespace slipway::registry {

WallTime UploadAge::ExpiredBefore(std::chrono::milliseconds expiry) const {
  const auto passed =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Steady() - steady_begin_);
  return std::min(clock_.Wall(), wall_begin_ + passed) - expiry;
}

}  // namespace slipway::registry
