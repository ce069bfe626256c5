// What is asked of a program on loopback beside its requests, and what is said of one that does not
// become ready.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/http_client.h"

namespace slipway::engine::program {

std::string UrlOf(uint16_t port, const std::string& path);
// GET; answers of any status are values.
Result<net::ClientResponse> Ask(net::HttpClient& client, uint16_t port, const std::string& path,
                                std::chrono::milliseconds time);
// Whether somebody listens there.
bool Listens(uint16_t port);

// FAILED_PRECONDITION / PROGRAM_ENDED, and PROGRAM_NOT_READY with what was seen last.
Error EndedEarly(const std::string& how);
Error NotReady(std::chrono::milliseconds start_timeout, const std::string& last);

}  // namespace slipway::engine::program
