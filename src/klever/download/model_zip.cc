#include "klever/download/model_zip.h"

#include <algorithm>

#include "klever/limits.h"
#include "model/metadata/read_metadata.h"
#include "model/ormb/ormb_file.h"

namespace slipway::klever {

ModelZip::ModelZip(oci::ContentSource& content, oci::Manifest manifest, std::string config,
                   std::string top, std::string ormb_file)
    : content_(content),
      manifest_(std::move(manifest)),
      config_(std::move(config)),
      top_(std::move(top)),
      ormb_file_(std::move(ormb_file)) {}

Result<void> ModelZip::Rewind() {
  TRY(files, ModelFiles::Open(content_, manifest_, config_));
  files_ = std::move(files);
  return {};
}

Result<std::string> ModelZip::Place(const std::string& path) {
  const std::string folder = std::string(model::kOrmbFolder) + "/";
  const bool is_placed =
      model::FormOf(manifest_) == oci::ModelForm::kOrmb && path.starts_with(folder);
  TRY(placed, names_.Add("", is_placed ? path : folder + path, false));
  return top_ + "/" + placed;
}

void ModelZip::Add(std::string path, uint64_t size_bytes, uint32_t crc) {
  entries_.push_back(
      {.path = std::move(path), .size_bytes = size_bytes, .crc = crc, .header_at = size_bytes_});
  size_bytes_ += model::ZipFileHeader(entries_.back()).size() + size_bytes;
}

void ModelZip::Finish() {
  Add(top_ + "/" + std::string(model::kOrmbFile), ormb_file_.size(), model::ZipCrc(0, ormb_file_));
  directory_at_ = size_bytes_;
  size_bytes_ += model::ZipEnd(entries_, directory_at_).size();
}

Result<bool> ModelZip::Measure(uint64_t max_bytes) {
  if (!files_) TRY_VOID(Rewind());
  std::string piece(kPieceBytes, '\0');
  uint64_t read = 0;
  while (read < max_bytes) {
    if (!measuring_) {
      TRY(file, files_->Next());
      if (!file) {
        Finish();
        TRY_VOID(Rewind());
        return true;
      }
      TRY(path, Place(file->path));
      measuring_ = model::ZipEntry{.path = std::move(path)};
      read += 1 << 10;  // a file costs something, however small it is
    }
    TRY(count, files_->Read(piece.data(), piece.size()));
    if (count == 0) {
      Add(std::move(measuring_->path), measuring_->size_bytes, measuring_->crc);
      measuring_.reset();
    } else {
      measuring_->size_bytes += count;
      measuring_->crc = model::ZipCrc(measuring_->crc, {piece.data(), count});
      read += count;
    }
  }
  return false;
}

Result<void> ModelZip::Advance() {
  pending_.clear();
  pending_at_ = 0;
  if (next_ == entries_.size()) {
    if (!has_end_) pending_ = model::ZipEnd(entries_, directory_at_);
    has_end_ = true;
    return {};
  }
  const model::ZipEntry& entry = entries_[next_++];
  pending_ = model::ZipFileHeader(entry);
  if (next_ == entries_.size()) {
    pending_ += ormb_file_;
    return {};
  }
  TRY(file, files_->Next());
  if (!file) return DataLoss("CONTENT_CHANGED", entry.path + " is not there any more.");
  left_ = entry.size_bytes;
  return {};
}

Result<size_t> ModelZip::ReadContent(char* out, size_t size) {
  TRY(count, files_->Read(out, static_cast<size_t>(std::min<uint64_t>(size, left_))));
  if (count == 0) return DataLoss("CONTENT_CHANGED", "a file of the model became shorter.");
  left_ -= count;
  return count;
}

Result<size_t> ModelZip::Read(char* out, size_t size) {
  size_t done = 0;
  while (done < size) {
    if (pending_at_ < pending_.size()) {
      const size_t count = pending_.copy(out + done, size - done, pending_at_);
      pending_at_ += count;
      done += count;
    } else if (left_ > 0) {
      TRY(count, ReadContent(out + done, size - done));
      done += count;
    } else if (has_end_) {
      break;
    } else {
      TRY_VOID(Advance());
    }
  }
  return done;
}

}  // namespace slipway::klever
