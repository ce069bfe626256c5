// Tag moves: what the tags of a repository pointed at, and since when. The last kMaxTagMoves of a
// repository are kept, those of tags that are gone too; they go with the repository. Written in the
// transaction that moves the tag.
//
//   registry/moves/REPO         {"first","next"}: numbers of the oldest move and of the next one
//   registry/move/REPO@NUMBER   {"tag","digest"?,"before"?,"at","by"}; 16 hex digits
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/meta/meta_store.h"

namespace slipway::registry {

struct TagMove {
  uint64_t number = 0;
  std::string tag;
  std::string digest;  // of the manifest that it points at; empty: the tag is removed
  std::string before;  // that it pointed at; empty: the tag is new
  std::string at;      // RFC 3339
  std::string by;      // who moved it
};

std::string MovesKey(std::string_view repository);
std::string MovePrefix(std::string_view repository);

// Gives them the next numbers.
Result<void> RecordMoves(store::Transaction& transaction, std::string_view repository,
                         std::span<const TagMove> moves);

struct TagMovePage {
  std::vector<TagMove> moves;    // the newest first
  std::optional<uint64_t> next;  // older ones than this are on the next page
  uint64_t forgotten = 0;        // older ones that there were, and are no longer kept
};
// Of one tag, or (empty) of all; older ones than `before` only. Looks at kMaxScannedMoves at most,
// so that a page may be short, even empty, and yet have a next one.
Result<TagMovePage> ReadMoves(const store::Snapshot& snapshot, std::string_view repository,
                              std::string_view tag, std::optional<uint64_t> before, size_t limit);

}  // namespace slipway::registry
