#include <thread>

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "resource/limits.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

using Watch = ResourceStore::Watch;

uint64_t VersionOf(TestStore& store) {
  return store.TryList("Service", "")->version;
}

std::unique_ptr<Watch> Start(TestStore& store, std::string label = {}, uint64_t after = 0,
                             std::string project = {}) {
  Result<std::unique_ptr<Watch>> watch = store.resources().StartWatch(
      "Service", std::move(project), {.label = std::move(label)}, after);
  EXPECT_THAT(watch, IsOk());
  return std::move(*watch);
}

std::string Words(const std::vector<WatchEvent>& events) {
  std::string out;
  for (const WatchEvent& event : events) {
    const char* type = event.type == EventType::kAdded      ? "+"
                       : event.type == EventType::kModified ? "~"
                       : event.type == EventType::kDeleted  ? "-"
                                                            : "#";
    out += (out.empty() ? "" : " ") + std::string(type) + event.resource.metadata.name;
  }
  return out;
}

std::string Next(Watch& watch) {
  Result<std::vector<WatchEvent>> events = RunSync(watch.Next());
  return events.has_value() ? Words(*events) : events.error().ToString();
}

TEST(Watch, TellsAllChangesInOrder) {
  TestStore store;
  uint64_t start = VersionOf(store);
  Resource fraud = store.Create(TestStore::WantedService("fraud"));
  store.Create(TestStore::Wanted("Project", "", "shop"));
  fraud.spec["follow"] = true;
  ASSERT_THAT(store.TryUpdate(fraud), IsOk());
  ASSERT_THAT(store.TryUpdate(fraud), IsOk());  // changes nothing
  ASSERT_THAT(store.TryDelete({"Service", "default", "fraud"}), IsOk());
  std::unique_ptr<Watch> watch = Start(store, "", start);
  Result<std::vector<WatchEvent>> events = RunSync(watch->Next());
  ASSERT_THAT(events, IsOk());
  EXPECT_EQ(Words(*events), "+fraud ~fraud -fraud");
  EXPECT_LT((*events)[0].version, (*events)[1].version);
  EXPECT_EQ((*events)[0].version, (*events)[0].resource.metadata.version);
  EXPECT_EQ((*events)[2].resource.spec["follow"], true);
}

TEST(Watch, WaitsForTheNextChange) {
  TestStore store;
  std::unique_ptr<Watch> watch = Start(store);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    store.Create(TestStore::Wanted("Project", "", "shop"));
    store.Create(TestStore::WantedService("fraud"));
  });
  EXPECT_EQ(Next(*watch), "+fraud");
  writer.join();
}

TEST(Watch, GoesOnAfterADeadline) {
  TestStore store;
  std::unique_ptr<Watch> watch = Start(store);
  auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::milliseconds(20); };
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(RunSync(WithDeadline(soon(), watch->Next())),
                IsError(Code::kDeadlineExceeded, "DEADLINE"));
  }
  store.Create(TestStore::WantedService("fraud"));
  EXPECT_EQ(Next(*watch), "+fraud");
}

TEST(Watch, OfOneProjectSeesNoOther) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "default-2"));
  std::unique_ptr<Watch> watch = Start(store, "", 0, "default");
  Resource other = TestStore::WantedService("other");
  other.metadata.project = "default-2";
  store.Create(other);
  store.Create(TestStore::WantedService("fraud"));
  EXPECT_EQ(Next(*watch), "+fraud");
}

TEST(Watch, ObjectsEnterAndLeaveASelection) {
  TestStore store;
  std::unique_ptr<Watch> watch = Start(store, "team=a");
  auto write = [&](std::string team, bool follow) {
    Resource service = TestStore::WantedService("fraud");
    if (!team.empty()) service.metadata.labels["team"] = team;
    service.spec["follow"] = follow;
    Result<Resource> made = store.TryUpdate(service);
    if (!made.has_value()) made = store.TryCreate(service);
    ASSERT_THAT(made, IsOk());
  };
  write("b", false);
  write("a", false);
  write("a", true);
  write("", true);
  write("", false);
  write("a", false);
  ASSERT_THAT(store.TryDelete({"Service", "default", "fraud"}), IsOk());
  EXPECT_EQ(Next(*watch), "+fraud ~fraud -fraud +fraud -fraud");
}

TEST(Watch, BookmarksMoveAFilteredWatch) {
  TestStore store;
  std::unique_ptr<Watch> watch = Start(store, "team=a");
  for (uint64_t i = 0; i <= kVersionsPerBookmark; ++i) {
    ASSERT_THAT(
        store.TryUpdateStatus({"Site", "", "local"}, R"({"pid": )" + std::to_string(i + 1) + "}"),
        IsOk());
  }
  Result<std::vector<WatchEvent>> events = RunSync(watch->Next());
  ASSERT_THAT(events, IsOk());
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ((*events)[0].type, EventType::kBookmark);
  EXPECT_EQ((*events)[0].version, VersionOf(store));
}

TEST(Watch, ExpiresWhenTheLogWasCompacted) {
  TestStore store({.min_changes = 10, .min_age_ms = 1000});
  uint64_t start = VersionOf(store);
  std::unique_ptr<Watch> slow = Start(store, "", start);
  auto churn = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      store.clock().Advance(std::chrono::milliseconds(100));
      ASSERT_THAT(
          store.TryUpdateStatus({"Site", "", "local"}, R"({"pid": )" + std::to_string(i + 1) + "}"),
          IsOk());
    }
  };
  churn(0, 5);
  EXPECT_THAT(store.resources().StartWatch("Service", "", {}, start), IsOk());
  churn(5, 60);
  EXPECT_THAT(store.resources().StartWatch("Service", "", {}, start),
              IsError(Code::kOutOfRange, "EXPIRED"));
  EXPECT_THAT(RunSync(slow->Next()), IsError(Code::kOutOfRange, "EXPIRED"));
  std::unique_ptr<Watch> fresh = Start(store, "", VersionOf(store));
  store.Create(TestStore::WantedService("fraud"));
  EXPECT_EQ(Next(*fresh), "+fraud");
}

TEST(Watch, VersionsOfAnotherStoreAreExpired) {
  TestStore store;
  EXPECT_THAT(store.resources().StartWatch("Service", "", {}, VersionOf(store) + 1),
              IsError(Code::kOutOfRange, "EXPIRED"));
  EXPECT_THAT(store.resources().StartWatch("Service", "", {}, 1, "other"),
              IsError(Code::kOutOfRange, "EXPIRED"));
  EXPECT_THAT(store.resources().StartWatch("Service", "", {}, 1, store.meta().epoch()), IsOk());
  EXPECT_THAT(store.resources().StartWatch("Tree", "", {}, 0),
              IsError(Code::kNotFound, "KIND_UNKNOWN"));
  EXPECT_THAT(store.resources().StartWatch("Service", "", {.label = "a b"}, 0),
              IsError(Code::kInvalidArgument, "SELECTOR_INVALID"));
}

TEST(Watch, TheirNumberIsLimited) {
  TestStore store;
  std::vector<std::unique_ptr<Watch>> watches;
  for (size_t i = 0; i < kMaxWatches; ++i) watches.push_back(Start(store));
  EXPECT_THAT(store.resources().StartWatch("Service", "", {}, 0),
              IsError(Code::kResourceExhausted, "WATCHES_FULL"));
  watches.pop_back();
  EXPECT_THAT(store.resources().StartWatch("Service", "", {}, 0), IsOk());
}

}  // namespace
}  // namespace slipway::resource
