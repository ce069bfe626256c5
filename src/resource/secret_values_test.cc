#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "resource/events.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

const Key kKey{"Secret", "default", "db"};

using Values = std::map<std::string, std::string>;

Result<Values> ReadValues(TestStore& store) {
  std::optional<Values> values;
  TRY_VOID(store.resources().TransactNow(TestStore::As("system/test"),
                                         [&](ResourceTransaction& transaction) -> Result<void> {
                                           TRY(found, transaction.SecretValues(kKey));
                                           values = std::move(found);
                                           return {};
                                         }));
  return *std::move(values);
}

Resource Wanted(std::string_view spec) {
  return TestStore::Wanted("Secret", "default", "db", spec);
}

// Every byte of the store: rows and the whole change log.
std::string Everything(TestStore& store) {
  std::string all;
  Result<void> read = store.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(rows, snapshot.Scan("", "", 100'000));
    for (const store::KeyValue& row : rows) all += row.key + row.value;
    return {};
  });
  EXPECT_THAT(read, IsOk());
  Result<store::ChangePage> page = store.meta().Changes(0, "", 100'000);
  EXPECT_THAT(page, IsOk());
  for (const store::Change& change : page->changes) all += change.key + change.value;
  return all;
}

TEST(SecretValues, AreKeptApartAndSealed) {
  TestStore store;
  Resource made = store.Create(Wanted(R"({"data": {"password": "hunter2hunter2"}})"));
  EXPECT_FALSE(made.spec.contains("data"));
  EXPECT_EQ(DumpJson(made.status["keys"]), R"(["password"])");
  EXPECT_EQ(*ReadValues(store), (Values{{"password", "hunter2hunter2"}}));
  EXPECT_EQ(DumpJson(ToJson(store.Get(kKey))).find("hunter2"), std::string::npos);
  EXPECT_EQ(Everything(store).find("hunter2"), std::string::npos);
}

TEST(SecretValues, AreReplacedWholeOrKept) {
  TestStore store;
  Resource made = store.Create(Wanted(R"({"data": {"a": "1", "b": "2"}})"));
  Result<Resource> described = store.TryUpdate(Wanted(R"({"description": "x"})"));
  ASSERT_THAT(described, IsOk());
  EXPECT_EQ(*ReadValues(store), (Values{{"a", "1"}, {"b", "2"}}));

  Result<Resource> same =
      store.TryUpdate(Wanted(R"({"description": "x", "data": {"b": "2", "a": "1"}})"));
  ASSERT_THAT(same, IsOk());
  EXPECT_EQ(same->metadata.version, described->metadata.version);

  Result<Resource> replaced =
      store.TryUpdate(Wanted(R"({"description": "x", "data": {"a": "3"}})"));
  ASSERT_THAT(replaced, IsOk());
  EXPECT_EQ(replaced->metadata.generation, described->metadata.generation + 1);
  EXPECT_EQ(DumpJson(replaced->status["keys"]), R"(["a"])");
  EXPECT_EQ(*ReadValues(store), (Values{{"a", "3"}}));
  EXPECT_EQ(made.metadata.generation, 1u);
}

TEST(SecretValues, GoWithTheResource) {
  TestStore store;
  std::string uid = store.Create(Wanted(R"({"data": {"a": "1"}})")).metadata.uid;
  ASSERT_THAT(store.TryDelete(kKey), IsOk());
  Result<void> read = store.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(row, snapshot.Get(SecretRow(uid)));
    EXPECT_FALSE(row.has_value());
    return {};
  });
  EXPECT_THAT(read, IsOk());
  EXPECT_THAT(ReadValues(store), IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
}

TEST(SecretValues, ErrorsDoNotShowThem) {
  TestStore store;
  for (std::string_view spec :
       {R"({"data": {"a": 4711}})", R"({"data": 4711})", R"({"data": {"-": "4711"}})"}) {
    Result<Resource> made = store.TryCreate(Wanted(spec));
    ASSERT_FALSE(made.has_value()) << spec;
    EXPECT_EQ(made.error().ToString().find("4711"), std::string::npos) << made.error().ToString();
  }
}

TEST(SecretValues, ARowOfAnotherSecretDoesNotOpen) {
  TestStore store;
  Resource first = store.Create(Wanted(R"({"data": {"a": "1"}})"));
  Resource second =
      store.Create(TestStore::Wanted("Secret", "default", "other", R"({"data": {"a": "2"}})"));
  Result<void> moved = store.meta().MutateNow(
      TestStore::As("thief"), [&](store::Transaction& transaction) -> Result<void> {
        TRY(row, transaction.Get(SecretRow(second.metadata.uid)));
        return transaction.Put(SecretRow(first.metadata.uid), *row);
      });
  ASSERT_THAT(moved, IsOk());
  EXPECT_THAT(ReadValues(store), IsError(Code::kDataLoss, "SECRET_UNREADABLE"));
  // It can be set again.
  ASSERT_THAT(store.TryUpdate(Wanted(R"({"data": {"a": "3"}})")), IsOk());
  EXPECT_EQ(*ReadValues(store), (Values{{"a", "3"}}));
}

TEST(SecretValues, NeedAKey) {
  FakeClock clock;
  auto random = MakeSeededRandom(1);
  auto meta = store::MakeMemoryMetaStore();
  ResourceStore keyless(*meta, clock, *random);
  ASSERT_THAT(Bootstrap(keyless), IsOk());
  Result<void> made = keyless.TransactNow(
      TestStore::As("tester"), [](ResourceTransaction& transaction) -> Result<void> {
        TRY_VOID(transaction.Create(Wanted(R"({"data": {"a": "1"}})")));
        return {};
      });
  EXPECT_THAT(made, IsError(Code::kFailedPrecondition, "SECRET_KEY_MISSING"));
}

}  // namespace
}  // namespace slipway::resource
