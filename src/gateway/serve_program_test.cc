#include "gateway/serve_program.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/random.h"
#include "gateway/testing/plane_fixture.h"
#include "runtime/site_folder.h"

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::string_view kModel =
    R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,4]}],
        "outputs":[{"name":"y","datatype":"FP32","shape":[1,4]}]})";

class ServeProgramTest : public ::testing::Test {
 public:
  ServeProgramTest() { fs::create_directories(folder_); }
  ~ServeProgramTest() override {
    Stop();
    cores_.Stop();
    fs::remove_all(folder_);
  }

 protected:
  std::string Write(const std::string& name, std::string_view content) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
    return (folder_ / name).native();
  }
  Result<void> Start(ServeOptions options) {
    auto listener = net::Listener::Open("127.0.0.1", 0).value();
    port_ = listener.port();
    options.listeners.push_back({"rest", std::move(listener)});
    TRY(program, ServeProgram::Start(cores_, std::move(options)));
    program_ = std::move(program);
    return {};
  }
  Result<void> StartAlone(const std::string& path, const std::string& name = "") {
    return Start({.stand_alone = StandAloneOptions{.path = path, .name = name}});
  }
  Result<void> StartRepository() {
    return Start({.stand_alone = StandAloneOptions{
                      .path = folder_.native(), .is_repository = true, .allow_control = true}});
  }
  // The status of a load or an unload.
  int Control(const std::string& model, const std::string& verb, const std::string& body = "",
              const std::string& headers = "") {
    HttpCaller caller(port_);
    return caller.Post("/v2/repository/models/" + model + "/" + verb, body, headers)->status;
  }
  Json Index() {
    HttpCaller caller(port_);
    return *ParseJson(caller.Post("/v2/repository/index", "")->body);
  }
  // "READY", "UNAVAILABLE: reason"; "known" where the index has nothing but the name.
  static std::string StateOf(const Json& index, const std::string& name,
                             const std::string& version) {
    for (const Json& entry : index) {
      if (entry["name"] != name || entry.value("version", "") != version) continue;
      const std::string reason = entry.value("reason", "");
      return entry.value("state", "known") + (reason.empty() ? "" : ": " + reason);
    }
    return "";
  }
  void Stop() {
    if (program_ == nullptr) return;
    asio::co_spawn(cores_.context(0), program_->Stop(std::chrono::milliseconds(1000)),
                   asio::use_future)
        .get();
    program_.reset();
  }
  int Infer(const std::string& model) {
    HttpCaller caller(port_);
    return caller.Post("/v2/models/" + model + "/infer", kFourFloats)->status;
  }
  // Becomes `status` within the patience of WaitFor.
  bool Answers(const std::string& model, int status) {
    return PlaneFixture::WaitFor([&] { return Infer(model) == status; });
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("serve-" + RandomHexId(SystemRandom()).substr(0, 8));
  CorePool cores_{2};
  uint16_t port_ = 0;
  std::unique_ptr<ServeProgram> program_;
};

TEST_F(ServeProgramTest, ServesAFile) {
  ASSERT_TRUE(StartAlone(Write("fraud.fake.json", kModel)).has_value());
  EXPECT_TRUE(Answers("fraud", 200));
}

TEST_F(ServeProgramTest, ServesAFolderUnderItsNameOrAnother) {
  Write("fraud/model.fake.json", kModel);
  Write("fraud/notes.txt", "not a model");
  ASSERT_TRUE(StartAlone((folder_ / "fraud").native()).has_value());
  EXPECT_TRUE(Answers("fraud", 200));
  Stop();
  ASSERT_TRUE(StartAlone((folder_ / "fraud").native(), "Other_Name.1").has_value());
  EXPECT_TRUE(Answers("Other_Name.1", 200));
  EXPECT_EQ(Infer("fraud"), 404);
}

TEST_F(ServeProgramTest, SaysWhatIsWrongWithAPath) {
  EXPECT_THAT(StartAlone("/nowhere/at/all").error().message(), HasSubstr("/nowhere/at/all"));
  EXPECT_EQ(StartAlone(Write("a.txt", "x")).error().reason(), "MODEL_FILE");
  EXPECT_EQ(StartAlone(folder_.native()).error().reason(), "MODEL_FILE");
  Write("one.fake.json", kModel);
  Write("two.fake.json", kModel);
  const Error several = StartAlone(folder_.native(), "name").error();
  EXPECT_EQ(several.reason(), "MODEL_AMBIGUOUS");
  EXPECT_THAT(several.message(), HasSubstr("'one' and 'two'"));
  EXPECT_EQ(StartAlone((folder_ / "one.fake.json").native(), "a/b").error().reason(),
            "NAME_INVALID");
}

TEST_F(ServeProgramTest, ServesTheModelsOfAFolderAndTellsOfThoseThatFail) {
  Write("fraud/1/model.fake.json", kModel);
  Write("fraud/2/model.fake.json", kModel);
  Write("bad/1/model.fake.json", R"({"inputs":[]})");
  Write("other.fake.json", kModel);
  ASSERT_TRUE(StartAlone(folder_.native()).has_value());
  EXPECT_EQ(Infer("fraud"), 200);
  EXPECT_EQ(Infer("other"), 200);
  EXPECT_EQ(Infer("bad"), 404);
  const Json index = Index();
  EXPECT_EQ(StateOf(index, "fraud", "2"), "READY");
  EXPECT_EQ(StateOf(index, "fraud", "1"), "");
  EXPECT_EQ(StateOf(index, "other", "1"), "READY");
  EXPECT_THAT(StateOf(index, "bad", "1"), HasSubstr("UNAVAILABLE: "));
}

TEST_F(ServeProgramTest, AFolderWhereNoModelLoadsEndsIt) {
  Write("bad/1/model.fake.json", R"({"inputs":[]})");
  Write("worse/1/model.fake.json", R"({"inputs":[]})");
  EXPECT_EQ(StartAlone(folder_.native()).error().reason(), "MODEL_FAILED");
  // As a repository it may be filled later.
  ASSERT_TRUE(StartRepository().has_value());
  EXPECT_EQ(Infer("bad"), 404);
}

TEST_F(ServeProgramTest, LoadsAndUnloadsWhereThatIsAllowed) {
  Write("a/1/model.fake.json", kModel);
  ASSERT_TRUE(StartRepository().has_value());
  EXPECT_EQ(Control("a", "unload"), 200);
  EXPECT_EQ(Infer("a"), 404);
  EXPECT_EQ(StateOf(Index(), "a", "1"), "UNAVAILABLE: unloaded");
  EXPECT_EQ(Control("nope", "unload"), 200);
  EXPECT_EQ(Control("nope", "load"), 400);
  EXPECT_EQ(Control("a", "load"), 200);
  EXPECT_EQ(Infer("a"), 200);
  Write("b/3/model.fake.json", kModel);
  EXPECT_EQ(StateOf(Index(), "b", ""), "known");
  EXPECT_EQ(Control("b", "load"), 200);
  EXPECT_EQ(StateOf(Index(), "b", "3"), "READY");
  EXPECT_EQ(StateOf(Index(), "nope", ""), "");
}

TEST_F(ServeProgramTest, ALoadThatFailsLeavesWhatServed) {
  Write("a/1/model.fake.json", kModel);
  ASSERT_TRUE(StartRepository().has_value());
  Write("a/1/model.fake.json", R"({"inputs":[]})");
  EXPECT_EQ(Control("a", "load"), 400);
  EXPECT_EQ(Infer("a"), 200);
  EXPECT_EQ(StateOf(Index(), "a", "1"), "READY");
  // A new version that fails beside an old one that is good.
  Write("a/1/model.fake.json", kModel);
  Write("a/2/model.fake.json", R"({"inputs":[]})");
  EXPECT_EQ(Control("a", "load"), 400);
  EXPECT_EQ(Infer("a"), 200);
  EXPECT_EQ(Infer("a/versions/2"), 404);
  Write("a/2/model.fake.json", kModel);
  EXPECT_EQ(Control("a", "load"), 200);
  EXPECT_EQ(Infer("a/versions/2"), 200);
  EXPECT_EQ(Infer("a/versions/1"), 404);
}

TEST_F(ServeProgramTest, AModelServesOnWhileItIsLoadedAnew) {
  Write("a/1/model.fake.json", kModel);
  ASSERT_TRUE(StartRepository().has_value());
  const std::string slow(kModel.substr(0, kModel.size() - 1));
  Write("a/1/model.fake.json", slow + R"(,"loadDelayUs":300000})");
  std::atomic<int> status{0};
  std::jthread loader([&] { status = Control("a", "load"); });
  while (status == 0) ASSERT_EQ(Infer("a"), 200);
  EXPECT_EQ(status, 200);
  EXPECT_EQ(Infer("a"), 200);
}

TEST_F(ServeProgramTest, ALoadMayBringConfigurationAndFiles) {
  ASSERT_TRUE(StartRepository().has_value());
  const std::string model = Base64(kModel);
  const auto body = [&](const std::string& path, const std::string& config) {
    Json parameters = {{"file:" + path, model}};
    if (!config.empty()) parameters["config"] = config;
    return DumpJson({{"parameters", parameters}});
  };
  EXPECT_EQ(Control("sent", "load", body("1/model.fake.json", "")), 400);
  EXPECT_EQ(Control("sent", "load", body("../1/model.fake.json", "{}")), 400);
  EXPECT_EQ(Control("sent", "load", body("/1/model.fake.json", "{}")), 400);
  EXPECT_EQ(Control("sent", "load", body("1/model.fake.json", R"({"nope":1})")), 400);
  EXPECT_EQ(Control("sent", "load", R"({"parameters":{"file:1/a.onnx":"%"}})"), 400);
  EXPECT_EQ(Control("sent", "load", "{"), 400);
  EXPECT_EQ(Control("sent", "load", body("7/model.fake.json", R"({"maxBatchSize":4})")), 400);
  EXPECT_EQ(Control("sent", "load", body("7/model.fake.json", R"({"parameters":
      {"a":{"string_value":"b"}}})")),
            200);
  EXPECT_EQ(Infer("sent/versions/7"), 200);
  HttpCaller caller(port_);
  const Json config = *ParseJson(caller.Get("/v2/models/sent/config")->body);
  EXPECT_EQ(config["parameters"]["a"]["string_value"], "b");
  EXPECT_EQ(Control("sent", "unload"), 200);
  EXPECT_EQ(Infer("sent"), 404);
}

TEST_F(ServeProgramTest, NobodyLoadsWhereItIsNotAllowed) {
  ASSERT_TRUE(StartAlone(Write("a.fake.json", kModel)).has_value());
  EXPECT_EQ(Control("a", "unload"), 403);
  EXPECT_EQ(Infer("a"), 200);
  Stop();
  ASSERT_TRUE(Start({.stand_alone = StandAloneOptions{.path = (folder_ / "a.fake.json").native(),
                                                      .token = "secret"}})
                  .has_value());
  EXPECT_EQ(Control("a", "unload"), 401);
  EXPECT_EQ(Control("a", "unload", "", "Authorization: Bearer wrong\r\n"), 401);
  EXPECT_EQ(Control("a", "unload", "", "Authorization: Bearer secret\r\n"), 200);
}

TEST_F(ServeProgramTest, AModelThatDoesNotLoadEndsIt) {
  const std::string path = Write("bad.fake.json", R"({"inputs":[]})");
  const Result<void> started = StartAlone(path);
  ASSERT_TRUE(started.has_error());
  EXPECT_FALSE(started.error().message().empty());
}

TEST_F(ServeProgramTest, AcceptsWhenItsModelsAreLoaded) {
  const std::string slow(kModel.substr(0, kModel.size() - 1));
  Write("model/model.fake.json", slow + R"(,"loadDelayUs":200000})");
  runtime::ServingConfig config{.generation = 1};
  config.services.push_back({.project = "default", .name = "fraud", .access = "anonymous"});
  config.services[0].revisions.push_back({.number = 1,
                                          .uid = "u1",
                                          .format = "fake",
                                          .path = (folder_ / "model").native(),
                                          .model_file = "model.fake.json",
                                          .digest = Digest::Of("x").text()});
  ASSERT_TRUE(
      runtime::WriteServingConfig(PosixFileSystem(), runtime::ServingPath(folder_.native()), config)
          .has_value());
  ASSERT_TRUE(Start({.site_folder = folder_.native()}).has_value());
  EXPECT_EQ(Infer("fraud"), 200);
}

TEST_F(ServeProgramTest, TheWaitForModelsCanBeInterrupted) {
  const std::string slow(kModel.substr(0, kModel.size() - 1));
  Write("slow.fake.json", slow + R"(,"loadDelayUs":1000000})");
  const auto begin = std::chrono::steady_clock::now();
  const Result<void> started =
      Start({.stand_alone = StandAloneOptions{.path = (folder_ / "slow.fake.json").native()},
             .interrupted = [] { return true; }});
  ASSERT_TRUE(started.has_error());
  EXPECT_EQ(started.error().reason(), "INTERRUPTED");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(ServeProgramTest, FollowsServingJsonAndItsAgent) {
  Write("model/model.fake.json", kModel);
  std::atomic<int64_t> drain_ms{-1};
  ASSERT_TRUE(Start({.site_folder = folder_.native(),
                     .stop_requested = [&](auto drain) { drain_ms = drain.count(); }})
                  .has_value());
  // Without serving.json it waits for one.
  EXPECT_EQ(Infer("fraud"), 404);

  runtime::ServingConfig config{.generation = 5};
  config.services.push_back({.project = "default", .name = "fraud", .access = "anonymous"});
  config.services[0].revisions.push_back({.number = 3,
                                          .uid = "u3",
                                          .format = "fake",
                                          .path = (folder_ / "model").native(),
                                          .model_file = "model.fake.json",
                                          .digest = Digest::Of("x").text()});
  ASSERT_TRUE(
      runtime::WriteServingConfig(PosixFileSystem(), runtime::ServingPath(folder_.native()), config)
          .has_value());
  auto agent = runtime::ServingChannel::Connect(runtime::SocketPath(folder_.native()));
  ASSERT_TRUE(agent.has_value()) << agent.error().ToString();
  ASSERT_TRUE((*agent)->Send(R"({"type":"reload"})").has_value());
  std::string phase;
  while (phase != "Ready") {
    auto message = (*agent)->Receive(10'000);
    ASSERT_TRUE(message.has_value()) << message.error().ToString();
    const Json json = *ParseJson(message->json);
    if (json["generation"] == 5) phase = json["revisions"][0]["phase"];
  }
  EXPECT_EQ(Infer("fraud"), 200);

  // A file that is broken changes nothing, and neither does an agent that dies.
  Write("serving.json", "{");
  ASSERT_TRUE((*agent)->Send(R"({"type":"reload"})").has_value());
  agent->reset();
  EXPECT_EQ(Infer("fraud"), 200);
  agent = runtime::ServingChannel::Connect(runtime::SocketPath(folder_.native()));
  ASSERT_TRUE((*agent)->Send(R"({"type":"stop","drainMs":250})").has_value());
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return drain_ms == 250; }));
  EXPECT_EQ(Infer("fraud"), 200);
}

// Beside a predecessor, until `let_go` makes it take the place; then it answers.
class HeldTest : public ServeProgramTest {
 protected:
  void TearDown() override {
    Unset(runtime::kPredecessorVariable);
    Unset(runtime::kListenWaitVariable);
    ServeProgramTest::TearDown();
  }
  // Of the environment, which no other thread changes here.
  static void Set(const char* name, const std::string& value) {
    setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  static void Unset(const char* name) {
    unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  }

  void ExpectHeldUntil(int64_t predecessor, const std::function<void()>& let_go) {
    Set(runtime::kPredecessorVariable, std::to_string(predecessor));
    Set(runtime::kListenWaitVariable, "0");
    std::atomic<bool> started{false};
    std::thread starter([&] {
      EXPECT_TRUE(Start({.site_folder = folder_.native()}).has_value());
      started = true;
    });
    const std::string next = runtime::NextSocketPath(folder_.native());
    EXPECT_TRUE(PlaneFixture::WaitFor([&] { return fs::exists(next); }));
    auto agent = runtime::ServingChannel::Connect(next);
    EXPECT_TRUE(agent.has_value());
    EXPECT_EQ((*ParseJson((*agent)->Receive(10'000)->json))["held"], true);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_FALSE(started);
    let_go();
    starter.join();
    EXPECT_EQ(Infer("nobody"), 404);
    EXPECT_FALSE(fs::exists(next));
    agent = runtime::ServingChannel::Connect(runtime::SocketPath(folder_.native()));
    ASSERT_TRUE(agent.has_value());
    EXPECT_EQ((*ParseJson((*agent)->Receive(10'000)->json))["held"], false);
  }
};

TEST_F(HeldTest, UntilAnAgentSaysSo) {
  ExpectHeldUntil(getpid(), [&] {
    auto agent = runtime::ServingChannel::Connect(runtime::NextSocketPath(folder_.native()));
    ASSERT_TRUE(agent.has_value());
    // One that is gone before its first word is not heard.
    EXPECT_TRUE((*agent)->Receive(10'000).has_value());
    EXPECT_TRUE((*agent)->Send(R"({"type":"listen"})").has_value());
  });
}

TEST_F(HeldTest, UntilThePredecessorHasEnded) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  ExpectHeldUntil(child, [child] {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  });
}

TEST_F(ServeProgramTest, ABrokenServingJsonKeepsItFromStarting) {
  Write("serving.json", "{");
  const Result<void> started = Start({.site_folder = folder_.native()});
  ASSERT_TRUE(started.has_error());
  EXPECT_EQ(started.error().reason(), "SERVING_CONFIG_INVALID");
}

}  // namespace
}  // namespace slipway::gateway
