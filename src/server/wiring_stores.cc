// The stores of a data folder.
#include <fmt/format.h>

#include "base/build_info.h"
#include "base/log.h"
#include "resource/bootstrap.h"
#include "resource/token_store.h"
#include "server/disk_room.h"
#include "server/parts.h"
#include "trust/access.h"

namespace slipway::server {
namespace {

constexpr std::string_view kAdminToken = "admin";

resource::Resource AdminToken() {
  resource::Resource token{.kind = "Token"};
  token.metadata.name = kAdminToken;
  token.spec = {{"role", "admin"}};
  return token;
}

}  // namespace

Result<std::unique_ptr<Stores>> OpenStores(const std::string& data) {
  FileSystem& files = PosixFileSystem();
  const std::string program = fmt::format("slipway {}", Version());
  auto stores = std::make_unique<Stores>();
  TRY(folder, store::DataFolder::Open(files, data, program));
  stores->folder = std::move(folder);
  TRY(objects, store::MakeLocalObjectStore(files, data, ReserveOf(data)));
  stores->objects = std::move(objects);
  TRY(meta,
      store::MakeSqliteMetaStore({.path = stores->folder->database_path(), .program = program}));
  stores->meta = std::move(meta);
  TRY(secrets, trust::SecretBox::Open(files, data + "/secret.key", SystemRandom()));
  stores->secrets = std::move(secrets);
  stores->resources = std::make_unique<resource::ResourceStore>(
      *stores->meta, SystemClock(), SystemRandom(), stores->secrets.get());
  AddAdmissions(*stores->resources);
  TRY_VOID(resource::Bootstrap(*stores->resources));
  return stores;
}

Result<void> EnsureAdminToken(Stores& stores, const std::string& path) {
  FileSystem& files = PosixFileSystem();
  TRY(exists, files.Exists(path));
  if (exists) return {};
  // A token without its file is of no use to anyone: a start that was cut short left it.
  trust::NewToken made = trust::MakeToken(SystemRandom());
  CallContext context = CallContext::System("server");
  TRY_VOID(stores.meta->MutateNow(context, [&](store::Transaction& raw) -> Result<void> {
    resource::ResourceTransaction transaction(raw, context, SystemClock(), SystemRandom());
    const resource::Key key{.kind = "Token", .project = {}, .name = std::string(kAdminToken)};
    TRY(left, transaction.Find(key));
    if (left) {
      TRY_VOID(transaction.Delete(key));
    }
    TRY_VOID(resource::StoreToken(transaction, AdminToken(), made));
    return {};
  }));
  TRY_VOID(WriteFileDurably(files, path, made.text + "\n", 0600));
  LogInfo("made a token for everything", {{"file", path}});
  return {};
}

std::string LocalSiteFolder(const store::DataFolder& folder) {
  return folder.sites_path() + "/local";
}

}  // namespace slipway::server
