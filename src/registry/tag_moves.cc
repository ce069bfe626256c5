#include "registry/tag_moves.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "registry/limits.h"

namespace slipway::registry {
namespace {

// Of the rows that are there: [first, next).
struct Numbers {
  uint64_t first = 0;
  uint64_t next = 0;
};

std::string MoveKey(std::string_view repository, uint64_t number) {
  return fmt::format("{}{:016x}", MovePrefix(repository), number);
}

Error Corrupt(const std::string& key) {
  return DataLoss("ROW_CORRUPT", "the row " + key + " cannot be read.");
}

std::string TextAt(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<Numbers> ReadNumbers(const store::Snapshot& snapshot, std::string_view repository) {
  const std::string key = MovesKey(repository);
  TRY(text, snapshot.Get(key));
  if (!text) return Numbers();
  const auto json = ParseJson(*text);
  if (!json || !json->is_object()) return Corrupt(key);
  Numbers numbers;
  for (auto [name, number] : {std::pair("first", &numbers.first), {"next", &numbers.next}}) {
    const auto found = json->find(name);
    if (found == json->end() || !found->is_number_unsigned()) return Corrupt(key);
    *number = found->get<uint64_t>();
  }
  return numbers.first <= numbers.next ? Result<Numbers>(numbers) : Corrupt(key);
}

std::string EncodeMove(const TagMove& move) {
  Json row = {{"tag", move.tag}};
  if (!move.digest.empty()) row["digest"] = move.digest;
  if (!move.before.empty()) row["before"] = move.before;
  row["at"] = move.at;
  row["by"] = move.by;
  return DumpJson(row);
}

Result<TagMove> ParseMove(const store::KeyValue& row, uint64_t number) {
  const auto json = ParseJson(row.value);
  if (!json || !json->is_object()) return Corrupt(row.key);
  return TagMove{.number = number,
                 .tag = TextAt(*json, "tag"),
                 .digest = TextAt(*json, "digest"),
                 .before = TextAt(*json, "before"),
                 .at = TextAt(*json, "at"),
                 .by = TextAt(*json, "by")};
}

}  // namespace

std::string MovesKey(std::string_view repository) {
  return "registry/moves/" + std::string(repository);
}

std::string MovePrefix(std::string_view repository) {
  return "registry/move/" + std::string(repository) + "@";
}

Result<void> RecordMoves(store::Transaction& transaction, std::string_view repository,
                         std::span<const TagMove> moves) {
  if (moves.empty()) return {};
  TRY(numbers, ReadNumbers(transaction, repository));
  for (const TagMove& move : moves) {
    TRY_VOID(transaction.Put(MoveKey(repository, numbers.next++), EncodeMove(move)));
    if (numbers.next - numbers.first <= kMaxTagMoves) continue;
    TRY_VOID(transaction.Delete(MoveKey(repository, numbers.first++)));
  }
  return transaction.Put(MovesKey(repository),
                         DumpJson({{"first", numbers.first}, {"next", numbers.next}}));
}

Result<TagMovePage> ReadMoves(const store::Snapshot& snapshot, std::string_view repository,
                              std::string_view tag, std::optional<uint64_t> before, size_t limit) {
  TRY(numbers, ReadNumbers(snapshot, repository));
  TagMovePage page;
  page.forgotten = numbers.first;
  uint64_t end = std::min(before.value_or(numbers.next), numbers.next);
  const uint64_t last = end - std::min<uint64_t>(end, kMaxScannedMoves);
  const uint64_t floor = std::max(numbers.first, last);
  while (end > floor && page.moves.size() < limit) {
    const uint64_t begin = end - std::min<uint64_t>(end - floor, kMovesReadAtOnce);
    TRY(rows, snapshot.Scan(MoveKey(repository, begin), MoveKey(repository, end), end - begin));
    if (rows.size() != end - begin) return Corrupt(MoveKey(repository, begin));
    for (auto row = rows.rbegin(); row != rows.rend() && page.moves.size() < limit; ++row) {
      TRY(move, ParseMove(*row, --end));
      if (tag.empty() || move.tag == tag) page.moves.push_back(std::move(move));
    }
  }
  if (end > numbers.first) page.next = end;
  return page;
}

}  // namespace slipway::registry
