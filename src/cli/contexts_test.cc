#include "cli/contexts.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "cli/api_client.h"

namespace slipway::cli {
namespace {

class ContextsTest : public testing::Test {
 public:
  ContextsTest() {
    std::string pattern = testing::TempDir() + "contexts.XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/deeper/slipway/contexts.json";
  }
  ~ContextsTest() override { std::filesystem::remove_all(folder_); }

 protected:
  static Context Lab() {
    return {.name = "lab",
            .address = "https://lab.example:8080",
            .inference = "https://lab.example:8000",
            .token_file = "/srv/lab.token"};
  }
  void Write(std::string_view text) {
    ASSERT_TRUE(PosixFileSystem().MakeDirectories(folder_ + "/deeper/slipway").has_value());
    ASSERT_TRUE(WriteFileDurably(PosixFileSystem(), path_, text).has_value());
  }

  std::string folder_;
  std::string path_;
};

TEST_F(ContextsTest, KeepsWhatWasWritten) {
  ContextsFile file;
  file.Put(Lab());
  file.Put({.name = "local", .address = "http://127.0.0.1:8080"});
  file.current = "local";
  ASSERT_TRUE(WriteContexts(PosixFileSystem(), path_, file).has_value());
  auto mode = std::filesystem::status(path_).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);

  Result<ContextsFile> read = ReadContexts(PosixFileSystem(), path_);
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->contexts.size(), 2u);
  EXPECT_EQ(ChooseContext(*read, "")->name, "local");
  EXPECT_EQ(ChooseContext(*read, "lab")->token_file, "/srv/lab.token");
}

TEST_F(ContextsTest, AMissingFileIsEmpty) {
  Result<ContextsFile> read = ReadContexts(PosixFileSystem(), path_);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->contexts.empty());
  Result<Context> none = ChooseContext(*read, "");
  EXPECT_EQ(none.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(none.error().reason(), "CONTEXT_MISSING");
  EXPECT_EQ(ChooseContext(*read, "lab").error().reason(), "CONTEXT_UNKNOWN");
}

TEST_F(ContextsTest, PutReplacesTheOneOfThatName) {
  ContextsFile file;
  file.Put(Lab());
  Context moved = Lab();
  moved.address = "https://new.example:8080";
  file.Put(moved);
  ASSERT_EQ(file.contexts.size(), 1u);
  EXPECT_EQ(file.contexts[0].address, "https://new.example:8080");
}

TEST_F(ContextsTest, RefusesANewerAndABrokenFile) {
  Write(R"({"format": 2, "surprise": true})");
  EXPECT_EQ(ReadContexts(PosixFileSystem(), path_).error().reason(), "FORMAT_NEWER");
  Write(R"({"format": 1, "contexts": [{"name": "a", "adress": "x"}]})");
  Result<ContextsFile> unknown = ReadContexts(PosixFileSystem(), path_);
  EXPECT_EQ(unknown.error().reason(), "FIELD_UNKNOWN");
  EXPECT_TRUE(unknown.error().message().starts_with(path_ + ": contexts[0].adress"))
      << unknown.error().message();
  Write("{");
  EXPECT_EQ(ReadContexts(PosixFileSystem(), path_).error().reason(), "JSON_SYNTAX");
}

TEST_F(ContextsTest, AFileOfAuthoritiesHasACertificate) {
  Write("-----BEGIN CERTIFICATE-----\n");
  EXPECT_TRUE(CheckAuthorities(PosixFileSystem(), path_).has_value());
  Write("-----BEGIN PRIVATE KEY-----\n");
  EXPECT_EQ(CheckAuthorities(PosixFileSystem(), path_).error().reason(), "CA_FILE_INVALID");
  Result<void> missing = CheckAuthorities(PosixFileSystem(), "/nowhere.crt");
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_TRUE(missing.error().message().starts_with("--ca-file: "));
}

TEST(ErrorOfContext, SaysWhichContextAndHowToTrustIt) {
  const Context lab{.name = "lab", .address = "https://lab:8080", .token_file = "/lab.token"};
  const Error untrusted =
      ErrorOfContext(lab, FailedPrecondition("TLS_UNTRUSTED", "https://lab:8080/: unknown"));
  EXPECT_EQ(untrusted.code(), Code::kFailedPrecondition);
  EXPECT_EQ(untrusted.reason(), "TLS_UNTRUSTED");
  EXPECT_EQ(untrusted.message(),
            "context lab: https://lab:8080/: unknown: `slipway context add lab --address "
            "https://lab:8080 --token-file /lab.token --ca-file FILE`");
  EXPECT_EQ(ErrorOfContext(lab, FailedPrecondition("TLS_EXPIRED", "expired")).message(),
            "context lab: expired");
  EXPECT_EQ(ErrorOfContext(lab, Unavailable("CONNECT_FAILED", "refused")).message(),
            "context lab: refused");
  EXPECT_EQ(ErrorOfContext(lab, NotFound("X", "no service")).message(), "no service");
}

TEST(CheckContext, NamesTheAddressThatIsWrong) {
  auto reason = [](Context context) {
    Result<void> checked = CheckContext(context);
    return checked ? std::string("fine") : std::string(checked.error().reason());
  };
  EXPECT_EQ(reason({.name = "a", .address = "http://127.0.0.1:8080"}), "fine");
  EXPECT_EQ(reason({.name = "a", .address = "http://[::1]:8080/"}), "fine");
  EXPECT_EQ(reason({.name = "a", .address = "https://slipway.example"}), "fine");
  EXPECT_EQ(reason({.name = "a", .address = "http://slipway.example"}), "ADDRESS_INSECURE");
  EXPECT_EQ(reason({.name = "a", .address = "http://slipway.example", .insecure = true}), "fine");
  EXPECT_EQ(reason({.name = "a", .address = "http://127.evil.example"}), "ADDRESS_INSECURE");
  EXPECT_EQ(reason({.name = "a", .address = "https://user@host"}), "ADDRESS_INVALID");
  EXPECT_EQ(reason({.name = "a", .address = "https://host/path"}), "ADDRESS_INVALID");
  EXPECT_EQ(reason({.name = "a", .address = "host:8080"}), "ADDRESS_INVALID");
  EXPECT_EQ(reason({.name = "a", .address = "https://host", .inference = "ftp://host"}),
            "ADDRESS_INVALID");
  EXPECT_EQ(reason({.name = "A b", .address = "https://host"}), "FIELD_FORMAT");
}

}  // namespace
}  // namespace slipway::cli
