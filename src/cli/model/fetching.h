// Fetching a model from its registry into the local store.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/client.h"
#include "model/local/fetch.h"
#include "oci/reference.h"

namespace slipway::cli {

// With progress. The name in the store is NameOf(the reference).
Result<model::Fetched> FetchModel(Client& client, model::LocalStore& store,
                                  const std::string& text);

// Of what is pulled: with its tag, or by its digest where it was named by that alone.
std::string NameOf(const oci::Reference& reference);

}  // namespace slipway::cli
