// RoomReserve: a file that only takes up room, so that deleting works on a disk without any.
//
// Given to a meta store, it is given up when a deletion finds no room, and that runs again: a
// mutation that says so (Transaction::MarkDeletion), or that removes more entries than it writes.
// From then on only such ones are taken, until there is room and the reserve is made again: nobody
// else may take what deletions need.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "store/meta/meta_store.h"

namespace slipway::store {

// The file `reserve` of a data folder: more than the log needs for the deletions of a full disk.
inline constexpr uint64_t kRoomReserveBytes = uint64_t{16} << 20;

// With a reserve the writer moves the log into the database from so many pages on (14 MB): the
// database may have to grow by as much, on a full disk into the room of the reserve.
inline constexpr int kReservedCheckpointPages = 3'500;

// Used by one thread at a time.
class RoomReserve {
 public:
  // The file at `path`, made if it is missing and there is room. Without room it is released from
  // the start, which is no error; and given up where a file is there, but is too short.
  // `free_bytes` tells the room on that disk; `files` outlives it.
  static std::unique_ptr<RoomReserve> Open(FileSystem& files, std::string path, uint64_t size_bytes,
                                           std::function<Result<uint64_t>()> free_bytes);

  bool released() const { return released_; }
  // Released by Release, perhaps before a restart: what room there is, is for deletions.
  bool given_up() const { return given_up_; }
  // Gives the room up. False if there was none to give.
  bool Release();
  // Takes the room again if there is twice as much of it. True if it is held afterwards.
  bool Restore();

 private:
  RoomReserve(FileSystem& files, std::string path, uint64_t size_bytes,
              std::function<Result<uint64_t>()> free_bytes);
  Result<void> Write();
  Result<void> Empty();

  FileSystem& files_;
  const std::string path_;
  const uint64_t size_bytes_;
  const std::function<Result<uint64_t>()> free_bytes_;
  bool released_ = true;
  bool given_up_ = false;
};

// As MakeSqliteMetaStore (meta/meta_store.h), with a reserve that outlives the store. A deletion
// that found no room then runs up to three times more.
Result<std::unique_ptr<MetaStore>> MakeSqliteMetaStore(SqliteOptions options, RoomReserve* reserve);

}  // namespace slipway::store
