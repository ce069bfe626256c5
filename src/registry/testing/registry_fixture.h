// A registry in memory, behind a router with the real access rules, without sockets.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "net/router.h"
#include "oci/client.h"
#include "registry/registry.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"
#include "trust/access.h"
#include "trust/secret_box.h"

namespace slipway::registry {

// A request as a client writes it. `body` arrives in pieces of `piece_bytes`; with `break_after`
// the client is gone after so many bytes.
struct TestRequest {
  net::Method method = net::Method::kGet;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  size_t piece_bytes = 1000;
  bool chunked = false;
  std::optional<size_t> break_after;
};

struct TestResponse {
  int status = 0;
  std::string content_type;
  std::multimap<std::string, std::string> headers;  // as written
  std::string body;
  std::optional<uint64_t> declared_length;

  // The header's value, empty if there is none.
  std::string header(const std::string& name) const;
  // The code of the body's first error, empty if the body is none.
  std::string error_code() const;
};

// What the registry keeps; survives a restart of it.
struct RegistryStores {
  RegistryStores();
  std::unique_ptr<store::MetaStore> meta;
  std::unique_ptr<store::ObjectStore> objects;
  std::unique_ptr<Random> random = MakeSeededRandom(7);
  FakeClock clock;
  std::chrono::milliseconds hold = kDefaultHold;  // of blobs that nothing names
};

class RegistryFixture {
 public:
  explicit RegistryFixture(RegistryStores& stores, FactsOf facts_of = nullptr,
                           CheckUnused check_unused = nullptr);
  ~RegistryFixture();

  // As the identity `subject` with admin rights of everything, until As() says otherwise. Router,
  // guard, handler and error writer all run.
  TestResponse Send(const TestRequest& request);
  TestResponse Get(const std::string& target);
  TestResponse Head(const std::string& target);
  TestResponse Delete(const std::string& target);
  TestResponse Post(const std::string& target, const std::string& body = "");
  TestResponse Put(const std::string& target, const std::string& body,
                   const std::string& content_type = "");
  void As(Identity identity) { identity_ = std::move(identity); }
  // Nobody: every rule that needs a token answers 401.
  void AsNobody() { identity_.reset(); }
  // From now on the tokens of requests decide, as in the server, and the token service answers.
  void UseTokens();
  // Makes a Token with this spec (JSON) and returns its secret.
  std::string MakeToken(const std::string& name, const std::string& spec);
  // The token was revoked, or its project changed: nothing that is remembered counts.
  void ForgetVerdicts() { stores_.clock.Advance(std::chrono::seconds(3)); }

  // Pushes content and returns its digest.
  Digest PushBlob(const std::string& repository, const std::string& content,
                  DigestAlgorithm algorithm = DigestAlgorithm::kSha256);
  // Pushes a manifest and expects 201; returns its sha256.
  Digest PushManifest(const std::string& repository, const std::string& reference,
                      const std::string& manifest);
  // A client whose requests come here.
  oci::Transport transport();

  Registry& registry() { return *registry_; }
  const net::Router& router() const { return router_; }

 private:
  Task<Result<void>> Guard(const net::Route& route, net::HttpRequest& request);

  RegistryStores& stores_;
  BlockingPool pool_{2};
  std::unique_ptr<Registry> registry_;
  net::Router router_;
  std::optional<Identity> identity_;
  std::unique_ptr<trust::SecretBox> secrets_;
  std::unique_ptr<trust::AccessTokens> access_tokens_;
  std::optional<trust::Authenticator> authenticator_;
};

// Roles, as the access rules know them.
Identity AdminOfAll(std::string subject = "token/admin");
Identity EditorOf(std::string project, std::string subject = "token/editor");
Identity ViewerOf(std::string project, std::string subject = "token/viewer");

// An image manifest as JSON: config and layers by digest and size, and more members.
std::string ManifestJson(const std::string& config, const std::vector<std::string>& layers,
                         const std::string& more_members = "",
                         const std::string& config_type = "application/vnd.example.config+json");

}  // namespace slipway::registry
