// What a list of ModelVersions may be searched for.
#pragma once

#include <span>

#include "resource/search/fields.h"

namespace slipway::resource {

// The path of the registry's tags, which ResourceStore::AddSearchPart adds to the document.
inline constexpr std::string_view kTagsPart = "tags";

std::span<const SearchField> ModelVersionSearch();

}  // namespace slipway::resource
