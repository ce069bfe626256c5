// What every ObjectStore does. A test file instantiates it with a way to make the store:
//
//   INSTANTIATE_TEST_SUITE_P(Local, ObjectStoreContract,
//                            testing::Values(ObjectStoreMaker(MakeLocalForTest)));
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "store/object/object_store.h"

namespace slipway::store {

// A store with all that it stands on.
class ObjectStoreUnderTest {
 public:
  virtual ~ObjectStoreUnderTest() = default;
  virtual ObjectStore& store() = 0;
};

// Its constructor stands beside the tests, so that the linker takes them along.
struct ObjectStoreMaker {
  using Make = std::unique_ptr<ObjectStoreUnderTest> (*)();
  explicit ObjectStoreMaker(Make function);
  Make make;
};

class ObjectStoreContract : public testing::TestWithParam<ObjectStoreMaker> {
 protected:
  ObjectStore& store() { return under_test_->store(); }
  // The whole object; fails the test if it is not there.
  std::string Get(const Digest& digest);
  // The digests of all objects, sorted.
  std::vector<Digest> All();
  // A new upload with this content.
  std::unique_ptr<Upload> UploadOf(std::string_view content);

 private:
  const std::unique_ptr<ObjectStoreUnderTest> under_test_ = GetParam().make();
};

// Bytes without a pattern, the same for the same seed.
std::string SomeBytes(size_t size, uint64_t seed);

}  // namespace slipway::store
