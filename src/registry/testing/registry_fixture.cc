#include "registry/testing/registry_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/check.h"
#include "base/file_system.h"
#include "oci/media_types.h"
#include "oci/reference.h"
#include "registry/challenge.h"
#include "registry/route_notes.h"
#include "registry/token_service.h"
#include "resource/project_policy.h"
#include "resource/resource_transaction.h"
#include "resource/row_keys.h"
#include "resource/token_store.h"
#include "trust/access.h"
#include "trust/guard.h"

namespace slipway::registry {
namespace {

class TestBody final : public net::BodyReader {
 public:
  explicit TestBody(const TestRequest& request) : request_(request) {}

  std::optional<uint64_t> length() const override {
    if (request_.chunked) return std::nullopt;
    return request_.body.size();
  }
  Task<Result<size_t>> Read(char* out, size_t size) override {
    if (request_.break_after && at_ >= *request_.break_after) {
      co_return Error(Code::kCancelled, "CLIENT_GONE", "the client left.");
    }
    size = std::min({size, request_.piece_bytes, request_.body.size() - at_});
    if (request_.break_after) size = std::min(size, *request_.break_after - at_);
    request_.body.copy(out, size, at_);
    at_ += size;
    co_return size;
  }
  Task<Result<std::string>> ReadAll(uint64_t limit_bytes) override {
    if (request_.body.size() > limit_bytes) {
      co_return Error(Code::kResourceExhausted, "BODY_TOO_LARGE",
                      "the body has more than " + std::to_string(limit_bytes) + " bytes.");
    }
    at_ = request_.body.size();
    co_return request_.body;
  }

 private:
  const TestRequest& request_;
  size_t at_ = 0;
};

class StringWriter final : public net::StreamWriter {
 public:
  Task<Result<void>> Write(std::string_view bytes) override {
    text.append(bytes);
    co_return Result<void>();
  }
  std::string text;
};

std::string BodyText(const net::HttpResponse& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
  if (const auto* file = std::get_if<net::FileBody>(&response.body)) {
    std::string bytes(file->size_bytes, '\0');
    const auto count = file->file->ReadAt(file->offset, bytes.data(), bytes.size());
    EXPECT_TRUE(count && *count == bytes.size());
    return bytes;
  }
  StringWriter writer;
  RunSync(std::get<net::StreamBody>(response.body)(writer));
  return writer.text;
}

void TakeWritten(std::string_view lines, TestResponse& out) {
  while (!lines.empty()) {
    const size_t colon = lines.find(": ");
    const size_t end = lines.find("\r\n");
    const std::string name(lines.substr(0, colon));
    const std::string value(lines.substr(colon + 2, end - colon - 2));
    if (name == "Content-Type") {
      out.content_type = value;
    } else {
      out.headers.emplace(name, value);
    }
    lines.remove_prefix(end + 2);
  }
}

TestResponse Taken(const net::HttpResponse& response, bool head) {
  TestResponse out;
  out.status = response.status;
  out.content_type = response.content_type;
  out.headers.insert(response.headers.begin(), response.headers.end());
  if (response.written_headers) TakeWritten(*response.written_headers, out);
  out.declared_length = response.declared_length;
  if (!head) out.body = BodyText(response);
  return out;
}

net::Method MethodOf(const std::string& name) {
  for (const net::Method method : {net::Method::kGet, net::Method::kHead, net::Method::kPost,
                                   net::Method::kPut, net::Method::kPatch, net::Method::kDelete}) {
    if (net::MethodName(method) == name) return method;
  }
  return net::Method::kOther;
}

std::string PathOfUrl(const std::string& url) {
  const size_t begin = url.find("://") + 3;
  const size_t slash = url.find('/', begin);
  return slash == std::string::npos ? "/" : url.substr(slash);
}

Result<std::string> WholeUpload(const net::ClientRequest& request) {
  if (!request.upload) return request.body;
  std::string body;
  char piece[1000];
  while (true) {
    TRY(count, request.upload(piece, sizeof piece));
    if (count == 0) return body;
    body.append(piece, count);
  }
}

Json DescriptorJson(const std::string& type, const std::string& content) {
  Json json = Json::object();
  json["mediaType"] = type;
  json["digest"] = Digest::Of(content).text();
  json["size"] = content.size();
  return json;
}

// What OpenAPI says of a route is what it does.
void ExpectNoted(const net::HttpRequest& request, int status) {
  static const std::vector<resource::RouteNote> notes = RegistryRouteNotes();
  if (request.route == nullptr || status / 100 != 2) return;
  const resource::RouteNote* note =
      resource::FindNote(notes, request.route->method, request.route->pattern);
  ASSERT_NE(note, nullptr) << request.route->pattern;
  EXPECT_THAT(note->statuses, ::testing::Contains(status)) << request.route->pattern;
}

}  // namespace

std::string TestResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::string TestResponse::error_code() const {
  const auto json = ParseJson(body);
  if (!json || !json->is_object() || !json->contains("errors")) return "";
  return (*json)["errors"][0].value("code", "");
}

RegistryStores::RegistryStores()
    : meta(store::MakeMemoryMetaStore()), objects(store::MakeMemoryObjectStore()) {
  const auto made = meta->MutateNow(
      CallContext::System("test"), [&](store::Transaction& transaction) -> Result<void> {
        const CallContext context = CallContext::System("test");
        resource::ResourceTransaction resources(transaction, context, clock, *random);
        resource::Resource project{.kind = "Project"};
        project.metadata.name = "default";
        TRY_VOID(resources.Create(std::move(project)));
        return {};
      });
  CHECK(made);
}

RegistryFixture::RegistryFixture(RegistryStores& stores, FactsOf facts_of, CheckUnused check_unused)
    : stores_(stores), identity_(AdminOfAll()) {
  auto registry =
      Registry::Open({.meta = stores.meta.get(),
                      .objects = stores.objects.get(),
                      .pool = &pool_,
                      .clock = &stores.clock,
                      .random = stores.random.get(),
                      .facts_of = std::move(facts_of),
                      .check_unused = std::move(check_unused),
                      .claims_of =
                          [this](const net::HttpRequest& request) {
                            return authenticator_ ? authenticator_->ClaimsOf(request) : nullptr;
                          },
                      .hold = stores.hold});
  CHECK(registry);
  registry_ = std::move(*registry);
  router_.AddAll(registry_->Routes());
  router_.SetErrorWriter("/v2", MakeErrorWriter({.service = "slipway-test"}));
  router_.SetGuard(
      [this](const net::Route& route, net::HttpRequest& request) { return Guard(route, request); });
}

RegistryFixture::~RegistryFixture() = default;

void RegistryFixture::UseTokens() {
  secrets_ = std::make_unique<trust::SecretBox>(
      std::array<std::byte, trust::SecretBox::kKeyBytes>{}, *stores_.random);
  access_tokens_ = OpenAccessTokens(*stores_.meta, *secrets_, trust::kDefaultAccessLifetime,
                                    stores_.clock, *stores_.random)
                       .value();
  authenticator_.emplace(resource::MakeTokenLookup(*stores_.meta), stores_.clock,
                         trust::Authenticator::Options{.access_tokens = access_tokens_.get()});
  const auto anonymous_pull = resource::MakeAnonymousPull(*stores_.meta, stores_.clock);
  router_.AddAll(TokenServiceRoutes({.authenticator = &*authenticator_,
                                     .tokens = access_tokens_.get(),
                                     .anonymous_pull = anonymous_pull}));
  router_.SetErrorWriter("/v2", MakeErrorWriter({.service = access_tokens_->service()}));
  router_.SetGuard(trust::MakeGuard({.authenticator = &*authenticator_,
                                     .anonymous_pull = anonymous_pull,
                                     .check_name = oci::CheckRepositoryName}));
}

std::string RegistryFixture::MakeToken(const std::string& name, const std::string& spec) {
  std::string secret;
  const CallContext context = CallContext::System("test");
  const auto made = stores_.meta->MutateNow(context, [&](store::Transaction& raw) -> Result<void> {
    resource::ResourceTransaction resources(raw, context, stores_.clock, *stores_.random);
    resource::Resource wanted{.kind = "Token"};
    wanted.metadata.name = name;
    wanted.spec = ParseJson(spec).value();
    TRY(issued, resource::IssueToken(resources, std::move(wanted)));
    secret = issued.secret;
    return {};
  });
  EXPECT_TRUE(made.has_value());
  return secret;
}

Task<Result<void>> RegistryFixture::Guard(const net::Route& route, net::HttpRequest& request) {
  if (!identity_) {
    co_return Unauthenticated("TOKEN_MISSING", "this needs a token.");
  }
  request.context.identity = *identity_;
  std::string project;
  bool exists = true;
  if (route.pattern.find("{name+}") != std::string::npos) {
    project = oci::ProjectOf(request.Parameter("name"));
    CO_TRY_VOID(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(row, snapshot.Get(resource::RowKey({.kind = "Project", .project = "", .name = project})));
      exists = row.has_value();
      return {};
    }));
  }
  co_return trust::CheckAccess(route.access, *identity_, project, exists);
}

TestResponse RegistryFixture::Send(const TestRequest& sent) {
  TestBody body(sent);
  net::HttpRequest request;
  request.method = sent.method;
  request.method_text = net::MethodName(sent.method);
  request.target = sent.target;
  const size_t question = sent.target.find('?');
  request.path = std::string_view(sent.target).substr(0, question);
  if (question != std::string::npos) {
    request.query = std::string_view(sent.target).substr(question + 1);
  }
  for (const auto& [name, value] : sent.headers) request.headers.emplace_back(name, value);
  request.body = &body;
  request.context.request_id = "test";
  const net::HttpResponse response = RunSync(router_.Handle(request));
  ExpectNoted(request, response.status);
  return Taken(response, sent.method == net::Method::kHead);
}

TestResponse RegistryFixture::Get(const std::string& target) {
  return Send({.method = net::Method::kGet, .target = target});
}
TestResponse RegistryFixture::Head(const std::string& target) {
  return Send({.method = net::Method::kHead, .target = target});
}
TestResponse RegistryFixture::Delete(const std::string& target) {
  return Send({.method = net::Method::kDelete, .target = target});
}
TestResponse RegistryFixture::Post(const std::string& target, const std::string& body) {
  return Send({.method = net::Method::kPost, .target = target, .body = body});
}
TestResponse RegistryFixture::Put(const std::string& target, const std::string& body,
                                  const std::string& content_type) {
  TestRequest request{.method = net::Method::kPut, .target = target, .body = body};
  if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
  return Send(request);
}

Digest RegistryFixture::PushBlob(const std::string& repository, const std::string& content,
                                 DigestAlgorithm algorithm) {
  const Digest digest = Digest::Of(content, algorithm);
  const TestResponse response =
      Post("/v2/" + repository + "/blobs/uploads/?digest=" + digest.text(), content);
  EXPECT_EQ(response.status, 201) << response.body;
  return digest;
}

Digest RegistryFixture::PushManifest(const std::string& repository, const std::string& reference,
                                     const std::string& manifest) {
  const TestResponse response = Put("/v2/" + repository + "/manifests/" + reference, manifest);
  EXPECT_EQ(response.status, 201) << response.body;
  return Digest::Of(manifest);
}

oci::Transport RegistryFixture::transport() {
  return [this](const net::ClientRequest& sent) -> Result<net::ClientResponse> {
    TRY(body, WholeUpload(sent));
    const TestResponse taken = Send({.method = MethodOf(sent.method),
                                     .target = PathOfUrl(sent.url),
                                     .headers = sent.headers,
                                     .body = std::move(body)});
    net::ClientResponse response;
    response.status = taken.status;
    response.headers.assign(taken.headers.begin(), taken.headers.end());
    response.headers.emplace_back("Content-Type", taken.content_type);
    response.headers.emplace_back(
        "Content-Length", std::to_string(taken.declared_length.value_or(taken.body.size())));
    if (sent.on_head) TRY_VOID(sent.on_head(response));
    if (sent.download && taken.status / 100 == 2) {
      TRY_VOID(sent.download(taken.body));
    } else {
      response.body = taken.body;
    }
    return response;
  };
}

Identity AdminOfAll(std::string subject) {
  return {.subject = std::move(subject), .grants = {{.role = Role::kAdmin}}};
}
Identity EditorOf(std::string project, std::string subject) {
  return {.subject = std::move(subject),
          .grants = {{.role = Role::kEditor, .project = std::move(project)}}};
}
Identity ViewerOf(std::string project, std::string subject) {
  return {.subject = std::move(subject),
          .grants = {{.role = Role::kViewer, .project = std::move(project)}}};
}

std::string ManifestJson(const std::string& config, const std::vector<std::string>& layers,
                         const std::string& more_members, const std::string& config_type) {
  std::string text = "{\"schemaVersion\":2,\"mediaType\":\"";
  text.append(oci::kImageManifestType).append("\",\"config\":");
  text += DumpJson(DescriptorJson(config_type, config)) + ",\"layers\":[";
  for (size_t i = 0; i < layers.size(); ++i) {
    text +=
        (i == 0 ? "" : ",") + DumpJson(DescriptorJson("application/vnd.example.layer", layers[i]));
  }
  text += "]";
  if (!more_members.empty()) text += "," + more_members;
  return text + "}";
}

}  // namespace slipway::registry
