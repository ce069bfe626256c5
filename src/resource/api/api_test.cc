#include "resource/api/api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "resource/explain.h"
#include "resource/limits.h"
#include "resource/openapi.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

class TextBody final : public net::BodyReader {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  std::optional<uint64_t> length() const override { return text_.size(); }
  Task<Result<size_t>> Read(char* out, size_t size) override {
    size = std::min(size, text_.size() - at_);
    text_.copy(out, size, at_);
    at_ += size;
    co_return size;
  }
  Task<Result<std::string>> ReadAll(uint64_t limit_bytes) override {
    if (text_.size() > limit_bytes) {
      co_return ResourceExhausted("BODY_TOO_LARGE", "the body is too large");
    }
    co_return text_;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

struct Answer {
  int status = 0;
  std::string content_type;
  std::map<std::string, std::string> headers;
  Json body;
};

class Api : public testing::Test {
 protected:
  Api() { router_.AddAll(ApiRoutes(store_.resources(), {})); }

  // Headers as "Name: value".
  Answer Send(net::Method method, const std::string& target, std::string body = "",
              std::vector<std::pair<std::string_view, std::string_view>> headers = {}) {
    TextBody reader(std::move(body));
    net::HttpRequest request;
    request.method = method;
    request.method_text = net::MethodName(method);
    request.target = target;
    request.path = std::string_view(target).substr(0, target.find('?'));
    if (request.path.size() < target.size()) {
      request.query = std::string_view(target).substr(request.path.size() + 1);
    }
    request.headers = std::move(headers);
    request.body = &reader;
    request.context = TestStore::As("tester");
    const net::HttpResponse response = RunSync(router_.Handle(request));
    Answer answer{.status = response.status, .content_type = response.content_type};
    answer.headers.insert(response.headers.begin(), response.headers.end());
    if (const auto* text = std::get_if<std::string>(&response.body); text && !text->empty()) {
      answer.body = ParseJson(*text).value();
    }
    return answer;
  }

  TestStore store_;
  net::Router router_;
};

constexpr std::string_view kService =
    R"({"apiVersion":"slipway/v1","kind":"Service","metadata":{"name":"fraud"},)"
    R"("spec":{"predictor":{"model":"default/fraud:v1@sha256:)"
    R"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}})";
constexpr std::string_view kServices = "/api/v1/projects/default/services";

TEST_F(Api, MakesAnswersListsAndDeletes) {
  const Answer made = Send(net::Method::kPost, std::string(kServices), std::string(kService));
  ASSERT_EQ(made.status, 201) << made.body.dump();
  EXPECT_EQ(made.headers.at("Location"), "/api/v1/projects/default/services/fraud");
  EXPECT_EQ(made.body.at("metadata").at("createdBy"), "tester");

  const Answer found = Send(net::Method::kGet, std::string(kServices) + "/fraud");
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(found.headers.at("ETag"), made.headers.at("ETag"));

  const Answer list = Send(net::Method::kGet, "/api/v1/services");
  EXPECT_EQ(list.body.at("kind"), "ServiceList");
  ASSERT_EQ(list.body.at("items").size(), 1U);
  EXPECT_EQ(list.body.at("metadata").at("epoch"), store_.meta().epoch());

  EXPECT_EQ(Send(net::Method::kDelete, std::string(kServices) + "/fraud").status, 204);
  const Answer gone = Send(net::Method::kGet, std::string(kServices) + "/fraud");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.body.at("reason"), "RESOURCE_UNKNOWN");
  EXPECT_EQ(gone.content_type, "application/problem+json");
}

TEST_F(Api, ApplyMakesThenChangesThenLeavesAlone) {
  const std::string target = std::string(kServices) + "/fraud?apply=1";
  const Answer created = Send(net::Method::kPut, target, std::string(kService));
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.headers.at("Slipway-Change"), "created");
  const Answer same = Send(net::Method::kPut, target, std::string(kService));
  EXPECT_EQ(same.status, 200);
  EXPECT_EQ(same.headers.at("Slipway-Change"), "unchanged");
  EXPECT_EQ(same.headers.at("ETag"), created.headers.at("ETag"));
  Json changed = ParseJson(kService).value();
  changed["spec"]["predictor"]["threads"] = 2;
  const Answer configured = Send(net::Method::kPut, target, changed.dump());
  EXPECT_EQ(configured.headers.at("Slipway-Change"), "configured");
  EXPECT_EQ(configured.headers.at("Slipway-Changed-Fields"), "spec.predictor.threads");
}

TEST_F(Api, ApplySeesNewValuesOfASecret) {
  const std::string target = "/api/v1/projects/default/secrets/db?apply=1";
  auto apply = [&](std::string value) {
    const Answer answer =
        Send(net::Method::kPut, target, R"({"spec":{"data":{"a":")" + value + "\"}}}");
    EXPECT_EQ(answer.body.dump().find(value), std::string::npos);
    return answer.headers.at("Slipway-Change");
  };
  EXPECT_EQ(apply("hunter1"), "created");
  EXPECT_EQ(apply("hunter1"), "unchanged");
  EXPECT_EQ(apply("hunter2"), "configured");
}

TEST_F(Api, ApplyWithAVersionDoesNotMake) {
  const Answer answer = Send(net::Method::kPut, std::string(kServices) + "/fraud?apply=1",
                             std::string(kService), {{"If-Match", "7"}});
  EXPECT_EQ(answer.status, 404);
}

TEST_F(Api, PutWithoutApplyDoesNotMake) {
  const Answer answer =
      Send(net::Method::kPut, std::string(kServices) + "/fraud", std::string(kService));
  EXPECT_EQ(answer.status, 404);
}

TEST_F(Api, TakesYaml) {
  const Answer made = Send(net::Method::kPost, "/api/v1/projects",
                           "kind: Project\nmetadata:\n  name: vision\nspec:\n  description: yes\n",
                           {{"Content-Type", "application/yaml"}});
  ASSERT_EQ(made.status, 201) << made.body.dump();
  EXPECT_EQ(made.body.at("spec").at("description"), "yes");
}

TEST_F(Api, AMergePatchChangesWhatItNames) {
  Send(net::Method::kPost, std::string(kServices), std::string(kService));
  const Answer patched = Send(net::Method::kPatch, std::string(kServices) + "/fraud",
                              R"({"metadata":{"labels":{"team":"a"}},"spec":{"follow":true}})");
  ASSERT_EQ(patched.status, 200) << patched.body.dump();
  EXPECT_EQ(patched.body.at("metadata").at("labels").at("team"), "a");
  EXPECT_EQ(patched.body.at("spec").at("follow"), true);
  EXPECT_TRUE(patched.body.at("spec").at("predictor").contains("model"));
}

TEST_F(Api, AnOldVersionIsRefused) {
  const Answer made = Send(net::Method::kPost, std::string(kServices), std::string(kService));
  const std::string version = made.headers.at("ETag");
  const std::string target = std::string(kServices) + "/fraud";
  EXPECT_EQ(
      Send(net::Method::kPatch, target, R"({"spec":{"follow":true}})", {{"If-Match", version}})
          .status,
      200);
  const Answer late =
      Send(net::Method::kPatch, target, R"({"spec":{"follow":false}})", {{"If-Match", version}});
  EXPECT_EQ(late.body.at("reason"), "VERSION_CONFLICT");
  EXPECT_EQ(late.status, net::HttpStatus(Error(Code::kAborted, "VERSION_CONFLICT", "")));
  EXPECT_EQ(Send(net::Method::kDelete, target, "", {{"If-Match", "\"x\""}}).body.at("reason"),
            "IF_MATCH_INVALID");
}

TEST_F(Api, AVersionInTheBodyIsACondition) {
  const Answer made = Send(net::Method::kPost, std::string(kServices), std::string(kService));
  const std::string target = std::string(kServices) + "/fraud";
  const auto with = [](Json body, uint64_t version, bool follow) {
    body["metadata"]["version"] = version;
    body["spec"]["follow"] = follow;
    return body.dump();
  };
  const auto version = made.body.at("metadata").at("version").get<uint64_t>();
  for (net::Method method : {net::Method::kPut, net::Method::kPatch}) {
    const Answer late = Send(method, target, with(made.body, version + 7, true));
    EXPECT_EQ(late.status, 412);
    EXPECT_EQ(late.body.at("reason"), "VERSION_CONFLICT");
    const Answer two =
        Send(method, target, with(made.body, version, true), {{"If-Match", "\"999\""}});
    EXPECT_EQ(two.status, 400);
    EXPECT_EQ(two.body.at("field"), "metadata.version");
  }
  const Answer put = Send(net::Method::kPut, target, with(made.body, version, true));
  EXPECT_EQ(put.status, 200) << put.body.dump();
  const auto next = put.body.at("metadata").at("version").get<uint64_t>();
  const Answer again = Send(net::Method::kPut, target, with(made.body, version, false));
  EXPECT_EQ(again.status, 412);
  const Json patch = {{"metadata", {{"version", next}}}, {"spec", {{"follow", false}}}};
  EXPECT_EQ(Send(net::Method::kPatch, target, patch.dump(), {{"If-Match", put.headers.at("ETag")}})
                .status,
            200);
  EXPECT_EQ(Send(net::Method::kPatch, target, patch.dump()).status, 412);
  EXPECT_EQ(Send(net::Method::kPut, target, R"({"metadata":{"version":"7"}})").body.at("field"),
            "metadata.version");
}

TEST_F(Api, AUidInTheBodyIsACondition) {
  Json body = Send(net::Method::kPost, std::string(kServices), std::string(kService)).body;
  const std::string target = std::string(kServices) + "/fraud";
  body["metadata"].erase("version");
  EXPECT_EQ(Send(net::Method::kPut, target, body.dump()).status, 200);
  Send(net::Method::kDelete, target);
  Send(net::Method::kPost, std::string(kServices), std::string(kService));
  for (net::Method method : {net::Method::kPut, net::Method::kPatch}) {
    const Answer other = Send(method, target, body.dump());
    EXPECT_EQ(other.status, 409);
    EXPECT_EQ(other.body.at("reason"), "UID_CONFLICT");
    EXPECT_EQ(other.body.at("field"), "metadata.uid");
  }
}

TEST_F(Api, AppliedFilesOutliveVersionsAndUids) {
  const std::string target = std::string(kServices) + "/fraud";
  Json file = Send(net::Method::kPost, std::string(kServices), std::string(kService)).body;
  EXPECT_EQ(Send(net::Method::kPatch, target, R"({"spec":{"follow":true}})").status, 200);
  const Answer applied = Send(net::Method::kPut, target + "?apply=1", file.dump());
  EXPECT_EQ(applied.headers.at("Slipway-Change"), "configured") << applied.body.dump();
  EXPECT_EQ(applied.headers.at("Slipway-Changed-Fields"), "spec.follow");
  EXPECT_EQ(Send(net::Method::kDelete, target).status, 204);
  EXPECT_EQ(Send(net::Method::kPut, target + "?apply=1", file.dump()).status, 201);
  EXPECT_EQ(Send(net::Method::kPut, target + "?apply=1", file.dump(), {{"If-Match", "1"}}).status,
            412);
}

class SecretPatch : public Api {
 protected:
  using Values = std::map<std::string, std::string>;

  SecretPatch() {
    Send(net::Method::kPut, kTarget + "?apply=1",
         R"({"spec":{"description":"x","data":{"user":"alice","password":"hunter2"}}})");
  }

  Answer Patch(const std::string& patch) {
    const Answer answer = Send(net::Method::kPatch, kTarget, patch);
    for (const char* value : {"alice", "hunter", "marker"}) {
      EXPECT_EQ(answer.body.dump().find(value), std::string::npos) << answer.body.dump();
    }
    return answer;
  }

  Values Stored() {
    Values values;
    const Result<void> read = store_.resources().TransactNow(
        TestStore::As("system/test"), [&](ResourceTransaction& transaction) -> Result<void> {
          TRY(found, transaction.SecretValues({"Secret", "default", "db"}));
          values = std::move(found);
          return {};
        });
    EXPECT_TRUE(read.has_value());
    return values;
  }

  const std::string kTarget = "/api/v1/projects/default/secrets/db";
};

TEST_F(SecretPatch, MergesWithTheStoredValues) {
  const Answer changed = Patch(R"({"spec":{"data":{"password":"hunter3","host":"marker"}}})");
  ASSERT_EQ(changed.status, 200) << changed.body.dump();
  EXPECT_EQ(changed.headers.at("Slipway-Change"), "configured");
  EXPECT_EQ(changed.body.at("status").at("keys"), Json({"host", "password", "user"}));
  EXPECT_EQ(changed.body.at("spec"), Json({{"description", "x"}}));
  EXPECT_EQ(Stored(), (Values{{"host", "marker"}, {"password", "hunter3"}, {"user", "alice"}}));

  const Answer removed = Patch(R"({"spec":{"data":{"host":null,"none":null}}})");
  EXPECT_EQ(removed.body.at("status").at("keys"), Json({"password", "user"}));
  EXPECT_EQ(Stored(), (Values{{"password", "hunter3"}, {"user", "alice"}}));
  EXPECT_EQ(Patch(R"({"spec":{"data":{"user":"alice"}}})").headers.at("Slipway-Change"),
            "unchanged");
}

TEST_F(SecretPatch, WhatItDoesNotNameStays) {
  EXPECT_EQ(Patch(R"({"spec":{"description":"y"}})").status, 200);
  EXPECT_EQ(Patch(R"({"metadata":{"labels":{"a":"b"}}})").status, 200);
  EXPECT_EQ(Patch(R"({"spec":{"data":{}}})").headers.at("Slipway-Change"), "unchanged");
  EXPECT_EQ(Stored(), (Values{{"password", "hunter2"}, {"user", "alice"}}));
}

TEST_F(SecretPatch, NullTakesAwayTheLastAndAll) {
  const Answer none = Patch(R"({"spec":{"data":{"user":null,"password":null}}})");
  EXPECT_EQ(none.status, 200) << none.body.dump();
  EXPECT_FALSE(none.body.at("status").contains("keys"));
  EXPECT_EQ(Stored(), Values());
  EXPECT_EQ(Patch(R"({"spec":{"data":{"a":"marker"}}})").status, 200);
  EXPECT_EQ(Stored(), (Values{{"a", "marker"}}));
  EXPECT_EQ(Patch(R"({"spec":{"data":null}})").status, 200);
  EXPECT_EQ(Stored(), Values());
  EXPECT_EQ(Patch(R"({"spec":{"data":{"a":"marker"}}})").status, 200);
  EXPECT_EQ(Patch(R"({"spec":null})").status, 200);
  EXPECT_EQ(Stored(), Values());
}

TEST_F(SecretPatch, MistakesChangeNothingAndShowNothing) {
  for (const auto& [patch, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({"spec":{"data":{"a":{"marker":"marker"}}}})", "spec.data.a"},
           {R"({"spec":{"data":["marker"]}})", "spec.data"},
           {R"({"spec":"marker"})", "spec"},
           {R"({"spec":{"data":{"/":"marker"}}})", "spec.data[\"/\"]"}}) {
    const Answer answer = Patch(patch);
    EXPECT_EQ(answer.status, 400) << patch;
    EXPECT_EQ(answer.body.value("field", ""), field) << answer.body.dump();
  }
  // Each patch is small enough; what they would add up to is not.
  const std::string large(kMaxResourceBytes / 2, 'm');
  EXPECT_EQ(Patch(R"({"spec":{"data":{"a":")" + large + R"("}}})").status, 200);
  const Answer too_much = Patch(R"({"spec":{"data":{"b":")" + large + R"("}}})");
  EXPECT_EQ(too_much.body.at("reason"), "RESOURCE_TOO_LARGE");
  EXPECT_EQ(Stored().size(), 3U);
}

TEST_F(SecretPatch, OfNothingIsNotFound) {
  EXPECT_EQ(Send(net::Method::kPatch, kTarget + "2", R"({"spec":{"data":{}}})").status, 404);
}

struct BadBody {
  std::string_view body;
  std::string_view reason;
  std::string_view field;
};

TEST_F(Api, BadBodiesNameTheField) {
  const BadBody cases[] = {
      {R"({"kind":"Secret","metadata":{"name":"a"}})", "FIELD_RANGE", "kind"},
      {R"({"apiVersion":"v2","metadata":{"name":"a"}})", "FIELD_RANGE", "apiVersion"},
      {R"({"metadata":{"name":"a"},"specs":{}})", "FIELD_UNKNOWN", "specs"},
      {R"({"metadata":{"name":"a","project":"other"}})", "FIELD_RANGE", "metadata.project"},
      {R"({"metadata":{"nam":"a"}})", "FIELD_UNKNOWN", "metadata.nam"},
      {R"({"metadata":{"name":"a"},"spec":[]})", "FIELD_TYPE", "spec"},
      {R"({"metadata":{"name":"a"},"spec":{"predictor":{"instances":-1,"model":"a:b"}}})",
       "FIELD_RANGE", "spec.predictor.instances"},
  };
  for (const BadBody& bad : cases) {
    const Answer answer = Send(net::Method::kPost, std::string(kServices), std::string(bad.body));
    EXPECT_EQ(answer.status, 400) << bad.body;
    EXPECT_EQ(answer.body.value("reason", ""), bad.reason) << answer.body.dump();
    EXPECT_EQ(answer.body.value("field", ""), bad.field) << answer.body.dump();
  }
  EXPECT_EQ(Send(net::Method::kPost, std::string(kServices), "{").body.at("reason"), "JSON_SYNTAX");
  EXPECT_EQ(Send(net::Method::kPost, std::string(kServices), "").body.at("reason"), "BODY_EMPTY");
  EXPECT_EQ(Send(net::Method::kGet, std::string(kServices) + "?limit=x").body.at("reason"),
            "QUERY_INVALID");
}

TEST_F(Api, KindsOfControllersCannotBeWritten) {
  for (const char* plural : {"revisions", "models", "modelversions"}) {
    const Answer answer =
        Send(net::Method::kPost, std::string("/api/v1/projects/default/") + plural, "{}");
    EXPECT_EQ(answer.status, 405) << plural;
  }
}

TEST_F(Api, ATokensSecretIsShownOnce) {
  const Answer made = Send(net::Method::kPost, "/api/v1/tokens",
                           R"({"metadata":{"name":"ci"},"spec":{"role":"editor"}})");
  ASSERT_EQ(made.status, 201) << made.body.dump();
  EXPECT_TRUE(made.body.at("secret").get<std::string>().starts_with("slw_"));
  const Answer again = Send(net::Method::kGet, "/api/v1/tokens/ci");
  EXPECT_FALSE(again.body.contains("secret"));
  EXPECT_EQ(again.body.dump().find(made.body.at("secret").get<std::string>()), std::string::npos);
}

TEST_F(Api, AProjectsAdminSeesItsTokensOnly) {
  const std::string tokens = "/api/v1/projects/default/tokens";
  const Answer in =
      Send(net::Method::kPost, tokens, R"({"metadata":{"name":"in"},"spec":{"role":"viewer"}})");
  ASSERT_EQ(in.status, 201) << in.body.dump();
  EXPECT_EQ(in.body.at("spec").at("project"), "default");
  Send(net::Method::kPost, "/api/v1/tokens",
       R"({"metadata":{"name":"out"},"spec":{"role":"viewer"}})");
  const Answer list = Send(net::Method::kGet, tokens);
  ASSERT_EQ(list.body.at("items").size(), 1U);
  EXPECT_EQ(Send(net::Method::kDelete, tokens + "/out").status, 404);
  EXPECT_EQ(Send(net::Method::kDelete, tokens + "/in").status, 204);
  const Answer other =
      Send(net::Method::kPost, tokens, R"({"spec":{"role":"viewer","project":"other"}})");
  EXPECT_EQ(other.body.at("field"), "spec.project");
  const Answer wrong =
      Send(net::Method::kPost, tokens, R"({"spec":{"role":"viewer","project":5}})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body.at("reason"), "FIELD_TYPE");
}

TEST_F(Api, AWatchOfAnotherDatabaseIsGone) {
  const std::string watch = std::string(kServices) + "?watch=1";
  EXPECT_EQ(Send(net::Method::kGet, watch + "&after=1&epoch=other").status, 410);
  EXPECT_EQ(Send(net::Method::kGet, watch + "&after=999999").body.at("reason"), "EXPIRED");
  EXPECT_EQ(Send(net::Method::kGet, watch, "", {{"Last-Event-ID", "999999"}}).status, 410);
  EXPECT_EQ(Send(net::Method::kGet, watch, "", {{"Last-Event-ID", "x"}}).body.at("field"),
            "Last-Event-ID");
}

TEST_F(Api, EveryRouteRefusesWhatItDoesNotTake) {
  for (const net::Route& route : router_.routes()) {
    std::string target = route.pattern;
    for (char& c : target) c = c == '{' || c == '}' ? 'x' : c;
    const Answer answer = Send(route.method, target + "?colour=red");
    EXPECT_EQ(answer.status, 400) << route.pattern;
    EXPECT_EQ(answer.content_type, "application/problem+json") << route.pattern;
    EXPECT_EQ(answer.body.at("reason"), "QUERY_UNKNOWN") << route.pattern;
    EXPECT_EQ(answer.body.at("field"), "colour") << route.pattern;
    for (const net::QueryParameter& parameter : *route.query) {
      const std::string named(parameter.name);
      EXPECT_NE(answer.body.at("detail").get<std::string>().find(named), std::string::npos);
      const Answer twice = Send(route.method, target + "?" + named + "=1&" + named + "=1");
      EXPECT_EQ(twice.body.at("reason"), "QUERY_REPEATED") << route.pattern << " " << named;
      if (parameter.kind == net::QueryParameter::Kind::kText) continue;
      const Answer wrong = Send(route.method, target + "?" + named + "=yes");
      EXPECT_EQ(wrong.body.at("reason"), "QUERY_INVALID") << route.pattern << " " << named;
    }
  }
}

TEST_F(Api, PagesAndWatchesTakeTheirOwnParameters) {
  for (std::string_view query :
       {"after=1", "epoch=x", "watch=0&after=1", "watch=1&limit=1", "watch&continue="}) {
    const Answer answer = Send(net::Method::kGet, fmt::format("{}?{}", kServices, query));
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.body.value("reason", ""), "QUERY_INVALID") << query;
  }
}

TEST_F(Api, EventsTellWhatHappened) {
  Send(net::Method::kPost, std::string(kServices), std::string(kService));
  const Answer answer = Send(net::Method::kGet, std::string(kServices) + "/fraud/events");
  ASSERT_FALSE(answer.body.at("items").empty());
  EXPECT_EQ(answer.body.at("items").at(0).at("type"), "Created");
  EXPECT_EQ(answer.body.at("items").at(0).at("actor"), "tester");
  EXPECT_FALSE(Send(net::Method::kGet, "/api/v1/projects/default/events").body.at("items").empty());
  EXPECT_EQ(Send(net::Method::kGet, std::string(kServices) + "/none/events").status, 404);
}

TEST_F(Api, ExplainsInTheServersWords) {
  const Answer field = Send(net::Method::kGet, "/api/v1/explain?path=service.spec.predictor");
  EXPECT_EQ(field.status, 200);
  EXPECT_EQ(field.body, Encode(Explain("service.spec.predictor").value()));
  EXPECT_EQ(field.body.at("fields").at(0).at("name"), "model");
  EXPECT_EQ(Send(net::Method::kGet, "/api/v1/explain").body.at("fields").size(), Kinds().size());
  const Answer unknown = Send(net::Method::kGet, "/api/v1/explain?path=service.spec.colour");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body.at("reason"), "FIELD_UNKNOWN");
}

TEST_F(Api, ATooLargeResourceIsTooLarge) {
  Json service = ParseJson(kService).value();
  service["metadata"]["annotations"]["a"] = "";
  std::string& large = service["metadata"]["annotations"]["a"].get_ref<std::string&>();
  // The body passes by a byte; what is added to it does not.
  large.resize(kMaxResourceBytes - service.dump().size() - 1, 'x');
  const Answer answer = Send(net::Method::kPost, std::string(kServices), service.dump());
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body.value("reason", ""), "RESOURCE_TOO_LARGE");
}

TEST_F(Api, OpenApiHasEveryRouteAndResolvesItsReferences) {
  const Json document = OpenApiDocument(router_.routes(), "1.0");
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  size_t operations = 0;
  for (const auto& [path, item] : document.at("paths").items()) operations += item.size();
  EXPECT_EQ(operations, router_.routes().size());
  const std::string text = document.dump();
  constexpr std::string_view kPrefix = "#/components/schemas/";
  for (size_t at = text.find(kPrefix); at != std::string::npos; at = text.find(kPrefix, at + 1)) {
    const size_t begin = at + kPrefix.size();
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(document.at("components").at("schemas").contains(name)) << name;
  }
}

}  // namespace
}  // namespace slipway::resource
