// BuildInfo: which build this is.
#pragma once

#include <string_view>

namespace slipway {

// "0.1.0".
std::string_view Version();
// The commit that it was built from, with "-dirty" where the tree had changes; or "unknown".
std::string_view Commit();
// What a plugin must have in common with the program that opens it: version, commit, compiler,
// build type and the headers of the border between them.
std::string_view BuildId();

}  // namespace slipway
