#include "store/testing/meta_store_contract.h"

namespace slipway::store {
namespace {

class MemoryUnderTest final : public MetaStoreUnderTest {
 public:
  MemoryUnderTest(ChangeLogLimits limits, Clock& clock)
      : store_(MakeMemoryMetaStore(limits, &clock)) {}
  MetaStore& store() override { return *store_; }

 private:
  const std::unique_ptr<MetaStore> store_;
};

std::unique_ptr<MetaStoreUnderTest> Make(ChangeLogLimits limits, Clock& clock) {
  return std::make_unique<MemoryUnderTest>(limits, clock);
}

INSTANTIATE_TEST_SUITE_P(Memory, MetaStoreContract, testing::Values(MetaStoreMaker(Make)));

}  // namespace
}  // namespace slipway::store
