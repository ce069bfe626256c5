#include "trust/testing/route_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::trust {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Task<net::HttpResponse> Answer(net::HttpRequest& request) {
  co_return net::HttpResponse::Text(request.Parameter("project") == "default" ? 200 : 404, "");
}

// 401 for nobody, 403 for `viewer` at routes of editors.
Task<Result<void>> Guard(bool* is_open, const net::Route& route, net::HttpRequest& request) {
  const auto who = request.Header("Authorization");
  if (*is_open) co_return Result<void>();
  if (!who) co_return Unauthenticated("TOKEN_MISSING", "who are you?");
  if (who == "viewer" && route.access == net::Access::kEditor) {
    co_return PermissionDenied("ROLE_MISSING", "no.");
  }
  co_return Result<void>();
}

TEST(RouteWalk, FindsARouteThatLetsInWhomItShouldNot) {
  net::Router router;
  router.Add({.method = net::Method::kGet,
              .pattern = "/{project}/a",
              .access = net::Access::kViewer,
              .handler = Answer,
              .summary = ""});
  router.Add({.method = net::Method::kPut,
              .pattern = "/{project}/a",
              .access = net::Access::kEditor,
              .handler = Answer,
              .summary = ""});
  bool is_open = false;
  router.SetGuard([&is_open](const net::Route& route, net::HttpRequest& request) {
    return Guard(&is_open, route, request);
  });
  RouteWalk walk(router, {{"{project}", "default"}});
  const RouteCaller nobody{.name = "nobody", .authorization = "", .may = {}, .is_known = false};
  const RouteCaller viewer{
      .name = "viewer", .authorization = "viewer", .may = {net::Access::kViewer}};
  EXPECT_EQ(walk.Send(net::Method::kGet, "/{project}/a", "viewer").status, 200);
  EXPECT_THAT(walk.WrongAnswers({nobody, viewer}), IsEmpty());
  RouteCaller promised = viewer;
  promised.may.push_back(net::Access::kEditor);
  EXPECT_THAT(walk.WrongAnswers({promised}), ElementsAre("viewer PUT /{project}/a: 403"));
  is_open = true;
  EXPECT_THAT(walk.WrongAnswers({nobody, viewer}),
              ElementsAre("nobody GET /{project}/a: 200", "nobody PUT /{project}/a: 200",
                          "viewer PUT /{project}/a: 200"));
}

}  // namespace
}  // namespace slipway::trust
