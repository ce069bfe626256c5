#include "registry/collector.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "registry/limits.h"
#include "registry/rows.h"

namespace slipway::registry {
namespace {

constexpr std::string_view kBlobs = "registry/blob/";
constexpr std::string_view kObjects = "object/";
constexpr std::string_view kAliases = "registry/alias/";

Json ToJson(const CollectionCount& count) {
  return {{"count", count.count}, {"bytes", count.bytes}};
}

CollectionCount CountFromJson(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_object()) return {};
  return {.count = found->value("count", uint64_t{0}), .bytes = found->value("bytes", uint64_t{0})};
}

const CallContext& Context() {
  static const CallContext context = CallContext::System("registry/collection");
  return context;
}

}  // namespace

Json ToJson(const CollectionReport& report) {
  Json json = {{"dryRun", report.dry_run},         {"startedAt", FormatRfc3339(report.started_at)},
               {"durationMs", report.duration_ms}, {"examined", report.examined},
               {"blobs", ToJson(report.blobs)},    {"objects", ToJson(report.objects)},
               {"aliases", report.aliases},        {"held", ToJson(report.held)}};
  if (!report.error.empty()) json["error"] = report.error;
  return json;
}

CollectionReport ReportFromJson(const Json& json) {
  CollectionReport report;
  if (!json.is_object()) return report;
  report.dry_run = json.value("dryRun", false);
  if (const auto time = ParseRfc3339(json.value("startedAt", std::string()))) {
    report.started_at = *time;
  }
  report.duration_ms = json.value("durationMs", int64_t{0});
  report.examined = json.value("examined", uint64_t{0});
  report.blobs = CountFromJson(json, "blobs");
  report.objects = CountFromJson(json, "objects");
  report.aliases = json.value("aliases", uint64_t{0});
  report.held = CountFromJson(json, "held");
  report.error = json.value("error", std::string());
  return report;
}

Collector::Collector(const CollectorOptions& options) : options_(options) {
  report_.dry_run = options.dry_run;
  report_.started_at = options.clock->Wall();
}

Result<bool> Collector::Step() {
  if (phase_ == Phase::kDone) return false;
  if (candidates_.empty()) {
    TRY_VOID(FindPage());
  } else {
    CHECK(!options_.dry_run);
    TRY_VOID(Remove());
  }
  if (candidates_.empty() && is_last_page_) {
    phase_ = static_cast<Phase>(static_cast<uint8_t>(phase_) + 1);
    next_.clear();
    is_last_page_ = false;
  }
  return phase_ != Phase::kDone;
}

// A page that could not be read to its end is read again from its beginning.
Result<void> Collector::FindPage() {
  const CollectionCount held = report_.held;
  Result<void> found = FindMore();
  if (found) return found;
  candidates_.clear();
  report_.held = held;
  return found;
}

Result<void> Collector::FindMore() {
  // Files are listed first: whoever publishes one meanwhile has its rows committed, or is at the
  // gate, when it is to be removed.
  if (phase_ == Phase::kObjectFiles) return FindObjectFiles();
  return options_.meta->ReadNow([this](const Snapshot& snapshot) {
    switch (phase_) {
      case Phase::kBlobs:
        return FindBlobs(snapshot);
      case Phase::kObjectRows:
        return FindObjectRows(snapshot);
      case Phase::kAliases:
        return FindAliases(snapshot);
      case Phase::kDamage:
        return FindDamage(snapshot);
      case Phase::kObjectFiles:
      case Phase::kDone:
        break;
    }
    return Result<void>();
  });
}

void Collector::EndPage(size_t size, std::string next) {
  report_.examined += size;
  is_last_page_ = size < kCollectedPage;
  next_ = std::move(next);
  if (!options_.dry_run) return;
  for (const Candidate& candidate : std::exchange(candidates_, {})) Count(candidate);
}

void Collector::Count(const Candidate& candidate) {
  switch (phase_) {
    case Phase::kBlobs:
      return report_.blobs.Add(candidate.size_bytes);
    case Phase::kObjectRows:
    case Phase::kObjectFiles:
      return report_.objects.Add(candidate.size_bytes);
    case Phase::kAliases:
      ++report_.aliases;
      return;
    case Phase::kDamage:
    case Phase::kDone:
      return;
  }
}

Result<void> Collector::FindBlobs(const Snapshot& snapshot) {
  const std::string begin = next_.empty() ? std::string(kBlobs) : next_;
  TRY(rows, snapshot.ScanSizes(begin, store::PrefixEnd(kBlobs), kCollectedPage));
  for (const store::KeySize& row : rows) TRY_VOID(LookAtBlob(snapshot, row.key));
  EndPage(rows.size(), rows.empty() ? std::string() : rows.back().key + '\0');
  return {};
}

Result<void> Collector::LookAtBlob(const Snapshot& snapshot, std::string_view key) {
  const std::string_view rest = key.substr(kBlobs.size());
  const size_t at = rest.find('@');
  const auto digest = Digest::Parse(rest.substr(std::min(at, rest.size() - 1) + 1));
  if (!digest) return {};
  const std::string_view repository = rest.substr(0, at);
  TRY(user, FindBlobUser(snapshot, repository, *digest));
  if (user) return {};
  const auto read = FindBlob(snapshot, repository, *digest);
  if (!read && read.error().code() == Code::kDataLoss) {
    // It stays, and so does what it names; all the rest is collected.
    LogWarning("a row of the registry cannot be read", {{"key", key}, {"error", read.error()}});
    return {};
  }
  TRY(row, read);
  if (!row) return {};
  if (options_.holds->IsHeld(repository, *digest)) {
    report_.held.Add(row->size_bytes);
    return {};
  }
  candidates_.push_back(
      {.repository = std::string(repository), .digest = *digest, .size_bytes = row->size_bytes});
  return {};
}

Result<bool> Collector::IsNeeded(const Snapshot& snapshot, const Digest& object) const {
  if (!options_.dry_run) return IsObjectUsed(snapshot, object);
  // As if the blobs that would go were gone.
  TRY(all_go, EveryUseIsBlob(snapshot, object, [&](const BlobUse& use) -> Result<bool> {
        TRY(user, FindBlobUser(snapshot, use.repository, use.blob));
        if (user || options_.holds->IsHeld(use.repository, use.blob)) return false;
        // A row that cannot be read stays; see LookAtBlob.
        const auto row = FindBlob(snapshot, use.repository, use.blob);
        if (!row && row.error().code() != Code::kDataLoss) return row.error();
        return row.has_value();
      }));
  return !all_go;
}

Result<void> Collector::FindObjectRows(const Snapshot& snapshot) {
  const std::string begin = next_.empty() ? std::string(kObjects) : next_;
  TRY(rows, snapshot.ScanSizes(begin, store::PrefixEnd(kObjects), kCollectedPage));
  for (const store::KeySize& row : rows) {
    const auto digest = Digest::Parse(std::string_view(row.key).substr(kObjects.size()));
    if (!digest) continue;
    TRY(needed, IsNeeded(snapshot, *digest));
    if (!needed) {
      candidates_.push_back({.repository = "", .digest = *digest, .size_bytes = row.value_bytes});
    }
  }
  EndPage(rows.size(), rows.empty() ? std::string() : rows.back().key + '\0');
  return {};
}

Result<void> Collector::FindObjectFiles() {
  TRY(files, options_.objects->List(after_, kCollectedPage));
  TRY_VOID(options_.meta->ReadNow([&](const Snapshot& snapshot) -> Result<void> {
    for (const store::ListedObject& file : files) {
      TRY(needed, IsNeeded(snapshot, file.digest));
      if (needed) continue;
      candidates_.push_back(
          {.repository = "", .digest = file.digest, .size_bytes = file.info.size_bytes});
    }
    return {};
  }));
  if (!files.empty()) after_ = files.back().digest;
  EndPage(files.size(), "");
  return {};
}

Result<void> Collector::FindAliases(const Snapshot& snapshot) {
  const std::string begin = next_.empty() ? std::string(kAliases) : next_;
  TRY(rows, snapshot.Scan(begin, store::PrefixEnd(kAliases), kCollectedPage));
  for (const store::KeyValue& row : rows) {
    const auto alias = Digest::Parse(std::string_view(row.key).substr(kAliases.size()));
    const auto object = Digest::Parse(row.value);
    if (!alias || !object) continue;
    TRY(needed, IsNeeded(snapshot, *object));
    if (!needed) candidates_.push_back({.repository = "", .digest = *alias, .size_bytes = 0});
  }
  EndPage(rows.size(), rows.empty() ? std::string() : rows.back().key + '\0');
  return {};
}

Result<void> Collector::FindDamage(const Snapshot& snapshot) {
  const std::string begin = next_.empty() ? std::string(kDamagedPrefix) : next_;
  TRY(rows, snapshot.ScanSizes(begin, store::PrefixEnd(kDamagedPrefix), kCollectedPage));
  for (const store::KeySize& row : rows) {
    const auto object = Digest::Parse(std::string_view(row.key).substr(kDamagedPrefix.size()));
    if (!object) continue;
    TRY(needed, IsNeeded(snapshot, *object));
    if (!needed) candidates_.push_back({.repository = "", .digest = *object, .size_bytes = 0});
  }
  EndPage(rows.size(), rows.empty() ? std::string() : rows.back().key + '\0');
  return {};
}

Result<void> Collector::Remove() {
  switch (phase_) {
    case Phase::kBlobs:
      return RemoveBlobs();
    case Phase::kObjectRows:
      return RemoveObjectRows();
    case Phase::kAliases:
      return RemoveAliases();
    case Phase::kDamage:
      return RemoveDamage();
    case Phase::kObjectFiles: {
      const Candidate file = std::move(candidates_.back());
      candidates_.pop_back();
      return RemoveFile(file);
    }
    case Phase::kDone:
      break;
  }
  return {};
}

Result<void> Collector::RemoveBlobs() {
  const size_t count = std::min(candidates_.size(), kRemovedTogether);
  const auto begin = candidates_.end() - static_cast<std::ptrdiff_t>(count);
  CollectionCount removed;
  CollectionCount held;
  const Result<void> done =
      options_.meta->MutateNow(Context(), [&](store::Transaction& transaction) -> Result<void> {
        for (auto blob = begin; blob != candidates_.end(); ++blob) {
          TRY(row, FindBlob(transaction, blob->repository, blob->digest));
          TRY(user, FindBlobUser(transaction, blob->repository, blob->digest));
          if (!row || user) continue;
          if (!options_.holds->BeginRemoval(blob->repository, blob->digest)) {
            held.Add(row->size_bytes);
            continue;
          }
          TRY_VOID(transaction.Delete(BlobKey(blob->repository, blob->digest)));
          TRY_VOID(RemoveBlobReference(transaction, blob->repository, blob->digest, row->object));
          removed.Add(row->size_bytes);
        }
        return {};
      });
  options_.holds->EndRemovals();
  if (!done) return done.error();
  CRASH_POINT("gc.blobs_removed");
  candidates_.erase(begin, candidates_.end());
  report_.blobs.count += removed.count;
  report_.blobs.bytes += removed.bytes;
  report_.held.count += held.count;
  report_.held.bytes += held.bytes;
  return {};
}

Result<void> Collector::RemoveObjectRows() {
  const size_t count = std::min(candidates_.size(), kRemovedTogether);
  const auto begin = candidates_.end() - static_cast<std::ptrdiff_t>(count);
  CollectionCount removed;
  TRY_VOID(
      options_.meta->MutateNow(Context(), [&](store::Transaction& transaction) -> Result<void> {
        for (auto object = begin; object != candidates_.end(); ++object) {
          TRY(used, IsObjectUsed(transaction, object->digest));
          if (used) continue;
          TRY_VOID(transaction.Delete(ObjectKey(object->digest)));
          removed.Add(object->size_bytes);
        }
        return {};
      }));
  CRASH_POINT("gc.rows_removed");
  candidates_.erase(begin, candidates_.end());
  report_.objects.count += removed.count;
  report_.objects.bytes += removed.bytes;
  return {};
}

Result<void> Collector::RemoveAliases() {
  const size_t count = std::min(candidates_.size(), kRemovedTogether);
  const auto begin = candidates_.end() - static_cast<std::ptrdiff_t>(count);
  uint64_t removed = 0;
  TRY_VOID(
      options_.meta->MutateNow(Context(), [&](store::Transaction& transaction) -> Result<void> {
        for (auto alias = begin; alias != candidates_.end(); ++alias) {
          TRY(object, ResolveAlias(transaction, alias->digest));
          if (!object) continue;
          TRY(used, IsObjectUsed(transaction, *object));
          if (used) continue;
          TRY_VOID(transaction.Delete(AliasKey(alias->digest)));
          ++removed;
        }
        return {};
      }));
  candidates_.erase(begin, candidates_.end());
  report_.aliases += removed;
  return {};
}

Result<void> Collector::RemoveDamage() {
  TRY_VOID(
      options_.meta->MutateNow(Context(), [&](store::Transaction& transaction) -> Result<void> {
        for (const Candidate& damage : candidates_) {
          TRY(used, IsObjectUsed(transaction, damage.digest));
          if (!used) TRY_VOID(transaction.Delete(DamagedKey(damage.digest)));
        }
        return {};
      }));
  candidates_.clear();
  return options_.damage->Refresh(*options_.meta);
}

Result<void> Collector::RemoveFile(const Candidate& file) {
  const auto pass = options_.gate->Close(file.digest);
  if (!pass) return {};  // somebody publishes these very bytes
  bool used = true;
  TRY_VOID(options_.meta->ReadNow([&](const Snapshot& snapshot) -> Result<void> {
    TRY(found, IsObjectUsed(snapshot, file.digest));
    used = found;
    return {};
  }));
  if (used) return {};
  CRASH_POINT("gc.file_unused");
  Result<void> removed = options_.objects->Remove(file.digest);
  if (!removed) return removed.error().code() == Code::kNotFound ? Result<void>() : removed;
  CRASH_POINT("gc.file_removed");
  report_.objects.Add(file.size_bytes);
  return {};
}

}  // namespace slipway::registry
