#include "cli/model/history_entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;

Json Version(const std::vector<std::pair<std::string, std::string>>& files, const Json& metadata,
             const std::string& created_at = "") {
  Json list = Json::array();
  for (const auto& [path, digest] : files) list.push_back({{"path", path}, {"digest", digest}});
  return {{"metadata", {{"name", "m-1"}, {"createdAt", created_at}, {"createdBy", "token/ci"}}},
          {"spec", {{"files", list}}},
          {"status", {{"metadata", metadata}}}};
}

TEST(HistoryEntries, CountWhatChanged) {
  const Versions versions = {
      {"sha256:1",
       Version({{"a", "1"}, {"b", "1"}, {"c", "1"}}, {{"title", "x"}, {"version", "1"}})},
      {"sha256:2", Version({{"b", "2"}, {"c", "1"}, {"d", "1"}, {"e", "1"}}, {{"title", "y"}})}};
  EXPECT_EQ(WhatChanged(versions, "sha256:1", "sha256:2"), "+2 -1 ~1 files, 2 values");
  EXPECT_EQ(WhatChanged(versions, "sha256:2", "sha256:1"), "+1 -2 ~1 files, 2 values");
  EXPECT_EQ(WhatChanged(versions, "sha256:1", "sha256:1"), "+0 -0 ~0 files, 0 values");
  // One that is deleted, and the first one, have nothing to be compared with.
  EXPECT_EQ(WhatChanged(versions, "sha256:3", "sha256:1"), "");
  EXPECT_EQ(WhatChanged(versions, "", "sha256:1"), "");
}

Json Move(const std::string& digest, const std::string& at) {
  return {{"tag", "v1"}, {"change", "moved"}, {"digest", digest}, {"at", at}};
}

std::vector<std::string> Order(const Json& entries) {
  std::vector<std::string> lines;
  for (const Json& entry : entries) {
    lines.push_back(entry.value("change", "") + " " + entry.value("digest", ""));
  }
  return lines;
}

TEST(HistoryEntries, PushesWithoutATagStandAtTheirTime) {
  const Versions versions = {{"a", Version({}, {}, "2026-01-01T00:00:00Z")},
                             {"b", Version({}, {}, "2026-01-02T00:00:00Z")},
                             {"c", Version({}, {}, "2026-01-03T00:00:00Z")},
                             {"d", Version({}, {}, "2026-01-04T00:00:00Z")}};
  const Json moves = {Move("c", "2026-01-03T12:00:00Z"), Move("b", "2026-01-02T12:00:00Z")};
  Json entries = moves;
  AddPushes(versions, "", entries);
  EXPECT_THAT(Order(entries), ElementsAre("pushed d", "moved c", "moved b", "pushed a"));
  EXPECT_EQ(entries[0], Json({{"tag", ""},
                              {"change", "pushed"},
                              {"digest", "d"},
                              {"at", "2026-01-04T00:00:00Z"},
                              {"by", "token/ci"},
                              {"modelVersion", "m-1"}}));
  // Of a history that is cut, what is older than its end is not told.
  entries = moves;
  AddPushes(versions, "2026-01-02T12:00:00Z", entries);
  EXPECT_THAT(Order(entries), ElementsAre("pushed d", "moved c", "moved b"));
  entries = Json::array();
  AddPushes(versions, "", entries);
  EXPECT_THAT(Order(entries), ElementsAre("pushed d", "pushed c", "pushed b", "pushed a"));
}

}  // namespace
}  // namespace slipway::cli
