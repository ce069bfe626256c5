#include "resource/project_policy.h"

#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

using std::chrono::milliseconds;

const Key kOpen{.kind = "Project", .project = "", .name = "open"};

TEST(AnonymousPull, FollowsTheProjectWithinSeconds) {
  TestStore store;
  const auto allowed = MakeAnonymousPull(store.meta(), store.clock());
  EXPECT_FALSE(RunSync(allowed("default")).value());
  EXPECT_FALSE(RunSync(allowed("open")).value()) << "there is none yet";
  Resource project = store.Create(
      TestStore::Wanted("Project", "", "open", R"({"registry": {"anonymousPull": true}})"));
  EXPECT_FALSE(RunSync(allowed("open")).value()) << "remembered";
  store.clock().Advance(milliseconds(2'001));
  EXPECT_TRUE(RunSync(allowed("open")).value());
  project.spec["registry"]["anonymousPull"] = false;
  ASSERT_THAT(store.TryUpdate(project), IsOk());
  store.clock().Advance(milliseconds(2'001));
  EXPECT_FALSE(RunSync(allowed("open")).value());
}

TEST(AnonymousPull, ADeletedProjectAllowsNothing) {
  TestStore store;
  store.Create(
      TestStore::Wanted("Project", "", "open", R"({"registry": {"anonymousPull": true}})"));
  ASSERT_THAT(store.TryDelete(kOpen), IsOk());
  EXPECT_FALSE(RunSync(MakeAnonymousPull(store.meta(), store.clock())("open")).value());
}

TEST(AnonymousPull, IsOffUnlessSaid) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "open", R"({"registry": {}})"));
  EXPECT_FALSE(RunSync(MakeAnonymousPull(store.meta(), store.clock())("open")).value());
  EXPECT_THAT(store.TryCreate(TestStore::Wanted("Project", "", "wrong",
                                                R"({"registry": {"anonymousPull": "yes"}})")),
              IsError(Code::kInvalidArgument, "FIELD_TYPE"));
}

}  // namespace
}  // namespace slipway::resource
