// What every MetaStore does. A test file instantiates it with a way to make the store:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, MetaStoreContract,
//                            testing::Values(MetaStoreMaker(MakeSqliteForTest)));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "store/meta/meta_store.h"

namespace slipway::store {

// A store with all that it stands on.
class MetaStoreUnderTest {
 public:
  virtual ~MetaStoreUnderTest() = default;
  virtual MetaStore& store() = 0;
};

// Its constructor stands beside the tests, so that the linker takes them along.
struct MetaStoreMaker {
  using Make = std::unique_ptr<MetaStoreUnderTest> (*)(ChangeLogLimits limits, Clock& clock);
  explicit MetaStoreMaker(Make function);
  Make make;
};

class MetaStoreContract : public testing::TestWithParam<MetaStoreMaker> {
 protected:
  static constexpr ChangeLogLimits kLimits = {.min_changes = 10, .min_age_ms = 60'000};

  MetaStore& store() { return under_test_->store(); }
  Result<void> Put(std::string_view key, std::string_view value);
  // A change as resources make them: taken version, entry, log. Returns the version.
  uint64_t Change(std::string_view key, std::string_view value);
  std::optional<std::string> Get(std::string_view key);
  // "key=value" of each.
  std::vector<std::string> Scan(std::string_view begin, std::string_view end, size_t limit);
  uint64_t Version();

  FakeClock clock_;
  const CallContext context_ = {.identity = {.subject = "token/ci"}, .request_id = "request-1"};

 private:
  const std::unique_ptr<MetaStoreUnderTest> under_test_ = GetParam().make(kLimits, clock_);
};

}  // namespace slipway::store
