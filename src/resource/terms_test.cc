#include "resource/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"
#include "resource/kinds/model.h"
#include "resource/kinds/model_terms.h"
#include "resource/limits.h"
#include "resource/row_keys.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kDigest = "sha256:" + std::string(64, 'a');

Resource Version(std::string name, std::vector<ModelParent> parents) {
  Resource version{.kind = "ModelVersion"};
  version.metadata.project = "default";
  version.metadata.name = std::move(name);
  version.spec =
      Encode(ModelVersionSpec{.repository = "default/m", .manifest_digest = kDigest, .format = ""});
  ModelVersionStatus status;
  status.metadata.emplace().parents = std::move(parents);
  version.status = Encode(status);
  return version;
}

// What stands below a term, PROJECT/NAME each.
std::vector<std::string> Found(TestStore& store, const std::string& term) {
  std::vector<std::string> found;
  EXPECT_THAT(store.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    const std::string prefix = TermPrefix("ModelVersion", term, std::nullopt);
    TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), 100));
    for (const store::KeySize& row : rows) found.push_back(row.key.substr(prefix.size()));
    return {};
  }),
              IsOk());
  return found;
}

void Transact(TestStore& store, const std::function<Result<void>(ResourceTransaction&)>& body) {
  ASSERT_THAT(store.resources().TransactNow(TestStore::As("tester"), body), IsOk());
}

TEST(TermsTest, FollowTheResource) {
  TestStore store;
  Transact(store, [](ResourceTransaction& transaction) -> Result<void> {
    TRY_VOID(transaction.Create(Version("a", {{.digest = "sha256:p"}, {.reference = "base:v1"}})));
    TRY_VOID(transaction.Create(Version("b", {{.reference = "base:v1@sha256:p"}, {}})));
    return {};
  });
  EXPECT_THAT(Found(store, VersionTerm(kDigest)), ElementsAre("default/a", "default/b"));
  EXPECT_THAT(Found(store, ChildTerm("sha256:p")), ElementsAre("default/a", "default/b"));
  EXPECT_THAT(Found(store, ChildTerm("base:v1")), ElementsAre("default/a"));
  EXPECT_THAT(Found(store, ChildTerm("base:v1@sha256:p")), IsEmpty());
  Transact(store, [](ResourceTransaction& transaction) -> Result<void> {
    TRY_VOID(transaction.UpdateStatus({"ModelVersion", "default", "a"},
                                      Version("a", {{.reference = "other:v1"}}).status));
    return transaction.Delete({"ModelVersion", "default", "b"});
  });
  EXPECT_THAT(Found(store, VersionTerm(kDigest)), ElementsAre("default/a"));
  EXPECT_THAT(Found(store, ChildTerm("sha256:p")), IsEmpty());
  EXPECT_THAT(Found(store, ChildTerm("base:v1")), IsEmpty());
  EXPECT_THAT(Found(store, ChildTerm("other:v1")), ElementsAre("default/a"));
}

TEST(TermsTest, OddOnesHaveNoRow) {
  TestStore store;
  Transact(store, [](ResourceTransaction& transaction) -> Result<void> {
    TRY_VOID(transaction.Create(Version("a", {{.reference = std::string("b\0c", 3)},
                                              {.reference = std::string(kMaxTermBytes, 'x')}})));
    return {};
  });
  EXPECT_THAT(Found(store, ChildTerm("b")), IsEmpty());
  EXPECT_EQ(TermsOf(nullptr).size(), 0u);
}

// A database of format 3 has the resources and none of the rows.
TEST(TermsTest, AreMadeForWhatAnOlderProgramWrote) {
  TestStore store;
  const size_t count = 2 * kIndexedTogether + 7;
  Transact(store, [](ResourceTransaction& transaction) -> Result<void> {
    for (size_t i = 0; i < count; ++i) {
      TRY_VOID(transaction.Create(Version("v" + std::to_string(i), {{.digest = "sha256:p"}})));
    }
    return {};
  });
  const CallContext context = CallContext::System("test");
  const auto remove_all = [&](bool with_format) {
    return store.meta().MutateNow(context, [&](store::Transaction& transaction) -> Result<void> {
      TRY(rows, transaction.Scan("rx/term", store::PrefixEnd("rx/term"), 10'000));
      for (const store::KeyValue& row : rows) {
        if (with_format || row.key != "rx/terms-format") TRY_VOID(transaction.Delete(row.key));
      }
      return {};
    });
  };
  ASSERT_THAT(remove_all(/*with_format=*/false), IsOk());
  ASSERT_THAT(BuildTerms(store.meta()), IsOk());
  EXPECT_THAT(Found(store, ChildTerm("sha256:p")), IsEmpty()) << "made once, never looked at again";
  ASSERT_THAT(remove_all(/*with_format=*/true), IsOk());
  ASSERT_THAT(BuildTerms(store.meta()), IsOk());
  EXPECT_EQ(Found(store, ChildTerm("sha256:p")).size(), 100u);  // as many as it asks for
  size_t rows = 0;
  ASSERT_THAT(store.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, snapshot.ScanSizes("rx/term/", store::PrefixEnd("rx/term/"), 10'000));
    rows = found.size();
    return {};
  }),
              IsOk());
  EXPECT_EQ(rows, 2 * count);
}

}  // namespace
}  // namespace slipway::resource
