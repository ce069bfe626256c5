#include "oci/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/limits.h"

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

constexpr char kDigest[] =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

struct ParseCase {
  std::string text;
  std::string host;
  std::string repository;
  std::string tag;
  bool digest;
  std::string project;
};

TEST(ReferenceTest, Parse) {
  const std::string digest = kDigest;
  const ParseCase cases[] = {
      {"magika", "", "default/magika", "", false, "default"},
      {"magika:v1", "", "default/magika", "v1", false, "default"},
      {"vision/gate:1.2", "", "vision/gate", "1.2", false, "vision"},
      {"a/b/c_d--e.f:X_-.9", "", "a/b/c_d--e.f", "X_-.9", false, "a"},
      {"magika@" + digest, "", "default/magika", "", true, "default"},
      {"magika:v1@" + digest, "", "default/magika", "v1", true, "default"},
      {"localhost/a:1", "localhost", "a", "1", false, "default"},
      {"localhost:5000/a/b", "localhost:5000", "a/b", "", false, "a"},
      {"host.example/a:1", "host.example", "a", "1", false, "default"},
      {"10.0.0.1:80/a@" + digest, "10.0.0.1:80", "a", "", true, "default"},
      {"[::1]:5000/a:1", "[::1]:5000", "a", "1", false, "default"},
      // Without a slash there is no host.
      {"localhost:5000", "", "default/localhost", "5000", false, "default"},
  };
  for (const ParseCase& c : cases) {
    const auto reference = Reference::Parse(c.text);
    ASSERT_TRUE(reference.has_value()) << c.text << ": " << reference.error().ToString();
    EXPECT_EQ(reference->host, c.host) << c.text;
    EXPECT_EQ(reference->repository, c.repository) << c.text;
    EXPECT_EQ(reference->tag, c.tag) << c.text;
    EXPECT_EQ(reference->digest.has_value(), c.digest) << c.text;
    EXPECT_EQ(reference->project(), c.project) << c.text;
    const auto again = Reference::Parse(reference->ToString());
    ASSERT_TRUE(again.has_value()) << reference->ToString();
    EXPECT_EQ(*again, *reference) << c.text;
  }
}

TEST(ReferenceTest, Refused) {
  for (const std::string& text : {std::string(),
                                  std::string(":v1"),
                                  std::string("Magika"),
                                  std::string("a//b"),
                                  std::string("/a"),
                                  std::string("a/"),
                                  std::string("a:"),
                                  std::string("a:-x"),
                                  std::string("a@sha256:123"),
                                  std::string("a@md5:123"),
                                  std::string("a b"),
                                  std::string("a_.b"),
                                  std::string("a___b"),
                                  std::string("-a"),
                                  std::string("a-"),
                                  std::string("host.example:x/a"),
                                  std::string("host.example:99999/a"),
                                  std::string("bad_host.example/a"),
                                  std::string(".example/a"),
                                  std::string("host./a"),
                                  std::string("[::1/a"),
                                  std::string("a:b:c"),
                                  std::string("a\n"),
                                  std::string("é/a"),
                                  "a:" + std::string(129, 't'),
                                  std::string(256, 'a')}) {
    const auto reference = Reference::Parse(text);
    ASSERT_FALSE(reference.has_value()) << text;
    EXPECT_EQ(reference.error().code(), Code::kInvalidArgument);
  }
  EXPECT_THAT(Reference::Parse("a:b c").error().message(), HasSubstr("the tag 'b c'"));
  EXPECT_EQ(Reference::Parse("A:1").error().reason(), "REFERENCE_INVALID");
}

TEST(ReferenceTest, Selector) {
  EXPECT_EQ(Reference::Parse("a")->Selector(), "latest");
  EXPECT_EQ(Reference::Parse("a:v1")->Selector(), "v1");
  EXPECT_EQ(Reference::Parse(std::string("a:v1@") + kDigest)->Selector(), kDigest);
}

TEST(ReferenceTest, RepositoryNames) {
  EXPECT_TRUE(CheckRepositoryName(std::string(kMaxRepositoryBytes, 'a')).has_value());
  const auto long_name = CheckRepositoryName(std::string(kMaxRepositoryBytes + 1, 'a'));
  EXPECT_EQ(long_name.error().reason(), "NAME_INVALID");
  EXPECT_EQ(CanonicalRepository("a"), "default/a");
  EXPECT_EQ(CanonicalRepository("p/a"), "p/a");
  EXPECT_EQ(ProjectOf("p/a/b"), "p");
}

}  // namespace
}  // namespace slipway::oci
