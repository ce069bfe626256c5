// What a registry's answer outside of 2xx means. For the .cc files of the client.
#pragma once

#include <string_view>

#include "base/error.h"
#include "net/http_client.h"

namespace slipway::oci {

// Code from the status; reason and sentence from the body's first error where it has one
// (distribution-spec, "Error codes"). `who` begins the sentence.
Error ErrorOfAnswer(const net::ClientResponse& response, std::string_view who);

}  // namespace slipway::oci
