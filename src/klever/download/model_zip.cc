#include "klever/download/model_zip.h"

#include <algorithm>

#include "base/check.h"
#include "klever/limits.h"
#include "model/metadata/read_metadata.h"
#include "model/ormb/ormb_file.h"

namespace slipway::klever {
namespace {

Error Changed(const std::string& path) {
  return DataLoss("CONTENT_CHANGED", path + " is not what it was when it was read before.");
}

}  // namespace

Result<std::unique_ptr<ModelZip>> ModelZip::Open(oci::ContentSource& content, LayerSums& sums,
                                                 ZipContent what) {
  auto zip = std::unique_ptr<ModelZip>(new ModelZip(content, sums, std::move(what)));
  TRY(files, ModelFiles::Open(content, zip->what_.manifest, zip->what_.config));
  for (const model::LayerFile& file : files->layers()) {
    zip->layers_.push_back({.file = file, .sums = sums.Find(file)});
  }
  zip->files_ = std::move(files);
  if (std::ranges::all_of(zip->layers_, &Layer::has_sizes)) TRY_VOID(zip->Plan());
  return zip;
}

Result<void> ModelZip::Plan() {
  for (const Layer& layer : layers_) {
    if (!layer.sums) TRY_VOID(AddFile(layer.file.path, layer.file.layer.size_bytes));
    if (!layer.sums) continue;
    for (const FileSum& file : *layer.sums) TRY_VOID(AddFile(file.path, file.size_bytes));
  }
  AddEntry(what_.top + "/" + std::string(model::kOrmbFile), what_.ormb_file.size());
  size_bytes_ = entries_end_ + model::ZipEnd(entries_, entries_end_).size();
  return {};
}

Result<void> ModelZip::AddFile(const std::string& path, uint64_t size_bytes) {
  const std::string folder = std::string(model::kOrmbFolder) + "/";
  const bool is_placed =
      model::FormOf(what_.manifest) == oci::ModelForm::kOrmb && path.starts_with(folder);
  TRY(placed, names_.Add("", is_placed ? path : folder + path, false));
  AddEntry(what_.top + "/" + placed, size_bytes);
  return {};
}

void ModelZip::AddEntry(std::string path, uint64_t size_bytes) {
  entries_.push_back(
      {.path = std::move(path), .size_bytes = size_bytes, .header_at = entries_end_});
  const model::ZipEntry& entry = entries_.back();
  entries_end_ += model::ZipFileHeader(entry).size() + model::ZipContentBytes(size_bytes) +
                  model::ZipFileEnd(entry).size();
}

Result<bool> ModelZip::Measure(uint64_t max_bytes) {
  if (size_bytes_) return true;
  if (!measure_) {
    TRY(files, ModelFiles::Open(content_, what_.manifest, what_.config));
    measure_ = std::make_unique<LayerMeasure>(std::move(files));
  }
  while (measured_ < layers_.size()) {
    Layer& layer = layers_[measured_];
    if (!layer.has_sizes()) {
      TRY(sums, measure_->Step(measured_, max_bytes));
      if (!sums) return false;
      layer.sums = std::move(sums);
      sums_.Keep(layer.file, layer.sums);
    }
    ++measured_;
  }
  measure_.reset();
  TRY_VOID(Plan());
  return true;
}

Result<void> ModelZip::Advance() {
  pending_.clear();
  pending_at_ = 0;
  if (in_file_ && left_ == 0) return EndFile();
  if (in_file_) {
    BeginBlock();
    return {};
  }
  if (layer_ < layers_.size()) return AdvanceInLayer();
  if (!has_ormb_file_) {
    has_ormb_file_ = true;
    if (!size_bytes_) {
      AddEntry(what_.top + "/" + std::string(model::kOrmbFile), what_.ormb_file.size());
    }
    model::ZipEntry& entry = entries_[next_++];
    entry.crc = model::ZipCrc(0, what_.ormb_file);
    pending_ =
        model::ZipFileHeader(entry) + model::ZipContent(what_.ormb_file) + model::ZipFileEnd(entry);
  } else if (!has_end_) {
    has_end_ = true;
    pending_ = model::ZipEnd(entries_, entries_end_);
  }
  return {};
}

Result<void> ModelZip::AdvanceInLayer() {
  if (!in_layer_) {
    TRY_VOID(files_->Begin(layer_));
    in_layer_ = true;
    found_.clear();
  }
  TRY(file, files_->Next());
  if (!file) {
    EndLayer();
    return {};
  }
  if (!size_bytes_) TRY_VOID(AddFile(file->path, file->size_bytes));
  const model::ZipEntry& entry = entries_[next_];
  const Layer& layer = layers_[layer_];
  const bool is_more = layer.sums && found_.size() == layer.sums->size();
  if (is_more || entry.size_bytes != file->size_bytes) return Changed(file->path);
  found_.push_back({.size_bytes = file->size_bytes, .crc = 0, .path = std::move(file->path)});
  ++next_;
  pending_ = model::ZipFileHeader(entry);
  in_file_ = is_whole_ = true;
  left_ = entry.size_bytes;
  crc_ = 0;
  BeginBlock();
  return {};
}

void ModelZip::BeginBlock() {
  pending_ += model::ZipBlockHeader(left_);
  block_left_ = std::min(left_, model::kZipBlockBytes);
}

const uint32_t* ModelZip::KnownCrc() const {
  const auto& sums = layers_[layer_].sums;
  return sums ? &(*sums)[found_.size() - 1].crc : nullptr;
}

Result<void> ModelZip::EndFile() {
  // What checks its content does so at its end.
  char beyond = 0;
  TRY(more, files_->Read(&beyond, 1));
  const uint32_t* known = KnownCrc();
  if (more > 0 || (is_whole_ && known && *known != crc_)) return Changed(found_.back().path);
  model::ZipEntry& entry = entries_[next_ - 1];
  entry.crc = is_whole_ ? crc_ : *known;
  found_.back().crc = entry.crc;
  pending_ = model::ZipFileEnd(entry);
  in_file_ = false;
  return {};
}

void ModelZip::EndLayer() {
  Layer& layer = layers_[layer_++];
  in_layer_ = false;
  if (layer.sums) return;
  layer.sums = std::make_shared<const FileSums>(std::exchange(found_, {}));
  sums_.Keep(layer.file, layer.sums);
}

Result<size_t> ModelZip::ReadContent(char* out, size_t size) {
  TRY(count, files_->Read(out, static_cast<size_t>(std::min<uint64_t>(size, block_left_))));
  if (count == 0) return Changed(found_.back().path);
  left_ -= count;
  block_left_ -= count;
  if (is_whole_) crc_ = model::ZipCrc(crc_, {out, count});
  return count;
}

Result<size_t> ModelZip::Read(char* out, size_t size) {
  size_t done = 0;
  while (done < size) {
    if (pending_at_ < pending_.size()) {
      const size_t count = pending_.copy(out + done, size - done, pending_at_);
      pending_at_ += count;
      done += count;
    } else if (in_file_ && block_left_ > 0) {
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

bool ModelZip::LeaveOutLayer(uint64_t& count) {
  if (in_file_ || in_layer_ || layer_ == layers_.size() || !layers_[layer_].sums) return false;
  const FileSums& sums = *layers_[layer_].sums;
  // After the last layer's entries there is that of ormbfile.yaml.
  const uint64_t size_bytes = entries_[next_ + sums.size()].header_at - entries_[next_].header_at;
  if (size_bytes > count) return false;
  for (const FileSum& sum : sums) entries_[next_++].crc = sum.crc;
  count -= size_bytes;
  ++layer_;
  return true;
}

uint64_t ModelZip::SkipBlocks(uint64_t count) {
  if (KnownCrc() == nullptr) return 0;
  uint64_t blocks = 0;  // whole ones behind this
  if (count > block_left_) {
    blocks = std::min((count - block_left_) / (model::kZipBlockBytes + model::kZipBlockHeaderBytes),
                      (left_ - block_left_) / model::kZipBlockBytes);
  }
  const uint64_t of_file = std::min(count, block_left_) + blocks * model::kZipBlockBytes;
  if (!files_->Skip(of_file)) return 0;
  is_whole_ = false;
  left_ -= of_file;
  block_left_ -= std::min(count, block_left_);
  return of_file + blocks * model::kZipBlockHeaderBytes;
}

Result<uint64_t> ModelZip::Skip(uint64_t count, uint64_t max_bytes) {
  CHECK(size_bytes_);
  std::string piece(kPieceBytes, '\0');
  uint64_t read = 0;
  while (count > 0 && read < max_bytes) {
    if (pending_at_ < pending_.size()) {
      const auto part =
          static_cast<size_t>(std::min<uint64_t>(count, pending_.size() - pending_at_));
      pending_at_ += part;
      count -= part;
    } else if (in_file_ && block_left_ > 0) {
      if (const uint64_t left_out = SkipBlocks(count); left_out > 0) {
        count -= left_out;
        continue;
      }
      TRY(got,
          ReadContent(piece.data(), static_cast<size_t>(std::min<uint64_t>(count, piece.size()))));
      read += got;
      count -= got;
    } else if (has_end_) {
      return Error(Code::kOutOfRange, "DOWNLOAD_RANGE", "the zip is shorter.");
    } else if (!LeaveOutLayer(count)) {
      TRY_VOID(Advance());
      read += kFileCostBytes;
    }
  }
  return count;
}

}  // namespace slipway::klever
