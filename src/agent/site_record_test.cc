#include "agent/site_record.h"

#include <gtest/gtest.h>

namespace slipway::agent {
namespace {

ServeRecord MakeServe(const std::string& id) {
  return {.handle = {"process", "serve", id},
          .build_id = "build",
          .endpoints = {{"rest", "127.0.0.1", 8000}}};
}

TEST(SiteRecordsTest, KeepsWhatWasWritten) {
  auto store = store::MakeMemoryMetaStore();
  auto records = *SiteRecords::Open(*store);
  EXPECT_FALSE(records->Get().current.has_value());
  ASSERT_TRUE(records
                  ->Update([](SiteRecord& record) {
                    record.current = MakeServe("2");
                    record.retiring.push_back(MakeServe("1"));
                  })
                  .has_value());
  SiteRecord again = (*SiteRecords::Open(*store))->Get();
  ASSERT_TRUE(again.current.has_value());
  EXPECT_EQ(again.current->handle.id, "2");
  EXPECT_EQ(again.current->endpoints.at(0).port, 8000);
  ASSERT_EQ(again.retiring.size(), 1U);
  EXPECT_EQ(again.retiring[0].handle.id, "1");
}

TEST(SiteRecordsTest, RecordOfANewerProgramIsRefused) {
  auto store = store::MakeMemoryMetaStore();
  auto put = store->MutateNow(CallContext::System("test"), [](store::Transaction& transaction) {
    return transaction.Put("agent/serve", R"({"format":2,"workloads":[]})");
  });
  ASSERT_TRUE(put.has_value());
  auto opened = SiteRecords::Open(*store);
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().reason(), "FORMAT_NEWER");
}

}  // namespace
}  // namespace slipway::agent
