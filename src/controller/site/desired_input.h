// What the desired state of a site is computed from, as it is read from the store.
#pragma once

#include <string>

#include "controller/site/desired_state.h"
#include "resource/row_keys.h"
#include "resource/token_store.h"
#include "store/meta/meta_store.h"

namespace slipway::controller {

// Everything.
Result<DesiredInput> ReadDesiredInput(const store::Snapshot& snapshot, const std::string& epoch,
                                      resource::InferenceAccess default_access,
                                      const resource::InferenceTokens& tokens);
// One service, or none if it is gone.
Result<DesiredInput> ReadDesiredInput(const store::Snapshot& snapshot, const resource::Key& service,
                                      resource::InferenceAccess default_access,
                                      const resource::InferenceTokens& tokens);

}  // namespace slipway::controller
