// Docker's config.json, credential helpers, and which of them counts.
#include "oci/credentials.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "oci/challenge.h"

namespace slipway::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

DockerConfig Parsed(const std::string& text) {
  return DockerConfig::Parse(text).value();
}

TEST(DockerConfig, FindsCredentialsOfAllForms) {
  const DockerConfig config = Parsed(R"({"auths": {
    "a.test": {"auth": "dTpwOnE="},
    "b.test:5000": {"username": "u", "password": "p"},
    "https://c.test/v1/": {"auth": "dTpw"},
    "https://index.docker.io/v1/": {"auth": "dTpw"},
    "d.test": {"auth": "dTo=", "identitytoken": "refresh"},
    "e.test": {"registrytoken": "bearer"},
    "e.test/team/app": {"auth": "dTphcHA"},
    "e.test/team": {"auth": "dTp0ZWFt"},
    "f.test": {},
    "g.test": {"auth": "dTpwAAA="}
  }})");
  const auto find = [&](std::string_view host, std::string_view repository = "x") {
    return config.Find(host, repository).value();
  };
  EXPECT_EQ(find("a.test"), (Credentials{.user = "u", .password = "p:q"}));
  EXPECT_EQ(find("b.test:5000"), (Credentials{.user = "u", .password = "p"}));
  EXPECT_EQ(find("b.test"), std::nullopt);
  EXPECT_EQ(find("c.test"), (Credentials{.user = "u", .password = "p"}));
  EXPECT_EQ(find("docker.io"), (Credentials{.user = "u", .password = "p"}));
  EXPECT_EQ(find("registry-1.docker.io"), (Credentials{.user = "u", .password = "p"}));
  EXPECT_EQ(find("d.test"), (Credentials{.user = "u", .identity_token = "refresh"}));
  EXPECT_EQ(find("e.test"), (Credentials{.registry_token = "bearer"}));
  EXPECT_EQ(find("e.test", "team/app"), (Credentials{.user = "u", .password = "app"}));
  EXPECT_EQ(find("e.test", "team/app/deep"), (Credentials{.user = "u", .password = "app"}));
  EXPECT_EQ(find("e.test", "team/other"), (Credentials{.user = "u", .password = "team"}));
  EXPECT_EQ(find("e.test", "teamwork"), (Credentials{.registry_token = "bearer"}));
  EXPECT_EQ(find("f.test"), std::nullopt);
  EXPECT_EQ(find("g.test"), (Credentials{.user = "u", .password = "p"}));
  EXPECT_EQ(find("unknown.test"), std::nullopt);
}

TEST(DockerConfig, ErrorsNameTheFieldAndNoValue) {
  for (const auto& [text, words] : std::map<std::string, std::string>{
           {"[]", "must be a JSON object"},
           {R"({"auths": []})", "auths: must be an object"},
           {R"({"credHelpers": "x"})", "credHelpers: must be an object"},
           {"{\"auths\"", "byte"}}) {
    const auto config = DockerConfig::Parse(text);
    ASSERT_FALSE(config.has_value()) << text;
    EXPECT_THAT(config.error().message(), HasSubstr(words));
  }
  for (const auto& [entry, field] : std::map<std::string, std::string>{
           {R"("secret")", "auths[a.test]: must be an object"},
           {R"({"auth": 7})", "auths[a.test].auth: must be a string"},
           {R"({"auth": "secret!"})", "auths[a.test].auth: must be USER:PASSWORD"},
           {R"({"auth": "c2VjcmV0"})", "auths[a.test].auth: must be USER:PASSWORD"},
           {R"({"identitytoken": {"secret": 1}})", "auths[a.test].identitytoken"}}) {
    const auto found = Parsed("{\"auths\": {\"a.test\": " + entry + "}}").Find("a.test", "x");
    ASSERT_FALSE(found.has_value()) << entry;
    EXPECT_EQ(found.error().reason(), "CREDENTIALS_INVALID");
    EXPECT_THAT(found.error().message(), HasSubstr(field));
    EXPECT_THAT(found.error().message(), Not(HasSubstr("secret")));
  }
}

TEST(DockerConfig, HelpersAreForOneHostOrForAll) {
  const DockerConfig config =
      Parsed(R"({"credHelpers": {"a.test": "one", "docker.io": "hub"}, "credsStore": "all"})");
  EXPECT_EQ(config.HelperOf("a.test").value(), "one");
  EXPECT_EQ(config.HelperOf("docker.io").value(), "hub");
  EXPECT_EQ(config.HelperOf("b.test").value(), "all");
  EXPECT_EQ(Parsed("").HelperOf("b.test").value(), "");
}

TEST(DockerConfig, KeepsWhatItDoesNotKnow) {
  DockerConfig config = Parsed(R"({"proxies": {"default": {"httpProxy": "x"}},
      "auths": {"https://a.test/v1/": {"auth": "b2xkOm9sZA=="}, "b.test": {"auth": "dTpw"}},
      "experimental": "enabled", "detachKeys": "ctrl-e"})");
  config.Put("a.test", {.user = "u", .password = "p"});
  config.Put("c.test", {.user = "u", .identity_token = "refresh"});
  const Json json = Json::parse(config.Text());
  EXPECT_EQ(json["proxies"]["default"]["httpProxy"], "x");
  EXPECT_EQ(json["experimental"], "enabled");
  EXPECT_EQ(json["auths"].size(), 3u);
  EXPECT_EQ(json["auths"]["a.test"], Json({{"auth", "dTpw"}}));
  EXPECT_EQ(json["auths"]["c.test"], Json({{"auth", "dTo="}, {"identitytoken", "refresh"}}));
  EXPECT_TRUE(config.Remove("b.test"));
  EXPECT_FALSE(config.Remove("b.test"));
  EXPECT_EQ(Json::parse(config.Text())["auths"].size(), 2u);
}

// A helper in memory.
struct FakeHelper {
  std::map<std::string, HelperResult> answers;  // by "PROGRAM VERB"
  std::vector<std::string> calls;               // "PROGRAM VERB INPUT"

  RunHelper run() {
    return [this](const std::string& program, const std::string& verb,
                  const std::string& input) -> Result<HelperResult> {
      calls.push_back(program + " " + verb + " " + input);
      const auto found = answers.find(program + " " + verb);
      if (found == answers.end()) return FailedPrecondition("HELPER_MISSING", program + ": no");
      return found->second;
    };
  }
};

TEST(CredentialHelper, SpeaksTheProtocol) {
  FakeHelper fake;
  fake.answers = {
      {"docker-credential-x get", {0, R"({"ServerURL":"a.test","Username":"u","Secret":"p"})"}},
      {"docker-credential-x store", {0, ""}},
      {"docker-credential-x erase", {0, ""}}};
  const CredentialHelper helper = CredentialHelper::Make("x", fake.run()).value();
  EXPECT_EQ(helper.Get("a.test").value(), (Credentials{.user = "u", .password = "p"}));
  EXPECT_THAT(helper.Store("a.test", {.user = "u", .password = "p"}), IsOk());
  EXPECT_THAT(helper.Store("b.test", {.user = "u", .identity_token = "r"}), IsOk());
  EXPECT_TRUE(helper.Erase("a.test").value());
  EXPECT_THAT(
      fake.calls,
      ElementsAre(
          "docker-credential-x get a.test",
          R"(docker-credential-x store {"ServerURL":"a.test","Username":"u","Secret":"p"})",
          R"(docker-credential-x store {"ServerURL":"b.test","Username":"<token>","Secret":"r"})",
          "docker-credential-x erase a.test"));
  fake.answers["docker-credential-x get"] = {0, R"({"Username":"<token>","Secret":"r"})"};
  EXPECT_EQ(helper.Get("b.test").value(), (Credentials{.identity_token = "r"}));
  fake.answers["docker-credential-x get"] = {1, "credentials not found in native keychain\n"};
  EXPECT_EQ(helper.Get("c.test").value(), std::nullopt);
  fake.answers["docker-credential-x erase"] = {1, "credentials not found in native keychain\n"};
  EXPECT_FALSE(helper.Erase("c.test").value());
}

TEST(CredentialHelper, ErrorsNameItAndNoSecret) {
  FakeHelper fake;
  fake.answers = {{"docker-credential-x get", {2, "the \x1b[31mkeychain is locked\n"}},
                  {"docker-credential-x store", {1, "cannot keep p4ss for you"}}};
  const CredentialHelper helper = CredentialHelper::Make("x", fake.run()).value();
  EXPECT_EQ(helper.Get("a.test").error().message(),
            "docker-credential-x get: exited with 2: the  [31mkeychain is locked");
  EXPECT_EQ(helper.Store("a.test", {.user = "u", .password = "p4ss"}).error().message(),
            "docker-credential-x store: exited with 1");
  for (const char* answer : {"", "secret", "[\"secret\"]", "{\"Secret\": \"secret\"", "7"}) {
    fake.answers["docker-credential-x get"] = {0, answer};
    const auto got = helper.Get("a.test");
    ASSERT_THAT(got, IsError(Code::kFailedPrecondition, "HELPER_FAILED")) << answer;
    EXPECT_THAT(got.error().message(), HasSubstr("docker-credential-x get"));
    EXPECT_THAT(got.error().message(), Not(HasSubstr("secret")));
  }
  for (const char* name : {"", "../evil", "a/b", ".hidden", "a b", "a;b", "x\n"}) {
    EXPECT_THAT(CredentialHelper::Make(name, fake.run()),
                IsError(Code::kInvalidArgument, "HELPER_NAME"));
  }
}

Environment EnvironmentOf(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
}

TEST(CredentialFiles, AreReadInOrder) {
  EXPECT_THAT(CredentialFiles(EnvironmentOf({{"HOME", "/home/me"}}), 7).value(),
              ElementsAre("/home/me/.docker/config.json", "/run/containers/7/auth.json",
                          "/home/me/.config/containers/auth.json"));
  EXPECT_THAT(
      CredentialFiles(EnvironmentOf({{"HOME", "/home/me"},
                                     {"DOCKER_CONFIG", "/d"},
                                     {"XDG_RUNTIME_DIR", "/run/user/7"},
                                     {"XDG_CONFIG_HOME", "/c"}}),
                      7)
          .value(),
      ElementsAre("/d/config.json", "/run/user/7/containers/auth.json", "/c/containers/auth.json"));
  EXPECT_THAT(
      CredentialFiles(EnvironmentOf({{"HOME", "/home/me"}, {"REGISTRY_AUTH_FILE", "/a"}}), 7)
          .value(),
      ElementsAre("/a"));
  EXPECT_THAT(CredentialFiles(EnvironmentOf({}), 7),
              IsError(Code::kFailedPrecondition, "HOME_MISSING"));
  EXPECT_THAT(CredentialFiles(EnvironmentOf({{"REGISTRY_AUTH_FILE", "a"}}), 7),
              IsError(Code::kInvalidArgument, "PATH_INVALID"));
}

class CredentialStoreTest : public ::testing::Test {
 protected:
  CredentialStore Store() { return {PosixFileSystem(), {first_, second_}, fake_.run()}; }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  static Json Read(const std::string& path) {
    std::ifstream file(path);
    return Json::parse(file);
  }
  static int ModeOf(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }

  TemporaryFolder folder_;
  const std::string first_ = folder_.path() + "/docker/config.json";
  const std::string second_ = folder_.path() + "/auth.json";
  FakeHelper fake_;
};

TEST_F(CredentialStoreTest, AFileThatIsNotThereIsMadePrivate) {
  CredentialStore store = Store();
  EXPECT_EQ(store.Find("a.test", "x").value(), std::nullopt);
  const auto place = store.Store("a.test", {.user = "u", .password = "p"}).value();
  EXPECT_EQ(place.file, first_);
  EXPECT_EQ(place.helper, "");
  EXPECT_EQ(ModeOf(first_), 0600);
  EXPECT_EQ(store.Find("a.test", "x").value(), (Credentials{.user = "u", .password = "p"}));
  EXPECT_TRUE(store.Remove("a.test").value().was_there);
  EXPECT_FALSE(store.Remove("a.test").value().was_there);
  EXPECT_EQ(store.Find("a.test", "x").value(), std::nullopt);
}

TEST_F(CredentialStoreTest, TheFirstFileThatKnowsTheHostCounts) {
  CredentialStore store = Store();
  Write(second_, R"({"auths": {"a.test": {"auth": "dTpzZWNvbmQ="}}})");
  EXPECT_EQ(store.Find("a.test", "x").value()->password, "second");
  ASSERT_THAT(store.Store("a.test", {.user = "u", .password = "first"}), IsOk());
  EXPECT_EQ(store.Find("a.test", "x").value()->password, "first");
  const auto removed = store.Remove("a.test").value();
  EXPECT_TRUE(removed.was_there);
  EXPECT_THAT(removed.others, ElementsAre(second_));
}

TEST_F(CredentialStoreTest, ALinkIsFollowedAndAnOpenFileClosed) {
  const std::string target = folder_.path() + "/dotfiles.json";
  Write(target, R"({"auths": {}, "credsStore": "", "mine": [1, 2]})");
  ::chmod(target.c_str(), 0644);
  std::filesystem::create_directories(folder_.path() + "/docker");
  std::filesystem::create_symlink(target, first_);
  ASSERT_THAT(Store().Store("a.test", {.user = "u", .password = "p"}), IsOk());
  EXPECT_TRUE(std::filesystem::is_symlink(first_));
  EXPECT_EQ(ModeOf(target), 0600);
  EXPECT_EQ(Read(target)["mine"], Json({1, 2}));
}

TEST_F(CredentialStoreTest, AHelperKeepsWhatItIsConfiguredFor) {
  CredentialStore store = Store();
  std::filesystem::create_directories(folder_.path() + "/docker");
  Write(first_, R"({"credsStore": "x", "auths": {"b.test": {"auth": "dTpw"}}})");
  fake_.answers = {{"docker-credential-x store", {0, ""}},
                   {"docker-credential-x get", {1, "credentials not found"}},
                   {"docker-credential-x erase", {0, ""}}};
  const auto place = store.Store("a.test", {.user = "u", .password = "p"}).value();
  EXPECT_EQ(place.helper, "docker-credential-x");
  EXPECT_EQ(Read(first_)["auths"]["a.test"], Json::object()) << "no secret in the file";
  EXPECT_EQ(store.Find("b.test", "x").value()->password, "p") << "from before the helper";
  fake_.answers["docker-credential-x get"] = {3, "locked"};
  const auto failed = store.Find("a.test", "x");
  ASSERT_THAT(failed, IsError(Code::kFailedPrecondition, "HELPER_FAILED"));
  EXPECT_THAT(failed.error().message(), HasSubstr(first_ + ": docker-credential-x get"));
  const auto removed = store.Remove("a.test").value();
  EXPECT_TRUE(removed.was_there);
  EXPECT_FALSE(Read(first_)["auths"].contains("a.test"));
}

TEST_F(CredentialStoreTest, ABrokenFileIsNamedAndNotReplaced) {
  CredentialStore store = Store();
  std::filesystem::create_directories(folder_.path() + "/docker");
  Write(first_, "{\"auths\": ");
  EXPECT_THAT(store.Find("a.test", "x").error().message(), HasSubstr(first_));
  EXPECT_FALSE(store.Store("a.test", {.user = "u", .password = "p"}).has_value());
  std::ifstream file(first_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "{\"auths\": ");
}

// A real program on PATH.
class RunHelperTest : public ::testing::Test {
 protected:
  // NOLINTBEGIN(concurrency-mt-unsafe): there are no other threads
  void SetUp() override {
    path_ = std::getenv("PATH");
    ::setenv("PATH", (folder_.path() + ":relative::" + path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }
  // NOLINTEND(concurrency-mt-unsafe)

  void Program(const std::string& script) {
    const std::string path = folder_.path() + "/docker-credential-test";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    ::chmod(path.c_str(), 0755);
  }

  static Result<HelperResult> Run(const std::string& program, const std::string& verb,
                                  const std::string& input) {
    return MakeRunHelper()(program, verb, input);
  }

  TemporaryFolder folder_;
  std::string path_;
};

TEST_F(RunHelperTest, OneThatDoesNotEndIsEnded) {
  for (const char* script : {"exec sleep 600\n", "exec >&-; exec sleep 600\n"}) {
    Program(script);
    EXPECT_THAT(MakeRunHelper(std::chrono::milliseconds(50))("docker-credential-test", "get", "a"),
                IsError(Code::kDeadlineExceeded, "HELPER_TIMEOUT"));
  }
}

TEST_F(RunHelperTest, PassesVerbAndInputAndTakesTheOutput) {
  Program("echo \"$1:$#\"; cat; exit 3\n");
  const auto result = Run("docker-credential-test", "get", "a'$(x)\"b\n");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_status, 3);
  EXPECT_EQ(result->output, "get:1\na'$(x)\"b\n");
}

TEST_F(RunHelperTest, OneThatDoesNotReadItsInputIsFine) {
  Program("exit 0\n");
  const auto result = Run("docker-credential-test", "store", std::string(30'000, 'x'));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_status, 0);
}

TEST_F(RunHelperTest, TooMuchOutputIsRefused) {
  Program("yes\n");
  EXPECT_THAT(Run("docker-credential-test", "get", "a"),
              IsError(Code::kFailedPrecondition, "HELPER_FAILED"));
}

TEST_F(RunHelperTest, AMissingProgramIsNamed) {
  const auto result = Run("docker-credential-none", "get", "a");
  ASSERT_THAT(result, IsError(Code::kFailedPrecondition, "HELPER_MISSING"));
  EXPECT_THAT(result.error().message(), HasSubstr("docker-credential-none"));
}

}  // namespace
}  // namespace slipway::oci
