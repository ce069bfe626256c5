#include "async/call_context.h"

#include <utility>

namespace slipway {

CallContext CallContext::System(std::string component) {
  CallContext context;
  context.identity.subject = "system/" + std::move(component);
  context.identity.grants = {Grant{.role = Role::kAdmin, .project = "", .service = ""}};
  return context;
}

}  // namespace slipway
