#include "store/testing/object_store_contract.h"

namespace slipway::store {
namespace {

class MemoryUnderTest final : public ObjectStoreUnderTest {
 public:
  ObjectStore& store() override { return *store_; }

 private:
  const std::unique_ptr<ObjectStore> store_ = MakeMemoryObjectStore();
};

std::unique_ptr<ObjectStoreUnderTest> Make() {
  return std::make_unique<MemoryUnderTest>();
}

INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, testing::Values(ObjectStoreMaker(Make)));

}  // namespace
}  // namespace slipway::store
