// What a history tells beside the moves of tags. Pure.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::cli {

// The versions of a model that are there, by digest.
using Versions = std::map<std::string, Json>;

// "+1 -0 ~2 files, 3 values", as far as the control centre keeps both versions; else empty.
std::string WhatChanged(const Versions& versions, const std::string& before,
                        const std::string& after);

// Adds to `entries`, newest first, the versions that no move tells of: pushed by their digest, or
// before moves were kept. Only those that are not older than `since`, which a cut history ends
// with.
void AddPushes(const Versions& versions, const std::string& since, Json& entries);

}  // namespace slipway::cli
