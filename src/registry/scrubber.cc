#include "registry/scrubber.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/references.h"

namespace slipway::registry {
namespace {

constexpr std::string_view kObjects = "object/";
constexpr std::string_view kHolders = "registry/holder/";
constexpr std::string_view kUsers = "registry/user/";
constexpr std::string_view kSha256 = "sha256:";

const CallContext& Context() {
  static const CallContext context = CallContext::System("registry/scrub");
  return context;
}

// The first digest after `after` that stands behind `prefix` in a key, up to an '@' or its end.
Result<std::optional<Digest>> FirstAfter(const store::Snapshot& snapshot, std::string_view prefix,
                                         const std::optional<Digest>& after) {
  std::string begin(prefix);
  begin += after ? after->text() : std::string(kSha256);
  // Past all keys of that digest.
  if (after) begin = store::PrefixEnd(begin);
  const std::string end = store::PrefixEnd(std::string(prefix).append(kSha256));
  TRY(rows, snapshot.ScanSizes(begin, end, 1));
  if (rows.empty()) return std::optional<Digest>();
  const std::string_view rest = std::string_view(rows[0].key).substr(prefix.size());
  TRY(digest, Digest::Parse(rest.substr(0, rest.find('@'))));
  return std::optional(std::move(digest));
}

void TakeLower(std::optional<Digest>& lowest, std::optional<Digest> other) {
  if (other && (!lowest || *other < *lowest)) lowest = std::move(other);
}

}  // namespace

Json ToJson(const ScrubPass& pass) {
  Json json = {{"startedAt", FormatRfc3339(pass.started_at)},
               {"position", pass.position},
               {"objects", pass.objects},
               {"bytes", pass.bytes},
               {"damaged", pass.damaged}};
  if (pass.finished_at) json["finishedAt"] = FormatRfc3339(*pass.finished_at);
  return json;
}

ScrubPass PassFromJson(const Json& json) {
  ScrubPass pass;
  if (!json.is_object()) return pass;
  if (const auto time = ParseRfc3339(json.value("startedAt", std::string()))) {
    pass.started_at = *time;
  }
  if (const auto time = ParseRfc3339(json.value("finishedAt", std::string()))) {
    pass.finished_at = *time;
  }
  pass.position = json.value("position", std::string());
  pass.objects = json.value("objects", uint64_t{0});
  pass.bytes = json.value("bytes", uint64_t{0});
  pass.damaged = json.value("damaged", uint64_t{0});
  return pass;
}

Scrubber::Scrubber(const ScrubberOptions& options, ScrubPass pass)
    : options_(options), pass_(std::move(pass)) {}

Result<uint64_t> Scrubber::Step() {
  if (pass_.finished_at) return uint64_t{0};
  if (suspect_) {
    TRY_VOID(Judge(*suspect_));
    return uint64_t{0};
  }
  if (reading_) return ReadOn();
  TRY(next, NextObject());
  if (!next) {
    pass_.finished_at = options_.clock->Wall();
    return uint64_t{0};
  }
  return Begin(*next);
}

Result<std::optional<Digest>> Scrubber::NextFile(const std::optional<Digest>& after) {
  while (!files_.empty() && after && files_.back() <= *after) files_.pop_back();
  if (files_.empty() && !no_more_files_) {
    TRY(page, options_.objects->List(after, kScrubbedPage));
    no_more_files_ = page.size() < kScrubbedPage;
    for (auto object = page.rbegin(); object != page.rend(); ++object) {
      files_.push_back(object->digest);
    }
  }
  return files_.empty() ? std::optional<Digest>() : std::optional(files_.back());
}

// Of all that is there, and of all that should be.
Result<std::optional<Digest>> Scrubber::NextObject() {
  std::optional<Digest> after;
  if (!pass_.position.empty()) {
    TRY(position, Digest::Parse(pass_.position));
    after = std::move(position);
  }
  TRY(lowest, NextFile(after));
  TRY_VOID(options_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    for (const std::string_view prefix : {kObjects, kHolders, kUsers}) {
      TRY(first, FirstAfter(snapshot, prefix, after));
      TakeLower(lowest, std::move(first));
    }
    return {};
  }));
  return std::move(lowest);
}

Result<uint64_t> Scrubber::Begin(const Digest& object) {
  std::optional<std::string> bytes;
  TRY_VOID(options_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ReadInlineObject(snapshot, object));
    bytes = std::move(found);
    return {};
  }));
  if (bytes) return CheckRow(object, *bytes);
  auto file = options_.objects->Open(object);
  if (!file && file.error().code() == Code::kNotFound) {
    suspect_ = Suspect{.object = object, .inode = std::nullopt};
    return uint64_t{0};
  }
  if (!file) return file.error();
  TRY(info, (*file)->Info());
  current_ = object;
  reading_.emplace();
  reading_->file = std::move(*file);
  reading_->inode = info.inode;
  return uint64_t{0};
}

Result<uint64_t> Scrubber::CheckRow(const Digest& object, const std::string& bytes) {
  const uint64_t size_bytes = bytes.size();
  pass_.bytes += size_bytes;
  if (Digest::Of(bytes) == object) {
    TRY_VOID(Unmark(object));
  } else {
    TRY_VOID(Mark(object, "its bytes are others"));
  }
  EndObject(object);
  return size_bytes;
}

Result<uint64_t> Scrubber::ReadOn() {
  std::vector<char> buffer(kScrubbedPiece);
  Result<size_t> got = reading_->file->ReadAt(reading_->offset, buffer.data(), buffer.size());
  if (got && *got > 0) {
    reading_->hasher.Update({buffer.data(), *got});
    reading_->offset += *got;
    pass_.bytes += *got;
    return uint64_t{*got};
  }
  // A sector that cannot be read is damage too.
  const Digest object = *current_;
  const bool good = got && reading_->hasher.Finish() == object;
  const uint64_t inode = reading_->inode;
  reading_.reset();
  current_.reset();
  if (good) {
    TRY_VOID(Unmark(object));
    EndObject(object);
  } else {
    suspect_ = Suspect{.object = object, .inode = inode};
  }
  return uint64_t{0};
}

// Nobody publishes these bytes meanwhile; who does now is waited for.
Result<void> Scrubber::Judge(const Suspect& suspect) {
  const auto pass = options_.gate->Close(suspect.object);
  if (!pass) return {};
  TRY(wrong, StillWrong(suspect));
  if (wrong) {
    TRY_VOID(Mark(suspect.object, suspect.inode ? "its bytes are others" : "its file is missing"));
  }
  EndObject(Digest(suspect.object));
  suspect_.reset();
  return {};
}

Result<bool> Scrubber::StillWrong(const Suspect& suspect) {
  const auto info = options_.objects->Info(suspect.object);
  if (!info && info.error().code() != Code::kNotFound) return info.error();
  if (suspect.inode) return info && info->inode == *suspect.inode;
  bool in_row = false;
  TRY_VOID(options_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(row, ReadInlineObject(snapshot, suspect.object));
    in_row = row.has_value();
    return {};
  }));
  return !info && !in_row;
}

// What nobody uses any more is garbage, not damage.
Result<void> Scrubber::Mark(const Digest& object, std::string_view what) {
  bool marked = false;
  TRY_VOID(
      options_.meta->MutateNow(Context(), [&](store::Transaction& transaction) -> Result<void> {
        TRY(used, IsObjectUsed(transaction, object));
        TRY(row, ReadInlineObject(transaction, object));
        const bool healed = row && Digest::Of(*row) == object;
        marked = used && !healed;
        return marked ? MarkDamaged(transaction, object, what, options_.clock->Wall())
                      : Result<void>();
      }));
  if (!marked) return {};
  ++pass_.damaged;
  LogError("an object of the registry is damaged: push it again, or restore a backup",
           {{"digest", object.text()}, {"what", std::string(what)}});
  return options_.damage->Refresh(*options_.meta);
}

Result<void> Scrubber::Unmark(const Digest& object) {
  if (!options_.damage->any()) return {};
  TRY_VOID(options_.meta->MutateNow(Context(), [&](store::Transaction& transaction) {
    return transaction.Delete(DamagedKey(object));
  }));
  return options_.damage->Refresh(*options_.meta);
}

void Scrubber::EndObject(const Digest& object) {
  pass_.position = object.text();
  ++pass_.objects;
}

}  // namespace slipway::registry
