#include "server/site_database.h"

#include <algorithm>

#include "agent/site_record.h"
#include "base/file_system.h"
#include "base/log.h"
#include "runtime/process/process_search.h"
#include "runtime/site_folder.h"
#include "store/meta/sqlite_check.h"

namespace slipway::server {
namespace {

// The database and what SQLite keeps beside it.
constexpr std::string_view kSuffixes[] = {"", "-wal", "-shm"};

// "20261122T064242Z": a name of a file, without colons.
std::string Compact(WallTime time) {
  std::string text = FormatRfc3339(time);
  std::erase_if(text, [](char c) { return c == ':' || c == '-'; });
  return text;
}

Result<void> MoveAside(FileSystem& files, const std::string& path, Clock& clock) {
  const std::string aside = path + ".damaged-" + Compact(clock.Wall());
  for (std::string_view suffix : kSuffixes) {
    const std::string from = path + std::string(suffix);
    TRY(exists, files.Exists(from));
    if (exists) TRY_VOID(files.Rename(from, aside + std::string(suffix)));
  }
  LogError("site.db cannot be read; it was moved aside and is made anew", {{"file", aside}});
  return files.SyncDirectory(path.substr(0, path.rfind('/')));
}

Result<void> EndUnnamed(const SiteDatabaseOptions& options, runtime::Driver& driver) {
  for (const auto& handle : runtime::FindProcesses(runtime::kServeName, options.folder)) {
    LogWarning("ends a data plane that no record names", {{"process", handle.id}});
    TRY_VOID(driver.Stop(handle, options.grace));
  }
  return {};
}

// The database that is there, with a record that can be read. DATA_LOSS if it is damaged.
Result<std::unique_ptr<store::MetaStore>> OpenWhole(const std::string& path, bool& names_some) {
  TRY_VOID(store::CheckSqliteFile(path));
  TRY(site, store::MakeSqliteMetaStore({.path = path}));
  const auto records = agent::SiteRecords::Open(*site);
  if (!records && records.error().code() != Code::kFailedPrecondition) {
    return DataLoss("SITE_RECORD_DAMAGED", path + ": " + records.error().message());
  }
  if (!records) return records.error();
  const agent::SiteRecord record = (*records)->Get();
  names_some = record.current.has_value() || !record.retiring.empty();
  return site;
}

}  // namespace

Result<std::unique_ptr<store::MetaStore>> OpenSiteDatabase(const SiteDatabaseOptions& options,
                                                           runtime::Driver& driver, Clock& clock) {
  FileSystem& files = PosixFileSystem();
  const std::string path = runtime::SiteDatabasePath(options.folder);
  TRY(exists, files.Exists(path));
  if (exists) {
    TRY(info, files.Info(path));
    exists = info.size_bytes > 0;
  }
  if (exists) {
    bool names_some = false;
    auto opened = OpenWhole(path, names_some);
    if (opened.has_value()) {
      // A record that damage took away is like one that was never there.
      if (!names_some) TRY_VOID(EndUnnamed(options, driver));
      return opened;
    }
    if (opened.error().code() != Code::kDataLoss) return opened;
    LogError("the agent's records are lost", {{"error", opened.error().message()}});
  }
  TRY_VOID(EndUnnamed(options, driver));
  if (exists) TRY_VOID(MoveAside(files, path, clock));
  return store::MakeSqliteMetaStore({.path = path});
}

}  // namespace slipway::server
