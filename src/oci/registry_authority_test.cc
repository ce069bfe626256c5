#include "oci/registry_authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"

namespace slipway::oci {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kPem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";

Environment With(const std::string& home, const std::string& config = "") {
  return [home, config](const char* name) -> std::string {
    if (std::string_view(name) == "HOME") return home;
    return std::string_view(name) == "XDG_CONFIG_HOME" ? config : "";
  };
}

TEST(RegistryAuthority, FoldersOfUserAndMachine) {
  EXPECT_THAT(
      AuthorityFolders(With("/home/me"), "r.example:5000"),
      ElementsAre("/home/me/.config/containers/certs.d/r.example:5000",
                  "/etc/containers/certs.d/r.example:5000", "/etc/docker/certs.d/r.example:5000"));
  EXPECT_EQ(AuthorityFolders(With("/home/me", "/c"), "r.example").front(),
            "/c/containers/certs.d/r.example");
  EXPECT_EQ(AuthorityFolders(With("", "relative"), "r.example").size(), 2u);
}

class FindAuthorityTest : public ::testing::Test {
 protected:
  std::string Make(const std::string& folder, const std::string& name) {
    EXPECT_THAT(files_.MakeDirectories(folder_ / folder), IsOk());
    std::string path = folder_ / folder + "/" + name;
    EXPECT_THAT(WriteFileDurably(files_, path, kPem), IsOk());
    return path;
  }
  Result<std::optional<std::string>> Find() {
    return FindAuthority(files_, {folder_ / "first", folder_ / "second"});
  }

  FileSystem& files_ = PosixFileSystem();
  const TemporaryFolder folder_;
};

TEST_F(FindAuthorityTest, FirstFolderThatHasOne) {
  EXPECT_EQ(Find().value(), std::nullopt);
  const std::string second = Make("second", "any.crt");
  Make("first", "client.key");
  EXPECT_EQ(Find().value(), second);
  const std::string first = Make("first", "other.crt");
  EXPECT_EQ(Find().value(), first);
  Make("first", "third.crt");
  EXPECT_THAT(Find(), IsError(Code::kFailedPrecondition, "AUTHORITY_AMBIGUOUS"));
  const std::string own = Make("first", "ca.crt");
  EXPECT_EQ(Find().value(), own);
}

TEST_F(FindAuthorityTest, KeepsOneForLater) {
  const std::vector<std::string> folders = {folder_ / "a/b", "/etc/docker/certs.d/x"};
  EXPECT_THAT(KeepAuthority(files_, folders, "no certificate"),
              IsError(Code::kInvalidArgument, "AUTHORITY_INVALID"));
  EXPECT_EQ(FindAuthority(files_, folders).value(), std::nullopt);
  const auto kept = KeepAuthority(files_, folders, kPem);
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(FindAuthority(files_, folders).value(), *kept);
  EXPECT_THAT(KeepAuthority(files_, {"/etc/docker/certs.d/x"}, kPem),
              IsError(Code::kFailedPrecondition, "HOME_MISSING"));
}

}  // namespace
}  // namespace slipway::oci
