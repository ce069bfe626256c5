#include "store/room_reserve.h"

#include <fcntl.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/log.h"
#include "base/random.h"

namespace slipway::store {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;

// False where the file system, or the twin of one, cannot.
bool Allocate(const File& file, uint64_t size_bytes) {
  const int descriptor = file.descriptor();
  return descriptor >= 0 && ::fallocate(descriptor, 0, 0, static_cast<off_t>(size_bytes)) == 0;
}

}  // namespace

RoomReserve::RoomReserve(FileSystem& files, std::string path, uint64_t size_bytes,
                         std::function<Result<uint64_t>()> free_bytes)
    : files_(files),
      path_(std::move(path)),
      size_bytes_(size_bytes),
      free_bytes_(std::move(free_bytes)) {}

std::unique_ptr<RoomReserve> RoomReserve::Open(FileSystem& files, std::string path,
                                               uint64_t size_bytes,
                                               std::function<Result<uint64_t>()> free_bytes) {
  std::unique_ptr<RoomReserve> reserve(
      new RoomReserve(files, std::move(path), size_bytes, std::move(free_bytes)));
  const auto info = files.Info(reserve->path_);
  reserve->released_ = !info || info->size_bytes != size_bytes;
  // Release leaves an empty file: what was given up is so after a restart as well.
  reserve->given_up_ = info && info->size_bytes < size_bytes;
  reserve->Restore();
  return reserve;
}

bool RoomReserve::Release() {
  if (released_) return false;
  if (const Result<void> emptied = Empty(); !emptied) {
    LogWarning("the reserve of the data folder cannot be given up", {{"error", emptied.error()}});
    return false;
  }
  released_ = true;
  given_up_ = true;
  LogWarning("the disk is full: its reserve is given up, so that things can be deleted",
             {{"file", path_}, {"bytes", size_bytes_}});
  return true;
}

bool RoomReserve::Restore() {
  if (!released_) return true;
  const Result<uint64_t> room = free_bytes_();
  if (!room || *room < 2 * size_bytes_) return false;
  if (const Result<void> written = Write(); !written) {
    LogWarning("the reserve of the data folder cannot be made", {{"error", written.error()}});
    static_cast<void>(given_up_ ? Empty() : files_.Remove(path_));
    return false;
  }
  released_ = false;
  given_up_ = false;
  return true;
}

Result<void> RoomReserve::Empty() {
  TRY(file, files_.Open(path_, {.write = true, .create = true, .truncate = true}));
  return file->Sync();
}

// Blocks that are the file's own where the file system gives them; else bytes that none packs or
// leaves out.
Result<void> RoomReserve::Write() {
  TRY(file, files_.Open(path_, {.write = true, .create = true, .truncate = true}));
  if (Allocate(*file, size_bytes_)) return file->Sync();
  const auto random = MakeSeededRandom(size_bytes_);
  std::string piece(kPieceBytes, '\0');
  for (uint64_t at = 0; at < size_bytes_; at += piece.size()) {
    piece.resize(std::min<uint64_t>(kPieceBytes, size_bytes_ - at));
    random->Fill(std::as_writable_bytes(std::span(piece)));
    TRY_VOID(file->WriteAt(at, piece));
  }
  return file->Sync();
}

}  // namespace slipway::store
