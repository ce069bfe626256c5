// Session: the folder in which ormb keeps credentials and models, the names of models as ormb
// writes them, and the way to their registries.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/local/local_store.h"
#include "model/transfers.h"
#include "oci/client.h"
#include "oci/credentials.h"
#include "oci/reference.h"

namespace slipway::cli::ormb {

struct GlobalOptions {
  std::string config;     // --config; empty: ~/.ormb/config.yaml
  std::string log_level;  // taken and not used: nothing is logged
  bool toggle = false;    // the same
};

struct NetworkOptions {
  bool plain_http = false;
  bool insecure = true;  // the certificate is not checked: ormb's default
};

// ROOT, absolute: $ORMB_ROOTPATH, else rootPath of the configuration, else ~/.ormb, or with
// --config the current folder.
Result<std::string> RootPath(const GlobalOptions& global);

// HOST/NAME:TAG as ormb takes it: nothing is added to what is written (no host, no tag), and the
// first of several parts is the host, whatever it looks like.
struct OrmbReference {
  std::string host;  // empty: the name has one part
  std::string name;  // in that registry: "models/fraud"
  std::string tag;   // empty: none

  // INVALID_ARGUMENT / REFERENCE_INVALID. A digest is read and dropped, as by ormb.
  static Result<OrmbReference> Parse(const std::string& text);
  // HOST/NAME:TAG becomes HOST/NAME/NAME:TAG, as it does for ormb's own verbs.
  static Result<OrmbReference> ParseExpanded(const std::string& text);

  std::string repository() const { return host.empty() ? name : host + "/" + name; }
  std::string full() const { return tag.empty() ? repository() : repository() + ":" + tag; }
};

class Session {
 public:
  // Makes the folder. Its credentials are in ROOT/config.json, its models in ROOT/cache; notes of
  // uploads that are under way in ROOT/uploads.
  static Result<Session> Open(const GlobalOptions& global);
  static Result<Session> OpenAt(std::string root);

  const std::string& root() const { return root_; }
  model::LocalStore& store() { return *store_; }
  oci::CredentialStore& credentials() { return credentials_; }

  // NOT_FOUND / MODEL_UNKNOWN "Model not found: REF".
  Result<model::LocalEntry> Find(const OrmbReference& reference);

  struct Registry {
    oci::Reference reference;
    std::unique_ptr<oci::Client> client;
    model::TransferOptions transfers;
  };
  // Where the reference leads, signed in with what `login` keeps.
  Result<Registry> OpenRegistry(const OrmbReference& reference, const NetworkOptions& network);

 private:
  Session(std::string root, std::unique_ptr<model::LocalStore> store,
          oci::CredentialStore credentials, std::unique_ptr<oci::UploadNotes> notes)
      : root_(std::move(root)),
        store_(std::move(store)),
        credentials_(std::move(credentials)),
        notes_(std::move(notes)) {}

  std::string root_;
  std::unique_ptr<model::LocalStore> store_;
  oci::CredentialStore credentials_;
  std::unique_ptr<oci::UploadNotes> notes_;
};

// How a registry is asked: plain http on this machine, or where it is wanted; else https.
Result<oci::ClientOptions> ClientOptionsOf(const std::string& host, const NetworkOptions& network);

}  // namespace slipway::cli::ormb
