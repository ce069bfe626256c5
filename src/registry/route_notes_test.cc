#include "registry/route_notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "registry/testing/registry_fixture.h"
#include "resource/openapi.h"

namespace slipway::registry {
namespace {

using ::testing::Contains;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class RouteNotesTest : public ::testing::Test {
 protected:
  RouteNotesTest() { registry_.UseTokens(); }

  Json Operation(const std::string& path, const std::string& method) {
    return resource::OpenApiDocument(registry_.router().routes(), "1.0", RegistryRouteNotes())
        .at("paths")
        .at(path)
        .at(method);
  }
  // The type of each parameter of the query; "[]" behind it: it may be repeated.
  static std::map<std::string, std::string> QueryOf(const Json& operation) {
    std::map<std::string, std::string> query;
    for (const Json& parameter : operation.value("parameters", Json::array())) {
      if (parameter["in"] != "query") continue;
      const Json& schema = parameter["schema"];
      const bool repeated = schema["type"] == "array";
      query[parameter["name"]] =
          (repeated ? schema["items"] : schema).at("type").get<std::string>() +
          (repeated ? "[]" : "");
    }
    return query;
  }
  static std::vector<std::string> StatusesOf(const Json& operation) {
    std::vector<std::string> statuses;
    for (const auto& [status, response] : operation.at("responses").items()) {
      statuses.push_back(status);
    }
    return statuses;
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(RouteNotesTest, EachRouteHasOne) {
  const std::vector<resource::RouteNote> notes = RegistryRouteNotes();
  for (const net::Route& route : registry_.router().routes()) {
    EXPECT_NE(resource::FindNote(notes, route.method, route.pattern), nullptr)
        << net::MethodName(route.method) << " " << route.pattern;
  }
  EXPECT_EQ(notes.size(), registry_.router().routes().size());
}

TEST_F(RouteNotesTest, OfMaintenance) {
  const Json post = Operation("/api/v1/registry/collections", "post");
  EXPECT_THAT(StatusesOf(post), UnorderedElementsAre("202", "default"));
  EXPECT_THAT(QueryOf(post), UnorderedElementsAre(Pair("dryRun", "boolean")));
  EXPECT_TRUE(post["responses"]["default"]["content"].contains("application/problem+json"));
}

TEST_F(RouteNotesTest, OfTheTokenService) {
  const Json get = Operation("/token", "get");
  EXPECT_THAT(StatusesOf(get), UnorderedElementsAre("200", "default"));
  EXPECT_THAT(QueryOf(get),
              UnorderedElementsAre(Pair("service", "string"), Pair("scope", "string[]"),
                                   Pair("account", "string"), Pair("client_id", "string"),
                                   Pair("offline_token", "boolean")));
  EXPECT_THAT(StatusesOf(Operation("/token", "post")), UnorderedElementsAre("200", "default"));
}

TEST_F(RouteNotesTest, OfUploadsAndLists) {
  const Json post = Operation("/v2/{name}/blobs/uploads/", "post");
  EXPECT_THAT(StatusesOf(post), UnorderedElementsAre("201", "202", "default"));
  EXPECT_THAT(QueryOf(post), Contains(Pair("mount", "string")));
  EXPECT_THAT(QueryOf(Operation("/v2/{name}/tags/list", "get")),
              UnorderedElementsAre(Pair("n", "integer"), Pair("last", "string")));
  EXPECT_THAT(QueryOf(Operation("/v2/{name}/manifests/{reference}", "put")),
              UnorderedElementsAre(Pair("tag", "string[]")));
}

}  // namespace
}  // namespace slipway::registry
