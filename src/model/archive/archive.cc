#include "model/archive/archive.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "model/archive/entry_reader.h"
#include "model/limits.h"
#include "model/path.h"

namespace slipway::model {
namespace {

class CheckedReader final : public ArchiveReader {
 public:
  CheckedReader(std::unique_ptr<EntryReader> entries, EntryNames& names, std::string folder)
      : entries_(std::move(entries)), names_(names), folder_(std::move(folder)) {}

  Result<std::optional<ArchiveEntry>> Next() override {
    while (true) {
      TRY(stated, entries_->Next());
      if (!stated) return std::optional<ArchiveEntry>();
      if (++count_ > kMaxArchiveEntries) {
        return InvalidArgument("ARCHIVE_TOO_LARGE",
                               fmt::format("the archive has more than {} entries; '{}' is one more",
                                           kMaxArchiveEntries, ShownPath(stated->name)));
      }
      TRY(path, names_.Add(folder_, stated->name, stated->is_folder));
      if (path.empty()) continue;
      TRY_VOID(AddBytes(path, stated->size_bytes));
      return std::optional<ArchiveEntry>({.path = std::move(path),
                                          .is_folder = stated->is_folder,
                                          .size_bytes = stated->size_bytes});
    }
  }

  Result<size_t> Read(char* out, size_t size) override { return entries_->Read(out, size); }

 private:
  Result<void> AddBytes(const std::string& path, uint64_t size_bytes) {
    if (size_bytes <= kMaxArchiveBytes - bytes_) {
      bytes_ += size_bytes;
      return {};
    }
    return InvalidArgument("ARCHIVE_TOO_LARGE",
                           fmt::format("the entry '{}' has {} bytes; an archive may unpack to {}",
                                       path, size_bytes, kMaxArchiveBytes));
  }

  const std::unique_ptr<EntryReader> entries_;
  EntryNames& names_;
  const std::string folder_;
  size_t count_ = 0;
  uint64_t bytes_ = 0;
};

Result<std::unique_ptr<EntryReader>> OpenEntries(File& file, ArchiveType type,
                                                 UnpackBudget& budget) {
  switch (type) {
    case ArchiveType::kTar:
      return MakeTarReader(ReadBytes(file, Compression::kNone, budget), false);
    case ArchiveType::kTarGzip:
      return MakeTarReader(ReadBytes(file, Compression::kGzip, budget), true);
    case ArchiveType::kTarZstd:
      return MakeTarReader(ReadBytes(file, Compression::kZstd, budget), true);
    case ArchiveType::kZip:
      break;
  }
  return OpenZip(file);
}

}  // namespace

std::optional<ArchiveType> ArchiveTypeOf(std::string_view media_type) {
  constexpr std::pair<std::string_view, ArchiveType> kEnds[] = {
      {"tar", ArchiveType::kTar},          {"tar+gzip", ArchiveType::kTarGzip},
      {"tar.gzip", ArchiveType::kTarGzip}, {"tar+zstd", ArchiveType::kTarZstd},
      {"tar.zstd", ArchiveType::kTarZstd},
  };
  for (const auto& [end, type] : kEnds) {
    if (!media_type.ends_with(end) || media_type.size() == end.size()) continue;
    const char before = media_type[media_type.size() - end.size() - 1];
    if (before == '.' || before == '/') return type;
  }
  if (media_type == "application/zip") return ArchiveType::kZip;
  return std::nullopt;
}

std::optional<ArchiveType> RecogniseArchive(std::string_view head) {
  constexpr size_t kTarMagicAt = 257;
  if (head.starts_with("\x1f\x8b")) return ArchiveType::kTarGzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return ArchiveType::kTarZstd;
  if (head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06")) return ArchiveType::kZip;
  if (head.size() >= kTarMagicAt + 5 && head.substr(kTarMagicAt, 5) == "ustar") {
    return ArchiveType::kTar;
  }
  return std::nullopt;
}

Result<std::unique_ptr<ArchiveReader>> OpenArchive(File& file, ArchiveType type, EntryNames& names,
                                                   std::string folder) {
  TRY(entries, OpenEntries(file, type, names.budget()));
  return std::unique_ptr<ArchiveReader>(
      std::make_unique<CheckedReader>(std::move(entries), names, std::move(folder)));
}

}  // namespace slipway::model
