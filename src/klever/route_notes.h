// What the routes of Klever and of Harbor answer and read, for OpenAPI.
#pragma once

#include <vector>

#include "resource/route_note.h"

namespace slipway::klever {

// Of Klever::Routes, one for each.
std::vector<resource::RouteNote> KleverRouteNotes();

}  // namespace slipway::klever
