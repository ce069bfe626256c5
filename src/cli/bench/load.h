// Load: one request again and again for a while, and how long the answers took.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "cli/bench/latencies.h"
#include "net/http_client.h"

namespace slipway::cli {

struct LoadOptions {
  net::ClientRequest request;
  net::HttpClient::Options connection;
  size_t connections = 4;  // requests at the same time, at most
  // Of an open loop: requests a second, in a Poisson process, whatever the answers do. Those that
  // find all connections busy wait, and their time counts from when they were due. 0: a closed
  // loop, in which each connection sends when it has its answer.
  double rate = 0;
  std::chrono::milliseconds warm_up{1'000};  // not counted
  std::chrono::milliseconds duration{10'000};
  uint64_t seed = 1;
};

struct LoadResult {
  Latencies latencies;  // of requests that were answered 200
  std::chrono::nanoseconds elapsed{0};
  std::map<std::string, uint64_t> errors;  // by their words: "503 Exceeds maximum queue size"

  uint64_t failed() const;
};

// What was due in `duration` and is answered later counts. Blocking; a thread for each connection.
LoadResult RunLoad(const LoadOptions& options);

}  // namespace slipway::cli
