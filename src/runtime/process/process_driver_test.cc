// The contract on real processes, and what only processes have: sessions, descriptors, logs.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/descriptor.h"
#include "base/testing/temporary_folder.h"
#include "runtime/process/process_identity.h"
#include "runtime/process/process_search.h"
#include "runtime/testing/driver_contract.h"

namespace slipway::runtime {
namespace {

using std::chrono::milliseconds;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Waits until the file holds a whole line, at most 10 s.
std::string AwaitLine(const std::string& path) {
  for (int i = 0; i < 1000; ++i) {
    std::string text = ReadFile(path);
    if (text.ends_with('\n')) return text;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return ReadFile(path);
}

pid_t PidOf(const WorkloadHandle& handle) {
  return ProcessIdentity::Parse(handle.id)->pid;
}

class ProcessTestBed final : public DriverTestBed {
 public:
  ProcessTestBed() : driver_(MakeProcessDriver()) {}
  Driver& driver() override { return *driver_; }
  void RestartDriver() override { driver_ = MakeProcessDriver(); }
  WorkloadSpec Obedient() override {
    return Shell("echo up; while [ ! -e exit ]; do sleep 0.01; done; exit $(cat exit)");
  }
  WorkloadSpec Stubborn() override {
    return Shell("trap '' TERM; echo up; while :; do sleep 0.01; done");
  }
  void AwaitStarted(const WorkloadHandle&) override { AwaitLine(folder_ / "log"); }
  void ExitWith(const WorkloadHandle&, int code) override {
    std::ofstream(folder_ / "code") << code;
    std::filesystem::rename(folder_ / "code", folder_ / "exit");
  }
  WorkloadSpec Shell(const std::string& script) {
    return {.name = "test",
            .program = "/bin/sh",
            .arguments = {"-c", script},
            .folder = folder_.path(),
            .log_path = folder_ / "log"};
  }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Driver> driver_;
};

std::unique_ptr<DriverTestBed> MakeProcessTestBed() {
  return std::make_unique<ProcessTestBed>();
}

INSTANTIATE_TEST_SUITE_P(Process, DriverContract,
                         ::testing::Values(DriverTestBedMaker(MakeProcessTestBed)));

class ProcessDriverTest : public ::testing::Test {
 protected:
  WorkloadHandle Start(const WorkloadSpec& spec) {
    auto handle = bed_.driver().Start(spec, [](const WorkloadHandle&) { return Result<void>(); });
    EXPECT_TRUE(handle.has_value()) << handle.error().ToString();
    handles_.push_back(*handle);
    return *handle;
  }
  void TearDown() override {
    for (const WorkloadHandle& handle : handles_) {
      EXPECT_TRUE(bed_.driver().Stop(handle, milliseconds(0)));
    }
  }
  ProcessTestBed bed_;
  std::vector<WorkloadHandle> handles_;
};

TEST_F(ProcessDriverTest, InheritsTheNamedDescriptorsAndNothingElse) {
  Descriptor first(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  Descriptor second(open("/dev/full", O_RDONLY | O_CLOEXEC));
  Descriptor leaked(open("/dev/null", O_RDONLY));
  ASSERT_TRUE(first && second && leaked);
  WorkloadSpec spec = bed_.Shell(
      "echo $SLIPWAY_LISTEN $(readlink /proc/$$/fd/3) $(readlink /proc/$$/fd/4);"
      "exec ls /proc/self/fd");
  spec.descriptors = {{"rest", first.get()}, {"metrics", second.get()}};
  WorkloadHandle handle = Start(spec);
  while (bed_.driver().Find(handle)->has_value()) std::this_thread::sleep_for(milliseconds(5));
  // 5 is the folder that ls reads.
  EXPECT_EQ(ReadFile(spec.log_path), "rest=3,metrics=4 /dev/zero /dev/full\n0\n1\n2\n3\n4\n5\n");
}

TEST_F(ProcessDriverTest, DescriptorsThatLieOnFinalNumbersAreNotMixedUp) {
  // Descriptors 3 and 4 of this process swap their places.
  Descriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  Descriptor full(open("/dev/full", O_RDONLY | O_CLOEXEC));
  WorkloadSpec spec = bed_.Shell("echo $(readlink /proc/$$/fd/3) $(readlink /proc/$$/fd/4)");
  spec.descriptors = {{"a", std::max(zero.get(), full.get())},
                      {"b", std::min(zero.get(), full.get())}};
  bool ordered = zero.get() < full.get();
  Start(spec);
  EXPECT_EQ(AwaitLine(spec.log_path), ordered ? "/dev/full /dev/zero\n" : "/dev/zero /dev/full\n");
}

TEST_F(ProcessDriverTest, RunsInItsOwnSessionWithDefaultSignals) {
  signal(SIGUSR1, SIG_IGN);
  WorkloadSpec spec =
      bed_.Shell("set -- $(cat /proc/$$/stat); echo $1 $6 $(umask) $(grep SigIgn /proc/$$/status)");
  WorkloadHandle handle = Start(spec);
  signal(SIGUSR1, SIG_DFL);
  std::string pid = std::to_string(PidOf(handle));
  const std::string line = AwaitLine(spec.log_path);
  EXPECT_TRUE(line.starts_with(pid + " " + pid + " 0077 SigIgn: ")) << line;
  // Signals 32 and 33 are the C library's own: whether they are ignored is inherited, not ours.
  constexpr unsigned long kOfTheLibrary = 3UL << 31;
  const unsigned long ignored = std::stoul(line.substr(line.rfind(' ') + 1), nullptr, 16);
  EXPECT_EQ(ignored & ~kOfTheLibrary, 0UL) << line;
}

TEST_F(ProcessDriverTest, TakesItsEnvironmentAndFolder) {
  WorkloadSpec spec = bed_.Shell("echo \"$GREETING\" $(pwd -P) $SLIPWAY_LISTEN");
  spec.environment = {{"GREETING", "a b"}};
  Start(spec);
  EXPECT_EQ(AwaitLine(spec.log_path),
            "a b " + std::filesystem::canonical(bed_.folder().path()).string() + "\n");
}

TEST_F(ProcessDriverTest, LogIsAppendedToAndPrivate) {
  WorkloadSpec spec = bed_.Shell("echo second >&2");
  std::ofstream(spec.log_path) << "first";
  chmod(spec.log_path.c_str(), 0600);
  Start(spec);
  EXPECT_EQ(AwaitLine(spec.log_path), "firstsecond\n");
}

TEST_F(ProcessDriverTest, NothingRunsBeforeItIsRecorded) {
  WorkloadSpec spec = bed_.Shell("echo ran");
  std::string seen;
  auto handle = bed_.driver().Start(spec, [&](const WorkloadHandle&) {
    std::this_thread::sleep_for(milliseconds(50));
    seen = ReadFile(spec.log_path);
    return Result<void>();
  });
  ASSERT_TRUE(handle.has_value());
  handles_.push_back(*handle);
  EXPECT_EQ(seen, "");
  EXPECT_EQ(AwaitLine(spec.log_path), "ran\n");
}

TEST_F(ProcessDriverTest, ProgramNeverRunsWhenItsParentDiesBeforeRecording) {
  // A child of this test plays the agent that dies between spawn and record.
  WorkloadSpec spec = bed_.Shell("echo ran");
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  pid_t agent = fork();
  if (agent == 0) {
    auto ignored = bed_.driver().Start(spec, [&](const WorkloadHandle& handle) {
      (void)!write(ends[1], handle.id.data(), handle.id.size());
      kill(getpid(), SIGKILL);
      return Result<void>();
    });
    _exit(ignored.has_value() ? 1 : 2);
  }
  close(ends[1]);
  char id[256] = {};
  ASSERT_GT(read(ends[0], id, sizeof(id) - 1), 0);
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(agent, &status, 0), agent);
  ASSERT_TRUE(WIFSIGNALED(status));
  WorkloadHandle handle{"process", "test", id};
  for (int i = 0; i < 1000 && bed_.driver().Find(handle)->has_value(); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_FALSE(bed_.driver().Find(handle)->has_value());
  EXPECT_EQ(ReadFile(spec.log_path), "");
}

TEST_F(ProcessDriverTest, ProgramThatIsMissingIsSaid) {
  WorkloadSpec spec = bed_.Shell("");
  spec.program = bed_.folder() / "missing";
  auto handle = bed_.driver().Start(spec, [](const WorkloadHandle&) { return Result<void>(); });
  ASSERT_TRUE(handle.has_error());
  EXPECT_EQ(handle.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(handle.error().reason(), "PROGRAM_MISSING");
}

TEST_F(ProcessDriverTest, FileThatIsNoProgramIsSaidAndLeavesNoChild) {
  WorkloadSpec spec = bed_.Shell("");
  spec.program = bed_.folder() / "text";
  std::ofstream(spec.program) << "\x7f"
                                 "ELFnothing";
  chmod(spec.program.c_str(), 0700);
  auto handle = bed_.driver().Start(spec, [](const WorkloadHandle&) { return Result<void>(); });
  ASSERT_TRUE(handle.has_error());
  EXPECT_EQ(handle.error().reason(), "PROGRAM_MISSING");
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "no child is left, not even a zombie";
}

TEST_F(ProcessDriverTest, StopEndsWhatTheWorkloadStartedInOtherSessions) {
  WorkloadSpec spec = bed_.Shell("setsid sleep 1000 & echo $!; wait");
  WorkloadHandle handle = Start(spec);
  pid_t grandchild = std::stoi(AwaitLine(spec.log_path));
  std::this_thread::sleep_for(milliseconds(50));
  ASSERT_TRUE(bed_.driver().Stop(handle, milliseconds(1000)).has_value());
  auto stat = ReadProcessStat(grandchild);
  EXPECT_TRUE(!stat.has_value() || !stat->alive());
}

TEST_F(ProcessDriverTest, LeftoversOfAProcessThatIsGoneAreEnded) {
  WorkloadSpec spec = bed_.Shell("sleep 1000 & echo $!; exit 0");
  WorkloadHandle handle = Start(spec);
  pid_t grandchild = std::stoi(AwaitLine(spec.log_path));
  while (bed_.driver().Find(handle)->has_value()) std::this_thread::sleep_for(milliseconds(5));
  ASSERT_TRUE(bed_.driver().Stop(handle, milliseconds(0)).has_value());
  auto stat = ReadProcessStat(grandchild);
  EXPECT_TRUE(!stat.has_value() || !stat->alive());
}

TEST_F(ProcessDriverTest, AProcessWithoutARecordIsFoundByNameAndFolder) {
  const WorkloadHandle handle = Start(bed_.Obedient());
  bed_.AwaitStarted(handle);
  const std::string folder = bed_.folder().path();
  const auto found = FindProcesses("test", folder);
  ASSERT_FALSE(found.empty());
  // With what it started, which bears its mark.
  EXPECT_TRUE(std::ranges::any_of(found, [&](const auto& one) { return one.id == handle.id; }));
  TemporaryFolder elsewhere;
  EXPECT_TRUE(FindProcesses("test", elsewhere.path()).empty());
  EXPECT_TRUE(FindProcesses("tes", folder).empty());
  bed_.RestartDriver();
  for (const WorkloadHandle& one : found) {
    EXPECT_TRUE(bed_.driver().Stop(one, milliseconds(1'000)));
  }
  EXPECT_TRUE(FindProcesses("test", folder).empty());
}

TEST_F(ProcessDriverTest, AnotherProcessWithTheNumberIsNotTouched) {
  WorkloadHandle handle = Start(bed_.Obedient());
  ProcessIdentity other = *ProcessIdentity::Parse(handle.id);
  other.start_ticks += 1;
  other.mark = "another";
  WorkloadHandle wrong{"process", "test", other.ToString()};
  EXPECT_FALSE(bed_.driver().Find(wrong)->has_value());
  EXPECT_TRUE(bed_.driver().Stop(wrong, milliseconds(0)).has_value());
  EXPECT_TRUE(bed_.driver().Find(handle)->has_value());
  other = *ProcessIdentity::Parse(handle.id);
  other.boot_id = "another-boot";
  wrong.id = other.ToString();
  EXPECT_FALSE(bed_.driver().Find(wrong)->has_value());
}

TEST_F(ProcessDriverTest, GraceIsGiven) {
  WorkloadSpec spec = bed_.Shell(
      "trap 'sleep 0.1; echo drained; exit 0' TERM; echo up; "
      "while :; do sleep 0.01; done");
  WorkloadHandle handle = Start(spec);
  AwaitLine(spec.log_path);
  ASSERT_TRUE(bed_.driver().Stop(handle, milliseconds(10'000)).has_value());
  EXPECT_EQ(ReadFile(spec.log_path), "up\ndrained\n");
}

TEST_F(ProcessDriverTest, StoppedChildLeavesNoZombie) {
  WorkloadHandle handle = Start(bed_.Obedient());
  ASSERT_TRUE(bed_.driver().Stop(handle, milliseconds(5000)).has_value());
  EXPECT_FALSE(ReadProcessStat(PidOf(handle)).has_value());
}

TEST(WorkloadExitTest, NamesTheSignal) {
  WorkloadExit exit{.by_signal = SIGSEGV};
  EXPECT_EQ(exit.ToString(), "was killed by signal 11 (Segmentation fault)");
}

TEST(ProcessHeldTest, TellsWhetherSomebodyHoldsItStill) {
  ProcessTestBed bed;
  auto handle = bed.driver().Start(bed.Obedient(), [](const auto&) { return Result<void>(); });
  ASSERT_TRUE(handle.has_value());
  bed.AwaitStarted(*handle);
  EXPECT_FALSE(*bed.driver().IsHeld(*handle));
  const auto becomes = [&](bool held) {
    for (int i = 0; i < 1000 && *bed.driver().IsHeld(*handle) != held; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    return *bed.driver().IsHeld(*handle) == held;
  };
  ASSERT_EQ(kill(PidOf(*handle), SIGSTOP), 0);
  EXPECT_TRUE(becomes(true));
  ASSERT_EQ(kill(PidOf(*handle), SIGCONT), 0);
  EXPECT_TRUE(becomes(false));
  EXPECT_TRUE(bed.driver().Stop(*handle, milliseconds(0)).has_value());
  EXPECT_FALSE(*bed.driver().IsHeld(*handle)) << "it is gone";
}

}  // namespace
}  // namespace slipway::runtime
