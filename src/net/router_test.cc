#include "net/router.h"

#include <string>

#include <gtest/gtest.h>

#include "async/testing/run.h"

namespace slipway::net {
namespace {

// Answers with its pattern and the values of its parameters.
Task<HttpResponse> Echo(HttpRequest& request) {
  std::string text = request.route->pattern;
  for (const auto& [name, value] : request.parameters) {
    text.append(" ").append(name).append("=").append(value);
  }
  co_return HttpResponse::Text(200, text);
}

class RouterTest : public testing::Test {
 protected:
  void Add(Method method, const std::string& pattern) {
    router_.Add({.method = method,
                 .pattern = pattern,
                 .access = Access::kOpen,
                 .handler = Echo,
                 .summary = "Test."});
  }
  HttpResponse Ask(Method method, const std::string& target) {
    HttpRequest request;
    request.method = method;
    request.method_text = MethodName(method);
    request.path = std::string_view(target).substr(0, target.find('?'));
    if (request.path.size() < target.size()) {
      request.query = std::string_view(target).substr(request.path.size() + 1);
    }
    return RunSync(router_.Handle(request));
  }
  std::string Get(const std::string& target) {
    const HttpResponse response = Ask(Method::kGet, target);
    if (response.status != 200) return std::to_string(response.status);
    return std::get<std::string>(response.body);
  }

  Router router_;
};

TEST_F(RouterTest, LiteralBeatsParameter) {
  Add(Method::kGet, "/models/{model}");
  Add(Method::kGet, "/models/stats");
  Add(Method::kGet, "/models/{model}/stats");
  Add(Method::kGet, "/models/");
  Add(Method::kGet, "/");
  EXPECT_EQ(Get("/models/stats"), "/models/stats");
  EXPECT_EQ(Get("/models/a"), "/models/{model} model=a");
  EXPECT_EQ(Get("/models/stats/stats"), "/models/{model}/stats model=stats");
  EXPECT_EQ(Get("/models/"), "/models/");
  EXPECT_EQ(Get("/"), "/");
  EXPECT_EQ(Get("/models"), "404");
  EXPECT_EQ(Get("/models/a/"), "404");
  EXPECT_EQ(Get("//models/a"), "404");
  EXPECT_EQ(Get("/models//stats"), "404");
}

TEST_F(RouterTest, RestTakesSeveralSegments) {
  Add(Method::kGet, "/v2/");
  Add(Method::kGet, "/v2/{name+}/tags/list");
  Add(Method::kGet, "/v2/{name+}/blobs/{digest}");
  Add(Method::kGet, "/v2/{name+}/blobs/uploads/{session}");
  Add(Method::kPost, "/v2/{name+}/blobs/uploads/");
  EXPECT_EQ(Get("/v2/"), "/v2/");
  EXPECT_EQ(Get("/v2/a/b/c/tags/list"), "/v2/{name+}/tags/list name=a/b/c");
  EXPECT_EQ(Get("/v2/a/blobs/blobs/sha256:00"),
            "/v2/{name+}/blobs/{digest} name=a/blobs digest=sha256:00");
  EXPECT_EQ(Get("/v2/a/blobs/uploads/7"), "/v2/{name+}/blobs/uploads/{session} name=a session=7");
  EXPECT_EQ(Get("/v2/a/blobs/uploads"), "/v2/{name+}/blobs/{digest} name=a digest=uploads");
  EXPECT_EQ(Get("/v2//tags/list"), "404");
  EXPECT_EQ(Get("/v2/a//b/tags/list"), "404");
  EXPECT_EQ(Ask(Method::kPost, "/v2/a/b/blobs/uploads/").status, 200);
}

TEST_F(RouterTest, AllTakesWhateverFollows) {
  Add(Method::kGet, "/services/{name}/{path*}");
  Add(Method::kGet, "/services/{name}/here");
  EXPECT_EQ(Get("/services/a/"), "/services/{name}/{path*} name=a path=");
  EXPECT_EQ(Get("/services/a/b//c/"), "/services/{name}/{path*} name=a path=b//c/");
  EXPECT_EQ(Get("/services/a/here"), "/services/{name}/here name=a");
  EXPECT_EQ(Get("/services/a/here/"), "/services/{name}/{path*} name=a path=here/");
  EXPECT_EQ(Get("/services/a"), "404");
  EXPECT_EQ(Get("/services//b"), "404");
  EXPECT_EQ(Get("/services/a/../b"), "400");
}

TEST_F(RouterTest, OtherMethods) {
  Add(Method::kGet, "/a/{x}");
  Add(Method::kPost, "/a/b");
  Add(Method::kDelete, "/a/{x}");
  EXPECT_EQ(Get("/a/b"), "/a/{x} x=b");
  const HttpResponse head = Ask(Method::kHead, "/a/c");
  EXPECT_EQ(head.status, 200);
  const HttpResponse put = Ask(Method::kPut, "/a/b");
  EXPECT_EQ(put.status, 405);
  ASSERT_EQ(put.headers.size(), 1U);
  EXPECT_EQ(put.headers[0].first, "Allow");
  EXPECT_EQ(put.headers[0].second, "GET, HEAD, POST, DELETE");
  EXPECT_EQ(Ask(Method::kOther, "/a/c").status, 405);
  EXPECT_EQ(Ask(Method::kPut, "/none").status, 404);
  EXPECT_EQ(Ask(Method::kOptions, "*").status, 404);
}

TEST_F(RouterTest, PercentEncoding) {
  Add(Method::kGet, "/models/{model}");
  Add(Method::kGet, "/files/{path+}");
  EXPECT_EQ(Get("/m%6fdels/a%20b%2Fc"), "/models/{model} model=a b/c");
  EXPECT_EQ(Get("/files/a/%62"), "/files/{path+} path=a/b");
  for (const char* bad : {"/models/%", "/models/%zz", "/models/..", "/models/%2e%2E", "/models/%00",
                          "/./models/a", "/models/a?x=%g0"}) {
    EXPECT_EQ(Get(bad), "400") << bad;
  }
}

TEST_F(RouterTest, ManySegments) {
  Add(Method::kGet, "/files/{path+}");
  std::string path = "/files";
  for (int i = 0; i < 63; ++i) path += "/x";
  EXPECT_TRUE(Get(path).starts_with("/files/{path+} path=x/x"));
  EXPECT_EQ(Get(path + "/x"), "404");
}

Task<Result<void>> RefuseAll(const Route& route, HttpRequest& request) {
  if (route.access == Access::kOpen) {
    request.context.identity.subject = "somebody";
    co_return Result<void>();
  }
  co_return Unauthenticated("TOKEN_MISSING", "Send a token");
}

Task<HttpResponse> Subject(HttpRequest& request) {
  co_return HttpResponse::Text(200, request.context.identity.subject);
}

TEST_F(RouterTest, AQuickGuardDecidesLikewise) {
  router_.SetQuickGuard([](const Route& route, HttpRequest& request) -> Result<void> {
    if (route.access != Access::kOpen) return Unauthenticated("TOKEN_MISSING", "Send a token");
    request.context.identity.subject = "somebody";
    return {};
  });
  for (const auto& [pattern, access] :
       {std::pair("/open", Access::kOpen), std::pair("/closed", Access::kViewer)}) {
    router_.Add({.method = Method::kGet,
                 .pattern = pattern,
                 .access = access,
                 .handler = Subject,
                 .summary = ""});
  }
  EXPECT_EQ(Get("/open"), "somebody");
  EXPECT_EQ(Ask(Method::kGet, "/closed").status, 401);
}

TEST_F(RouterTest, GuardDecidesAndErrorsAreWrittenByPrefix) {
  router_.SetGuard(RefuseAll);
  router_.Add({.method = Method::kGet,
               .pattern = "/open",
               .access = Access::kOpen,
               .handler = Subject,
               .summary = ""});
  router_.Add({.method = Method::kGet,
               .pattern = "/v2/closed",
               .access = Access::kViewer,
               .handler = Subject,
               .summary = ""});
  router_.Add({.method = Method::kGet,
               .pattern = "/closed",
               .access = Access::kViewer,
               .handler = Subject,
               .summary = ""});
  const auto writer = [](std::string name) {
    return [name](const HttpRequest&, const Error& error) {
      return HttpResponse::Text(HttpStatus(error), name + " " + std::string(error.reason()));
    };
  };
  EXPECT_EQ(Get("/open"), "somebody");
  EXPECT_EQ(Ask(Method::kGet, "/closed").status, 401);
  router_.SetErrorWriter("", writer("default"));
  router_.SetErrorWriter("/v2/", writer("v2"));
  EXPECT_EQ(std::get<std::string>(Ask(Method::kGet, "/closed").body), "default TOKEN_MISSING");
  EXPECT_EQ(std::get<std::string>(Ask(Method::kGet, "/v2/closed").body), "v2 TOKEN_MISSING");
  EXPECT_EQ(std::get<std::string>(Ask(Method::kGet, "/v2/none").body), "v2 ROUTE_UNKNOWN");
  EXPECT_EQ(std::get<std::string>(Ask(Method::kPost, "/open").body), "default METHOD_NOT_ALLOWED");
  EXPECT_EQ(router_.routes().size(), 3U);
}

TEST_F(RouterTest, MovedRouterStillRoutes) {
  Add(Method::kGet, "/a");
  Router other = std::move(router_);
  router_ = std::move(other);
  EXPECT_EQ(Get("/a"), "/a");
}

using RouterDeathTest = RouterTest;
TEST_F(RouterDeathTest, MalformedPatterns) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Add(Method::kGet, "a"), "CHECK failed");
  EXPECT_DEATH(Add(Method::kGet, "/{a"), "CHECK failed");
  EXPECT_DEATH(Add(Method::kGet, "/{a+}/{b+}"), "CHECK failed");
  EXPECT_DEATH(Add(Method::kGet, "/{a}/{a}"), "CHECK failed");
  EXPECT_DEATH(
      {
        Add(Method::kGet, "/{a}");
        Add(Method::kGet, "/{b}");
      },
      "two routes");
}

}  // namespace
}  // namespace slipway::net
