#include "model/local/entry_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Digest DigestOf(std::string_view first_digits) {
  std::string hex(first_digits);
  hex.resize(64, '0');
  return Digest::Parse("sha256:" + hex).value();
}

LocalEntry EntryOf(std::string name, const Digest& digest) {
  return {.name = std::move(name),
          .manifest = {.media_type = "a/b", .digest = digest, .size_bytes = 1}};
}

std::vector<std::string> NamesOf(const std::vector<LocalEntry>& entries) {
  std::vector<std::string> names;
  for (const LocalEntry& entry : entries) names.push_back(entry.name);
  return names;
}

TEST(EntryDigest, KnowsWhatMayBeADigest) {
  const std::string hex = std::string(64, 'a');
  for (const std::string& text :
       std::vector<std::string>{"0123456789ab", "sha256:0123456789ab", "sha512:0123456789ab", hex,
                                "sha256:" + hex, hex + hex, "sha512:" + hex + hex}) {
    EXPECT_TRUE(IsDigestPrefix(text)) << text;
  }
  for (const std::string& text : std::vector<std::string>{
           "", "0123456789a", "0123456789aB", "0123456789ag", "sha256:", "sha256:0123456789a",
           "sha256:" + hex + "a", "sha1:0123456789ab", "sha256:sha256:" + hex,
           "default/0123456789ab", "0123456789ab:v1", hex + hex + "a"}) {
    EXPECT_FALSE(IsDigestPrefix(text)) << text;
  }
}

TEST(EntryDigest, FindsAllOfOneDigest) {
  const Digest one = DigestOf("aaaaaaaaaaaa1");
  const Digest two = DigestOf("aaaaaaaaaaaa2");
  const std::vector<LocalEntry> entries = {EntryOf("", one), EntryOf("p/a:v1", one),
                                           EntryOf("", two), EntryOf("p/a:v2", one)};
  for (const std::string& text :
       std::vector<std::string>{std::string("aaaaaaaaaaaa1"), "sha256:aaaaaaaaaaaa1",
                                std::string(one.hex()), one.text()}) {
    const auto found = EntriesOfDigest(entries, text);
    ASSERT_THAT(found, IsOk()) << text;
    EXPECT_THAT(NamesOf(*found), ElementsAre("p/a:v1", "p/a:v2", "")) << text;
  }
  EXPECT_THAT(NamesOf(EntriesOfDigest(entries, "aaaaaaaaaaaa2").value()), ElementsAre(""));
  EXPECT_THAT(EntriesOfDigest(entries, "bbbbbbbbbbbb").value(), IsEmpty());
  EXPECT_THAT(EntriesOfDigest(entries, "sha512:aaaaaaaaaaaa").value(), IsEmpty());
}

TEST(EntryDigest, NamesTheCandidatesOfAnAmbiguousOne) {
  std::vector<LocalEntry> entries;
  for (const char* end : {"1", "2", "3", "4", "5", "6", "7"}) {
    entries.push_back(EntryOf("", DigestOf("aaaaaaaaaaaa" + std::string(end))));
  }
  entries.push_back(EntryOf("p/a:v1", DigestOf("aaaaaaaaaaaa1")));
  const auto found = EntriesOfDigest(entries, "aaaaaaaaaaaa");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(found.error().reason(), "DIGEST_AMBIGUOUS");
  EXPECT_THAT(found.error().message(), HasSubstr(DigestOf("aaaaaaaaaaaa1").text() + " (p/a:v1)"));
  EXPECT_THAT(found.error().message(), HasSubstr(DigestOf("aaaaaaaaaaaa5").text() + " (<none>)"));
  EXPECT_THAT(found.error().message(), Not(HasSubstr(DigestOf("aaaaaaaaaaaa6").text())));
  EXPECT_THAT(found.error().message(), HasSubstr("and 2 more"));
}

}  // namespace
}  // namespace slipway::model
