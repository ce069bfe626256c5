// Terms: index rows by which resources are found by what they say (KindInfo::terms).
#pragma once

#include <set>
#include <string>

#include "resource/envelope.h"
#include "store/meta/meta_store.h"

namespace slipway::resource {

// The words of a resource that can be part of a row's key; none of nullptr.
std::set<std::string> TermsOf(const Resource* resource);

// Makes the rows of what a program without them wrote, some resources in each transaction; begins
// again where it was cut off before its end. Blocking; before anything else is changed.
Result<void> BuildTerms(store::MetaStore& meta);

}  // namespace slipway::resource
