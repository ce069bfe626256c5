// The stores of a data folder.
#include <fmt/format.h>

#include "base/build_info.h"
#include "base/disk_space.h"
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

constexpr uint64_t kMaxTokenFileBytes = 4096;

Result<bool> HasContent(FileSystem& files, const std::string& path) {
  TRY(exists, files.Exists(path));
  if (!exists) return false;
  TRY(info, files.Info(path));
  return info.size_bytes > 0;
}

// Whether a blob is kept: a file in one of the folders that the objects are fanned out over.
Result<bool> HasBlobs(FileSystem& files, const std::string& root) {
  const std::string blobs = root + "/blobs/sha256";
  TRY(exists, files.Exists(blobs));
  if (!exists) return false;
  TRY(folders, files.List(blobs));
  for (const std::string& folder : folders) {
    Result<std::vector<std::string>> names = files.List(blobs + "/" + folder);
    // What is no folder is content too.
    if (names.has_error() || !names->empty()) return true;
  }
  return false;
}

// The key file is made after the database, and bytes come after both: without the database they
// are left of a server whose state is gone, which a new and empty one would hide.
Result<void> RefuseLostDatabase(FileSystem& files, const store::DataFolder& folder) {
  TRY(has_database, HasContent(files, folder.database_path()));
  if (has_database) return {};
  TRY(has_key, files.Exists(folder.root() + "/secret.key"));
  TRY(has_blobs, HasBlobs(files, folder.root()));
  if (!has_key && !has_blobs) return {};
  return FailedPrecondition(
      "DATABASE_MISSING",
      fmt::format("{} is missing or empty, but the folder was used before: its services, models "
                  "and tokens were in that file. Restore it from a backup; or, to begin with "
                  "nothing, move {} away or choose another folder with --data",
                  folder.database_path(), folder.root()));
}

// Why the token in the file does not open everything; nothing if it does.
Result<void> CheckAdminToken(Stores& stores, const std::string& path) {
  TRY(text, ReadWholeFile(PosixFileSystem(), path, kMaxTokenFileBytes));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  trust::Authenticator authenticator(resource::MakeTokenLookup(*stores.meta), SystemClock(), {});
  TRY(identity, authenticator.AuthenticateToken(text));
  if (trust::RoleIn(identity, "") == Role::kAdmin) return {};
  return PermissionDenied("ROLE_MISSING", "it is no token of an administrator of everything");
}

// A disk without any room is no reason not to start: then things can be deleted.
Result<std::unique_ptr<store::MetaStore>> OpenDatabase(const Stores& stores,
                                                       const std::string& program) {
  const store::SqliteOptions options{.path = stores.folder->database_path(), .program = program};
  Result<std::unique_ptr<store::MetaStore>> meta =
      store::MakeSqliteMetaStore(options, stores.reserve.get());
  const bool no_room = !meta && meta.error().reason() == "DISK_FULL";
  if (no_room && stores.reserve->Release())
    return store::MakeSqliteMetaStore(options, stores.reserve.get());
  return meta;
}

}  // namespace

Result<std::unique_ptr<Stores>> OpenStores(const std::string& data) {
  FileSystem& files = PosixFileSystem();
  const std::string program = fmt::format("slipway {}", Version());
  auto stores = std::make_unique<Stores>();
  TRY(folder, store::DataFolder::Open(files, data, program));
  stores->folder = std::move(folder);
  TRY_VOID(RefuseLostDatabase(files, *stores->folder));
  TRY(objects, store::MakeLocalObjectStore(files, data, ReserveOf(data)));
  stores->objects = std::move(objects);
  stores->reserve = store::RoomReserve::Open(files, data + "/reserve", store::kRoomReserveBytes,
                                             [data] { return FreeDiskBytes(data); });
  TRY(meta, OpenDatabase(*stores, program));
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
  Result<void> valid = exists ? CheckAdminToken(stores, path) : Result<void>();
  if (exists && valid.has_value()) return {};
  if (exists) LogWarning("the administrator's token is made anew", {{"reason", valid.error()}});
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
