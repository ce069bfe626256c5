// Site: one inference platform, a machine or a cluster, with one agent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "resource/kinds.h"

namespace slipway::resource {

// The site of the control centre's own machine, there from the first start.
inline constexpr std::string_view kLocalSite = "local";

struct SiteSpec {
  std::string description;
};
BOOST_DESCRIBE_STRUCT(SiteSpec, (), (description))

struct SiteEndpoint {
  std::string name;  // "rest", "grpc", "metrics"
  std::string address;
  int32_t port = 0;
  bool tls = false;
};
BOOST_DESCRIBE_STRUCT(SiteEndpoint, (), (name, address, port, tls))

struct SiteStatus : StatusBase {
  std::string build_id;
  uint64_t serving_generation = 0;
  int64_t pid = 0;
  std::vector<SiteEndpoint> endpoints;
  std::string last_seen_at;
};
BOOST_DESCRIBE_STRUCT(SiteStatus, (StatusBase),
                      (build_id, serving_generation, pid, endpoints, last_seen_at))

KindInfo SiteKind();

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::SiteSpec> {
  static constexpr std::string_view kText = "An inference platform: one machine or one cluster.";
  static constexpr FieldText kFields[] = {
      {.name = "description", .text = "Where it stands and what it is for.", .max = 4096},
  };
};

template <>
struct slipway::Description<slipway::resource::SiteEndpoint> {
  static constexpr std::string_view kText = "An address at which a site answers.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "What answers there: rest, grpc or metrics."},
      {.name = "address", .text = "Host name or address."},
      {.name = "port", .text = "TCP port.", .min = 0, .max = 65535},
      {.name = "tls", .text = "Whether it takes TLS only: https, not http."},
  };
};

template <>
struct slipway::Description<slipway::resource::SiteStatus> {
  static constexpr std::string_view kText = "What the agent of a site last reported.";
  static constexpr FieldText kFields[] = {
      {.name = "build_id", .text = "Build of the data plane that runs there."},
      {.name = "serving_generation", .text = "Generation of the configuration in effect."},
      {.name = "pid", .text = "Process id of the data plane; 0: it does not run."},
      {.name = "endpoints", .text = "Where it answers."},
      {.name = "last_seen_at",
       .text = "Time of the last report, RFC 3339; not kept over a "
               "restart."},
  };
};
