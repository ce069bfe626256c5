#include "base/nearest_word.h"

#include <algorithm>
#include <vector>

namespace slipway {
namespace {

// The work grows with the product of the lengths.
constexpr size_t kMaxWordBytes = 64;

// Number of single-byte edits between two short words.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string NearestWord(std::string_view wrong, std::span<const std::string> known) {
  if (wrong.size() > kMaxWordBytes) return {};
  const std::string* nearest = nullptr;
  size_t best = wrong.size() / 3 + 1;  // further away is another word
  for (const std::string& word : known) {
    if (word.size() > kMaxWordBytes) continue;
    const size_t distance = EditDistance(wrong, word);
    if (distance < best || (distance == best && nearest == nullptr)) {
      best = distance;
      nearest = &word;
    }
  }
  return nearest == nullptr ? std::string() : *nearest;
}

}  // namespace slipway
