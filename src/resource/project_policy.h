// What projects say about their repositories, as the registry asks it for each request.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/meta/meta_store.h"

namespace slipway::resource {

// Whether spec.registry.anonymousPull of the project is set; false where there is no such project,
// or it is being deleted. Usable inside transactions.
Result<bool> AllowsAnonymousPull(const store::Snapshot& snapshot, std::string_view project);

// The same from memory, as it was two seconds ago at most, else read from the store. Thread-safe;
// both arguments outlive it.
std::function<Task<Result<bool>>(std::string project)> MakeAnonymousPull(store::MetaStore& meta,
                                                                         Clock& clock);

}  // namespace slipway::resource
