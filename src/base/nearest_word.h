// "Did you mean": the known word that is nearest to one that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slipway {

// The word of `known` that a person who wrote `wrong` probably meant; empty if none is near.
std::string NearestWord(std::string_view wrong, std::span<const std::string> known);

}  // namespace slipway
