#include "resource/kinds/secret.h"

namespace slipway::resource {

KindInfo SecretKind() {
  return {.kind = "Secret",
          .plural = "secrets",
          .singular = "secret",
          .spec = &TypeOf<SecretSpec>(),
          .status = &TypeOf<SecretStatus>(),
          .text = Description<SecretSpec>::kText};
}

}  // namespace slipway::resource
