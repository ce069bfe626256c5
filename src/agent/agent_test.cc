// The agent against a fake control centre, driver and serve.
#include "agent/agent.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "agent/testing/agent_fixture.h"
#include "engine/blame_page.h"
#include "runtime/site_folder.h"

namespace slipway::agent {
namespace {

using std::chrono::milliseconds;

class AgentTest : public AgentFixture {
 protected:
  // A new process: the old agent is gone, serve goes on.
  void Restart() {
    Stop(StopMode::kKeepServing);
    site_.NewAgent();
    Start();
  }
  void ExpectLoaded(const std::vector<int64_t>& numbers) {
    EXPECT_TRUE(TestSite::Eventually([&] { return site_.serve().loaded() == numbers; }));
  }
};

TEST_F(AgentTest, StartOpensTheSocketsAndStartsServe) {
  Start();
  AgentView view = site_.agent().View();
  ASSERT_EQ(view.endpoints.size(), 2U);
  EXPECT_EQ(view.endpoints[0].name, "rest");
  EXPECT_EQ(view.endpoints[0].address, "127.0.0.1");
  EXPECT_GT(view.endpoints[0].port, 0);
  EXPECT_FALSE(view.endpoints[0].tls);
  EXPECT_NE(view.serve_pid, 0);
  auto workloads = site_.driver.workloads();
  ASSERT_EQ(workloads.size(), 1U);
  const runtime::WorkloadSpec& spec = workloads.begin()->second.spec;
  EXPECT_EQ(spec.program, "/fake/slipway");
  EXPECT_EQ(spec.arguments,
            (std::vector<std::string>{"serve", "--site-folder", site_.options.serve.folder}));
  EXPECT_EQ(spec.log_path, site_.options.serve.folder + "/logs/serve.log");
  EXPECT_TRUE(TestSite::Eventually([&] { return site_.agent().View().serve_up; }));
}

TEST_F(AgentTest, DesiredRevisionIsFetchedUnpackedLoadedAndReported) {
  model::Package package = site_.Offer(kModelA);
  site_.Want({site_.Revision(1, package.manifest_digest)});
  Start();
  ExpectPhase(1, "Ready");
  runtime::ServingConfig config = site_.Serving();
  ASSERT_EQ(config.services.size(), 1U);
  ASSERT_EQ(config.services[0].revisions.size(), 1U);
  const auto& revision = config.services[0].revisions[0];
  EXPECT_EQ(revision.format, "onnx");
  EXPECT_TRUE(*PosixFileSystem().Exists(revision.path + "/" + revision.model_file));
  EXPECT_EQ(site_.ReportOf(1).load_ms, 1);
  runtime::SiteReport report = site_.link.last_report();
  EXPECT_EQ(report.serving_generation, config.generation);
  EXPECT_EQ(report.site, "local");
  EXPECT_EQ(report.message, "");
}

// A revision of a Python program with two models.
class ProgramTest : public AgentTest {
 protected:
  ProgramTest() {
    std::filesystem::create_directories(code_);
    std::ofstream(code_ + "/predictor.py") << "INPUTS = []\n";
  }
  runtime::DesiredRevision Wanted(const Digest& code, const Digest& one, const Digest& two) {
    runtime::DesiredRevision revision = site_.Revision(1, one);
    revision.mounts = {{"one", "default/one", one.text()}, {"two", "other/two", two.text()}};
    revision.program = runtime::DesiredProgram{
        .kind = "python", .package = runtime::DesiredPackage{"", "default/code", code.text()}};
    return revision;
  }

  const std::string code_ = site_.folder / "code";
};

TEST_F(ProgramTest, ComesWithAllItsModels) {
  const Digest code = site_.Offer(code_).manifest_digest;
  const Digest one = site_.Offer(kModelA).manifest_digest;
  const Digest two = site_.Offer(kModelB).manifest_digest;
  site_.Want({Wanted(code, one, two)});
  Start();
  ExpectPhase(1, "Ready");
  const runtime::ServingConfig config = site_.Serving();
  const runtime::ServingRevision& revision = config.services.at(0).revisions.at(0);
  EXPECT_EQ(revision.format, "python");
  EXPECT_EQ(revision.model_file, "predictor.py");
  EXPECT_EQ(revision.digest, code.text());
  ASSERT_TRUE(revision.program.has_value());
  EXPECT_EQ(revision.program->path, revision.path);
  ASSERT_EQ(revision.mounts.size(), 2U);
  EXPECT_EQ(revision.mounts[0].mount_as, "one");
  EXPECT_TRUE(*PosixFileSystem().Exists(revision.path + "/predictor.py"));
  EXPECT_TRUE(*PosixFileSystem().Exists(revision.mounts[0].path + "/linear_a.onnx"));
  EXPECT_TRUE(*PosixFileSystem().Exists(revision.mounts[1].path + "/linear_b.onnx"));
}

TEST_F(ProgramTest, IsNotServedBeforeItsLastModelIsThere) {
  const Digest code = site_.Offer(code_).manifest_digest;
  const Digest one = site_.Offer(kModelA).manifest_digest;
  const auto two = model::PackageModel(PosixFileSystem(), kModelB);
  site_.Want({Wanted(code, one, two->manifest_digest)});
  Start();
  EXPECT_TRUE(TestSite::Eventually([&] { return !site_.ReportOf(1).reason.empty(); }));
  EXPECT_EQ(site_.Phase(1), "Fetching");
  EXPECT_TRUE(site_.Serving().services.at(0).revisions.empty());
  site_.Offer(kModelB);
  ExpectPhase(1, "Ready");
}

TEST_F(ProgramTest, ACommandNeedsNoModelAmongItsFiles) {
  const std::string several = site_.folder / "several";
  std::filesystem::create_directories(several);
  std::filesystem::copy(kModelA, several + "/a.onnx");
  std::filesystem::copy(kModelB, several + "/b.onnx");
  const Digest two = site_.Offer(several).manifest_digest;
  std::filesystem::remove(code_ + "/predictor.py");
  std::ofstream(code_ + "/serve") << "#!/bin/sh\n";
  runtime::DesiredRevision wanted = Wanted(site_.Offer(code_).manifest_digest, two, two);
  wanted.program->kind = "http";
  wanted.program->command = {"{program}/serve"};
  wanted.program->ready_path = "/ready";
  site_.Want({wanted});
  Start();
  ExpectPhase(1, "Ready");
  const runtime::ServingConfig config = site_.Serving();
  const runtime::ServingRevision& revision = config.services.at(0).revisions.at(0);
  EXPECT_EQ(revision.format, "http");
  EXPECT_EQ(revision.model_file, "");
  EXPECT_EQ(revision.program->command, std::vector<std::string>{"{program}/serve"});
  EXPECT_EQ(revision.program->ready_path, "/ready");
  EXPECT_TRUE(*PosixFileSystem().Exists(revision.mounts[1].path + "/b.onnx"));
}

TEST_F(ProgramTest, OfPythonWithoutItsFileFails) {
  std::filesystem::remove(code_ + "/predictor.py");
  std::ofstream(code_ + "/serve.py") << "print(1)\n";
  const Digest one = site_.Offer(kModelA).manifest_digest;
  site_.Want({Wanted(site_.Offer(code_).manifest_digest, one, one)});
  Start();
  ExpectPhase(1, "Failed");
  EXPECT_EQ(site_.ReportOf(1).reason, "PROGRAM_INVALID");
}

TEST_F(ProgramTest, NobodyStartsImages) {
  const Digest one = site_.Offer(kModelA).manifest_digest;
  runtime::DesiredRevision wanted = Wanted(one, one, one);
  wanted.program = runtime::DesiredProgram{.kind = "v2", .image = "images.example/serve:1"};
  site_.Want({wanted});
  Start();
  ExpectPhase(1, "Failed");
  EXPECT_EQ(site_.ReportOf(1).reason, "IMAGE_NOT_STARTED");
  EXPECT_NE(site_.ReportOf(1).message.find("images.example/serve:1"), std::string::npos);
}

TEST_F(AgentTest, UpgradeKeepsTheOldUntilItIsNotDesired) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  Digest b = site_.Offer(kModelB).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  site_.Want({site_.Revision(1, a), site_.Revision(2, b)});
  ExpectPhase(2, "Ready");
  EXPECT_EQ(site_.Phase(1), "Ready");
  ExpectLoaded({1, 2});
  site_.Want({site_.Revision(2, b)});
  ExpectLoaded({2});
}

TEST_F(AgentTest, RefusedModelIsReportedWithItsReason) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  site_.serve_options.phases["uid-1"] = "Failed";
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Failed");
  EXPECT_EQ(site_.ReportOf(1).reason, "MODEL_INVALID");
  EXPECT_EQ(site_.ReportOf(1).message, "The model cannot be loaded.");
}

TEST_F(AgentTest, ContentWithOtherBytesFailsAndIsNeverServed) {
  model::Package package = site_.Offer(kModelA);
  site_.link.Offer(package.files[0].digest, std::string(package.files[0].size_bytes, 'x'));
  site_.Want({site_.Revision(1, package.manifest_digest)});
  Start();
  ExpectPhase(1, "Failed");
  EXPECT_EQ(site_.ReportOf(1).reason, "DIGEST_MISMATCH");
  EXPECT_FALSE(site_.objects->Info(package.files[0].digest).has_value());
  EXPECT_TRUE(site_.Serving().services.at(0).revisions.empty());
}

TEST_F(AgentTest, ManifestWithOtherBytesFails) {
  model::Package package = site_.Offer(kModelA);
  site_.link.Offer(package.manifest_digest, "{}");
  site_.Want({site_.Revision(1, package.manifest_digest)});
  Start();
  ExpectPhase(1, "Failed");
  EXPECT_EQ(site_.ReportOf(1).reason, "DIGEST_MISMATCH");
}

TEST_F(AgentTest, ContentThatIsTooLongIsCutOff) {
  model::Package package = site_.Offer(kModelA);
  site_.link.Offer(package.files[0].digest, std::string(package.files[0].size_bytes + 1, 'x'));
  site_.Want({site_.Revision(1, package.manifest_digest)});
  Start();
  ExpectPhase(1, "Failed");
  EXPECT_NE(site_.ReportOf(1).message.find("longer"), std::string::npos);
}

TEST_F(AgentTest, FetchThatFailsForAWhileIsTriedAgain) {
  model::Package package = site_.Offer(kModelA);
  site_.link.FailFetches(Unavailable("CONNECT_FAILED", "the control centre does not answer"));
  site_.Want({site_.Revision(1, package.manifest_digest)});
  Start();
  EXPECT_TRUE(TestSite::Eventually([&] {
    return site_.Phase(1) == "Fetching" && site_.ReportOf(1).reason == "CONNECT_FAILED";
  }));
  site_.link.FailFetches(std::nullopt);
  ExpectPhase(1, "Ready");
}

TEST_F(AgentTest, ContentThatIsMissingForAWhileIsWaitedFor) {
  model::Package package = site_.Offer(kModelA);
  site_.link.FailFetches(NotFound("BLOB_UNKNOWN", "there is no such content"));
  site_.Want({site_.Revision(1, package.manifest_digest)});
  Start();
  EXPECT_TRUE(TestSite::Eventually(
      [&] { return site_.Phase(1) == "Fetching" && site_.ReportOf(1).reason == "BLOB_UNKNOWN"; }));
  site_.link.FailFetches(DataLoss("CONTENT_DAMAGED", "it is not what it was"));
  EXPECT_TRUE(TestSite::Eventually([&] {
    return site_.Phase(1) == "Fetching" && site_.ReportOf(1).reason == "CONTENT_DAMAGED";
  }));
  site_.link.FailFetches(std::nullopt);
  ExpectPhase(1, "Ready");
}

TEST_F(AgentTest, CrashedServeIsStartedAgainWithinASecondOnTheSameSockets) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  auto endpoints = site_.agent().View().endpoints;
  auto begin = std::chrono::steady_clock::now();
  site_.driver.End(site_.NewestId(), {.by_signal = 11});
  EXPECT_TRUE(TestSite::Eventually(
      [&] { return site_.driver.workloads().size() == 2 && site_.agent().View().serve_up; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_EQ(site_.agent().View().endpoints[0].port, endpoints[0].port);
  ExpectPhase(1, "Ready");
  EXPECT_EQ(site_.driver.running().size(), 1U);
}

TEST_F(AgentTest, RevisionThatEndsServeWhileLoadingIsCondemnedAndTheOthersServe) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  Digest b = site_.Offer(kModelB).manifest_digest;
  site_.serve_options.phases["uid-2"] = "Loading";
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  site_.Want({site_.Revision(1, a), site_.Revision(2, b)});
  for (int crash = 0; crash < 2; ++crash) {
    ASSERT_TRUE(TestSite::Eventually([&] {
      return site_.agent().View().serve_up &&
             site_.serve().loaded() == (std::vector<int64_t>{1, 2}) &&
             site_.Phase(2) == "Loading" && site_.Phase(1) == "Ready";
    }));
    site_.driver.End(site_.NewestId(), {.by_signal = 11});
    ASSERT_TRUE(TestSite::Eventually(
        [&] { return site_.driver.workloads().size() == static_cast<size_t>(crash) + 2; }));
  }
  ExpectPhase(2, "Failed");
  EXPECT_EQ(site_.ReportOf(2).reason, "LOAD_CRASHED");
  ExpectLoaded({1});
  ExpectPhase(1, "Ready");
}

// As with a key that does not fit its certificate yet: serve exits before it says a word.
TEST_F(AgentTest, ServeThatCannotStartForAWhileCondemnsNobody) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  Digest b = site_.Offer(kModelB).manifest_digest;
  site_.Want({site_.Revision(1, a), site_.Revision(2, b)});
  Start();
  ExpectPhase(1, "Ready");
  ExpectPhase(2, "Ready");
  site_.serve_options.silent = true;
  site_.driver.End(site_.NewestId(), {.by_signal = 9});
  for (size_t start = 2; start < 8; ++start) {
    ASSERT_TRUE(TestSite::Eventually([&] { return site_.driver.workloads().size() == start; }));
    (void)site_.serve();  // once it is there, nobody reads the options
    site_.serve_options.silent = start < 7;
    site_.driver.End(site_.NewestId(), {.exit_code = 1});
  }
  ASSERT_TRUE(TestSite::Eventually([&] { return site_.agent().View().serve_up; }));
  ExpectLoaded({1, 2});
  ExpectPhase(1, "Ready");
  ExpectPhase(2, "Ready");
}

TEST_F(AgentTest, NewAgentAdoptsTheRunningServe) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  AgentView before = site_.agent().View();
  uint64_t generation = site_.Serving().generation;
  Restart();
  AgentView after = site_.agent().View();
  EXPECT_EQ(site_.driver.workloads().size(), 1U) << "no second serve was started";
  EXPECT_EQ(after.serve_pid, before.serve_pid);
  EXPECT_EQ(after.endpoints[0].port, before.endpoints[0].port);
  EXPECT_EQ(after.endpoints[1].port, before.endpoints[1].port);
  ExpectPhase(1, "Ready");
  EXPECT_EQ(site_.Serving().generation, generation) << "nothing changed, nothing is written";
  EXPECT_EQ(site_.serve().reloads(), 0) << "nothing changed, nothing is read again";
}

TEST_F(AgentTest, RestartNeverDropsWhatIsServed) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  Stop(StopMode::kKeepServing);
  // Neither the control centre nor the store have the content any more.
  site_.link.FailFetches(Unavailable("CONNECT_FAILED", "gone"));
  ASSERT_TRUE(site_.objects->Remove(a).has_value());
  site_.NewAgent();
  Start();
  site_.Want({site_.Revision(1, a)});
  ASSERT_TRUE(TestSite::Eventually([&] { return site_.link.fetches() > 3; }));
  EXPECT_EQ(site_.serve().loaded(), std::vector<int64_t>{1});
  EXPECT_EQ(site_.Phase(1), "Ready");
}

TEST_F(AgentTest, ServeWithOtherArgumentsEndsBeforeTheNextBegins) {
  site_.options.serve.arguments = {"--tls-cert", "/a.crt"};
  site_.NewAgent();
  Digest a = site_.Offer(kModelA).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  std::string first = site_.NewestId();
  AgentView before = site_.agent().View();
  Restart();
  EXPECT_EQ(site_.NewestId(), first) << "the same arguments: it is adopted";
  Stop(StopMode::kKeepServing);
  site_.options.serve.arguments = {"--tls-cert", "/b.crt"};
  site_.NewAgent();
  Start();
  EXPECT_EQ(site_.driver.running(), std::vector<std::string>{site_.NewestId()});
  EXPECT_NE(site_.NewestId(), first);
  EXPECT_TRUE(site_.serve(first).asked_to_stop()) << "in order, not killed";
  auto spec = site_.driver.workloads().at(site_.NewestId()).spec;
  EXPECT_EQ(spec.arguments.back(), "/b.crt");
  EXPECT_EQ(site_.agent().View().endpoints[0].port, before.endpoints[0].port);
  ExpectPhase(1, "Ready");
}

TEST_F(AgentTest, ServeIsToldOfARenewedCertificateAsSoonAsItCan) {
  Start();
  site_.agent().RenewCertificate();  // it may not listen yet
  EXPECT_TRUE(TestSite::Eventually([&] { return site_.serve().certificates() == 1; }));
  ASSERT_TRUE(TestSite::Eventually([&] { return site_.agent().View().serve_up; }));
  site_.agent().RenewCertificate();
  EXPECT_TRUE(TestSite::Eventually([&] { return site_.serve().certificates() == 2; }));
}

TEST_F(AgentTest, ServeThatDoesNotAnswerIsReplaced) {
  site_.serve_options.silent = true;
  Start();
  std::string old = site_.NewestId();
  Stop(StopMode::kKeepServing);
  site_.serve_options.silent = false;
  site_.NewAgent();
  Start();
  EXPECT_EQ(site_.driver.running(), std::vector<std::string>{site_.NewestId()});
  EXPECT_NE(site_.NewestId(), old);
}

class SilenceTest : public AgentTest {
 protected:
  // Revision 1 is served, by a data plane that may be silent for a second.
  void Serve(milliseconds end_after) {
    site_.options.serve.answer = {
        .limit = milliseconds(1000), .start_limit = milliseconds(1000), .end_after = end_after};
    site_.NewAgent();
    site_.Want({site_.Revision(1, site_.Offer(kModelA).manifest_digest)});
    Start();
    ExpectPhase(1, "Ready");
    ASSERT_TRUE(TestSite::Eventually([&] { return site_.agent().View().serve_up; }));
  }
  // Waits until the report says so of the site and of the revision.
  void ExpectSilence(const std::string& word) {
    EXPECT_TRUE(TestSite::Eventually([&] {
      runtime::SiteReport report = site_.link.last_report();
      return report.reason == "NOT_ANSWERING" && report.message.find(word) != std::string::npos &&
             site_.Phase(1) == "Unknown";
    })) << site_.link.last_report().message;
    EXPECT_EQ(site_.ReportOf(1).reason, "NOT_ANSWERING");
    EXPECT_EQ(site_.ReportOf(1).message, site_.link.last_report().message);
    EXPECT_FALSE(site_.agent().View().serve_up);
  }
  void ExpectWell() {
    ExpectPhase(1, "Ready");
    EXPECT_TRUE(TestSite::Eventually([&] { return site_.agent().View().serve_up; }));
    EXPECT_EQ(site_.link.last_report().reason, "");
    EXPECT_EQ(site_.link.last_report().message, "");
    EXPECT_EQ(site_.ReportOf(1).reason, "");
  }
};

TEST_F(SilenceTest, IsReportedAndEndsWithTheNextAnswer) {
  Serve(milliseconds(0));
  int64_t pid = site_.agent().View().serve_pid;
  for (int i = 0; i < 2; ++i) {
    site_.serve().SetMute(true);
    ExpectSilence("has not answered for 1 s");
    EXPECT_NE(site_.link.last_report().serve_pid, 0);
    site_.serve().SetMute(false);
    ExpectWell();
  }
  EXPECT_EQ(site_.agent().View().serve_pid, pid) << "nothing was started anew";
}

TEST_F(SilenceTest, OfOneCoreIsEnough) {
  Serve(milliseconds(0));
  site_.serve().SetSilentCores({3});
  ExpectSilence("Core 3 of the data plane");
  site_.serve().SetSilentCores({});
  ExpectWell();
}

TEST_F(SilenceTest, OfAHeldDataPlaneSaysHowItGoesOnAndIsNoReasonToEndIt) {
  Serve(milliseconds(500));
  std::string id = site_.NewestId();
  site_.driver.Hold(id, true);
  site_.serve().SetMute(true);
  ExpectSilence("kill -CONT");
  EXPECT_EQ(site_.driver.running(), std::vector<std::string>{id});
  site_.serve().SetMute(false);
  ExpectWell();
  EXPECT_EQ(site_.NewestId(), id);
}

TEST_F(SilenceTest, ThatLastsStartsTheDataPlaneAnew) {
  Serve(milliseconds(500));
  std::string first = site_.NewestId();
  site_.serve().SetMute(true);
  ASSERT_TRUE(TestSite::Eventually([&] { return site_.NewestId() != first; }));
  ExpectWell();
  EXPECT_EQ(site_.driver.running(), std::vector<std::string>{site_.NewestId()});
}

// A process that runs a revision and never comes to its end.
pid_t RunForEver(const std::string& blame_path, const std::string& uid) {
  const pid_t child = fork();
  if (child != 0) return child;
  if (engine::BlamePage::Open(blame_path).has_error()) _exit(9);
  const engine::BlameNote note(engine::BlamePage::Enter(uid));
  while (true) pause();
}

TEST_F(SilenceTest, IsBlamedOnTheModelWhoseRunDoesNotEnd) {
  Serve(milliseconds(200));
  const std::string path = runtime::BlamePath(site_.options.serve.folder);
  for (int hang = 0; hang < 2; ++hang) {
    ASSERT_TRUE(TestSite::Eventually([&] { return site_.agent().View().serve_up; }));
    const pid_t runs = RunForEver(path, "uid-1");
    ASSERT_TRUE(TestSite::Eventually([&] { return !engine::LookAtRuns(path).empty(); }));
    const std::string id = site_.NewestId();
    site_.serve().SetMute(true);
    ASSERT_TRUE(TestSite::Eventually([&] { return site_.NewestId() != id; }));
    kill(runs, SIGKILL);
    waitpid(runs, nullptr, 0);
    ExpectWell();
  }
  EXPECT_TRUE(TestSite::Eventually(
      [&] { return site_.Serving().services.at(0).revisions.at(0).own_process; }));
}

TEST_F(SilenceTest, WhileLoadingIsBlamedOnTheModel) {
  site_.serve_options.phases["uid-2"] = "Loading";
  Serve(milliseconds(200));
  Digest b = site_.Offer(kModelB).manifest_digest;
  site_.Want({site_.Revision(1, site_.Offer(kModelA).manifest_digest), site_.Revision(2, b)});
  for (int hang = 0; hang < 2; ++hang) {
    ASSERT_TRUE(TestSite::Eventually([&] {
      return site_.agent().View().serve_up &&
             site_.serve().loaded() == (std::vector<int64_t>{1, 2}) && site_.Phase(2) == "Loading";
    }));
    std::string id = site_.NewestId();
    site_.serve().SetMute(true);
    ASSERT_TRUE(TestSite::Eventually([&] { return site_.NewestId() != id; }));
  }
  ExpectPhase(2, "Failed");
  EXPECT_EQ(site_.ReportOf(2).reason, "LOAD_CRASHED");
  ExpectWell();
}

TEST_F(AgentTest, PortsOfADeadServeAreTakenAgain) {
  Start();
  auto before = site_.agent().View().endpoints;
  Stop(StopMode::kKeepServing);
  site_.driver.End(site_.NewestId(), {.by_signal = 9});
  site_.EndServes();
  site_.NewAgent();
  Start();
  EXPECT_EQ(site_.agent().View().endpoints[0].port, before[0].port);
  EXPECT_EQ(site_.driver.running().size(), 1U);
}

TEST_F(AgentTest, StopEndsServeAndForgetsIt) {
  Start();
  ASSERT_TRUE(TestSite::Eventually([&] { return site_.agent().View().serve_up; }));
  Stop(StopMode::kEndServe);
  EXPECT_TRUE(site_.driver.running().empty());
  EXPECT_TRUE(site_.serve().asked_to_stop()) << "it was asked, not killed";
  EXPECT_FALSE((*SiteRecords::Open(*site_.site_db))->Get().current.has_value());
}

TEST_F(AgentTest, PortInUseIsSaidAndNothingIsStarted) {
  auto taken = net::Listener::Open("127.0.0.1", 0);
  ASSERT_TRUE(taken.has_value());
  site_.options.serve.listen = {{"rest", "127.0.0.1", taken->port()}};
  site_.NewAgent();
  auto started = site_.StartAgent();
  ASSERT_TRUE(started.has_error());
  EXPECT_EQ(started.error().reason(), "ADDRESS_IN_USE");
  EXPECT_TRUE(site_.driver.workloads().empty());
  site_.StopAgent(StopMode::kEndServe);
}

TEST_F(AgentTest, ProgramThatIsMissingIsSaid) {
  site_.driver.FailStarts(FailedPrecondition("PROGRAM_MISSING", "no such program"));
  auto started = site_.StartAgent();
  ASSERT_TRUE(started.has_error());
  EXPECT_EQ(started.error().reason(), "PROGRAM_MISSING");
  site_.StopAgent(StopMode::kEndServe);
}

TEST_F(AgentTest, ServingConfigOfANewerProgramIsNotOverwritten) {
  ASSERT_TRUE(PosixFileSystem().MakeDirectories(site_.options.serve.folder).has_value());
  std::ofstream(runtime::ServingPath(site_.options.serve.folder)) << R"({"format":9})";
  auto started = site_.StartAgent();
  ASSERT_TRUE(started.has_error());
  EXPECT_EQ(started.error().reason(), "FORMAT_NEWER");
  EXPECT_TRUE(site_.driver.workloads().empty());
  site_.StopAgent(StopMode::kEndServe);
}

TEST_F(AgentTest, DamagedServingConfigIsWrittenAnewWithAGreaterGeneration) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  uint64_t before = site_.Serving().generation;
  Stop(StopMode::kKeepServing);
  std::ofstream(runtime::ServingPath(site_.options.serve.folder)) << "{";
  site_.NewAgent();
  Start();
  EXPECT_TRUE(TestSite::Eventually([&] { return site_.Serving().generation > before; }));
  ExpectPhase(1, "Ready");
}

TEST_F(AgentTest, UntilTheControlCentreSpeaksNothingChanges) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  Stop(StopMode::kKeepServing);
  // A control centre that was started anew and has not computed anything yet.
  class SilentLink final : public ControlLink {
    Task<Result<runtime::DesiredState>> Desired(uint64_t) override {
      co_return Unavailable("STARTING", "not yet");
    }
    Task<Result<void>> Report(runtime::SiteReport) override { co_return Result<void>(); }
    Result<std::string> Manifest(const std::string&, const Digest&) override {
      return Unavailable("STARTING", "not yet");
    }
    Result<void> Blob(const std::string&, const Digest&, const Sink&) override {
      return Unavailable("STARTING", "not yet");
    }
  };
  SilentLink silent;
  uint64_t generation = site_.Serving().generation;
  site_.NewAgent(silent);
  Start();
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(site_.Serving().generation, generation);
  EXPECT_EQ(site_.serve().loaded(), std::vector<int64_t>{1});
  Stop(StopMode::kEndServe);
}

TEST_F(AgentTest, UnpackedModelsThatNobodyUsesAreRemoved) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  Digest b = site_.Offer(kModelB).manifest_digest;
  site_.options.unpacked_limit_bytes = 1;
  site_.NewAgent();
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  site_.Want({site_.Revision(2, b)});
  ExpectPhase(2, "Ready");
  ExpectLoaded({2});
  std::string folder = site_.options.unpacked_folder;
  EXPECT_TRUE(*PosixFileSystem().Exists(folder + "/" + std::string(a.hex())));
  Restart();
  EXPECT_TRUE(TestSite::Eventually(
      [&] { return !*PosixFileSystem().Exists(folder + "/" + std::string(a.hex())); }));
  EXPECT_TRUE(*PosixFileSystem().Exists(folder + "/" + std::string(b.hex())));
}

TEST_F(AgentTest, DiskThatIsFullIsReportedAndTriedAgain) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  Start();
  // A folder in its place makes writing serving.json fail, as a full disk does.
  std::string path = runtime::ServingPath(site_.options.serve.folder);
  ASSERT_TRUE(PosixFileSystem().MakeDirectories(path + "/in-the-way").has_value());
  site_.Want({site_.Revision(1, a)});
  EXPECT_TRUE(TestSite::Eventually([&] { return !site_.link.last_report().message.empty(); }));
  ASSERT_TRUE(PosixFileSystem().RemoveTree(path).has_value());
  ExpectPhase(1, "Ready");
  EXPECT_EQ(site_.link.last_report().message, "");
}

TEST_F(AgentTest, WishThatIsTakenBackTakesItsProblemAlong) {
  Digest a = site_.Offer(kModelA).manifest_digest;
  Digest b = site_.Offer(kModelB).manifest_digest;
  site_.Want({site_.Revision(1, a)});
  Start();
  ExpectPhase(1, "Ready");
  std::string path = runtime::ServingPath(site_.options.serve.folder);
  ASSERT_TRUE(PosixFileSystem().RemoveTree(path).has_value());
  ASSERT_TRUE(PosixFileSystem().MakeDirectories(path + "/in-the-way").has_value());
  site_.Want({site_.Revision(1, a), site_.Revision(2, b)});
  ASSERT_TRUE(TestSite::Eventually([&] { return !site_.link.last_report().message.empty(); }));
  site_.Want({site_.Revision(1, a)});
  EXPECT_TRUE(TestSite::Eventually([&] { return site_.link.last_report().message.empty(); }));
}

}  // namespace
}  // namespace slipway::agent
