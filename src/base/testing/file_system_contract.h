// What every FileSystem does. A test file instantiates it with a way to make one:
//
//   INSTANTIATE_TEST_SUITE_P(Posix, FileSystemContract, testing::Values(FileSystemMaker(Make)));
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/file_system.h"

namespace slipway {

class FileSystemUnderTest {
 public:
  virtual ~FileSystemUnderTest() = default;
  virtual FileSystem& files() = 0;
  // An empty folder.
  virtual std::string root() = 0;
};

// Its constructor stands beside the tests, so that the linker takes them along.
struct FileSystemMaker {
  using Make = std::unique_ptr<FileSystemUnderTest> (*)();
  explicit FileSystemMaker(Make function);
  Make make;
};

class FileSystemContract : public testing::TestWithParam<FileSystemMaker> {
 protected:
  FileSystem& files() { return under_test_->files(); }
  std::string Path(const std::string& name) { return under_test_->root() + "/" + name; }
  void Write(const std::string& name, std::string_view content);
  // Its content, or the reason why there is none.
  std::string Read(const std::string& name);

 private:
  const std::unique_ptr<FileSystemUnderTest> under_test_ = GetParam().make();
};

}  // namespace slipway
