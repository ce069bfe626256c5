#include "klever/download/layer_sums.h"

#include <algorithm>
#include <utility>

#include "klever/limits.h"
#include "model/archive/zip_writer.h"

namespace slipway::klever {
namespace {

constexpr size_t kEntryBytes = 128;  // of maps, strings and counts, about

// The same archive may be in another folder of another package.
std::string KeyOf(const model::LayerFile& layer) {
  return layer.layer.digest.text() + "\n" + layer.path;
}

size_t BytesOf(const std::string& key, const FileSums& sums) {
  size_t bytes = key.size() + kEntryBytes;
  for (const FileSum& sum : sums) bytes += sum.path.capacity() + sizeof(FileSum);
  return bytes;
}

}  // namespace

void LayerSums::Insert(Generations& kept, const std::string& key,
                       std::shared_ptr<const FileSums> sums) {
  const size_t bytes = BytesOf(key, *sums);
  if (bytes > max_bytes_ / 2) return;
  if (kept.young_bytes + bytes > max_bytes_ / 2) {
    kept.old = std::exchange(kept.young, {});
    kept.young_bytes = 0;
  }
  if (kept.young.insert_or_assign(key, std::move(sums)).second) kept.young_bytes += bytes;
}

std::shared_ptr<const FileSums> LayerSums::Find(const model::LayerFile& layer) {
  const std::string key = KeyOf(layer);
  return kept_.With([&](Generations& kept) -> std::shared_ptr<const FileSums> {
    if (const auto found = kept.young.find(key); found != kept.young.end()) return found->second;
    const auto found = kept.old.find(key);
    if (found == kept.old.end()) return nullptr;
    std::shared_ptr<const FileSums> sums = found->second;
    Insert(kept, key, sums);
    return sums;
  });
}

void LayerSums::Keep(const model::LayerFile& layer, std::shared_ptr<const FileSums> sums) {
  const std::string key = KeyOf(layer);
  kept_.With([&](Generations& kept) { Insert(kept, key, std::move(sums)); });
}

// The rest of a file; false if there was no time for all of it.
Result<bool> LayerMeasure::ReadFile(uint64_t& left) {
  piece_.resize(kPieceBytes);
  while (left > 0) {
    TRY(count, files_->Read(piece_.data(), piece_.size()));
    if (count == 0) return true;
    found_.back().crc = model::ZipCrc(found_.back().crc, {piece_.data(), count});
    left -= std::min<uint64_t>(left, count);
  }
  return false;
}

Result<std::shared_ptr<const FileSums>> LayerMeasure::Step(size_t layer, uint64_t max_bytes) {
  if (layer_ != layer) {
    TRY_VOID(files_->Begin(layer));
    layer_ = layer;
    found_.clear();
    in_file_ = false;
  }
  while (max_bytes > 0) {
    if (in_file_) {
      TRY(at_end, ReadFile(max_bytes));
      in_file_ = !at_end;
      continue;
    }
    TRY(file, files_->Next());
    if (!file) return std::make_shared<const FileSums>(std::exchange(found_, {}));
    found_.push_back({.size_bytes = file->size_bytes, .crc = 0, .path = std::move(file->path)});
    in_file_ = true;
    max_bytes -= std::min(max_bytes, kFileCostBytes);
  }
  return std::shared_ptr<const FileSums>();
}

}  // namespace slipway::klever
