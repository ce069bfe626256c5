#include "engine/program/settings.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::engine::program {

std::string EncodeSettings(const Settings& settings) {
  return DumpJson(Encode(settings));
}

Result<Settings> DecodeSettings(std::string_view text) {
  TRY(json, ParseJson(text));
  return Decode<Settings>(json);
}

std::vector<std::string> Filled(const std::vector<std::string>& command, const Places& places) {
  const std::pair<std::string_view, const std::string*> words[] = {
      {"{program}", &places.program},
      {"{models}", &places.models},
      {"{repository}", &places.repository},
      {"{port}", &places.port}};
  std::vector<std::string> filled;
  for (const std::string& word : command) {
    std::string& out = filled.emplace_back();
    for (size_t at = 0; at < word.size();) {
      const std::string_view rest = std::string_view(word).substr(at);
      const auto* const found =
          std::find_if(std::begin(words), std::end(words),
                       [&](const auto& one) { return rest.starts_with(one.first); });
      if (found == std::end(words)) {
        out += word[at++];
        continue;
      }
      out += *found->second;
      at += found->first.size();
    }
  }
  return filled;
}

}  // namespace slipway::engine::program
