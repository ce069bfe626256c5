#include "base/crash_point.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

// Reaches the points in a new process of this program, for the variable is read before main.
// The environment variable that asks for it names nothing else.
constexpr char kRunVariable[] = "SLIPWAY_CRASH_POINT_TEST_RUN";

void ReachThreeTimes() {
  for (int i = 0; i < 3; ++i) {
    CRASH_POINT("test.first");
    CRASH_POINT("test.second");
  }
}

struct Ended {
  int signal = 0;
  int exit_code = 0;
  std::string standard_error;
};

Ended RunWith(const char* setting) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(pipe_ends[1], STDERR_FILENO);
    std::string crash_at = std::string("SLIPWAY_CRASH_AT=") + setting;
    std::string run = std::string(kRunVariable) + "=1";
    char name[] = "crash_point_test";
    char* const arguments[] = {name, nullptr};
    char* const environment[] = {crash_at.data(), run.data(), nullptr};
    execve("/proc/self/exe", arguments, environment);
    _exit(127);
  }
  close(pipe_ends[1]);
  Ended ended;
  char buffer[4096];
  for (ssize_t got; (got = read(pipe_ends[0], buffer, sizeof(buffer))) > 0;) {
    ended.standard_error.append(buffer, static_cast<size_t>(got));
  }
  close(pipe_ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
  if (WIFEXITED(status)) ended.exit_code = WEXITSTATUS(status);
  return ended;
}

// What the child of RunWith does in place of tests: its exit code tells whether the setting is
// valid.
class ChildRun final : public testing::Environment {
 public:
  void SetUp() override {
    if (getenv(kRunVariable) == nullptr) return;
    ReachThreeTimes();
    _exit(CrashPointSettingIsValid() ? 10 : 11);
  }
};
[[maybe_unused]] const testing::Environment* const kChildRun =
    testing::AddGlobalTestEnvironment(new ChildRun());

TEST(CrashPointTest, KillsWhereItIsNamed) {
  for (const char* setting : {"test.first", "test.first:1", "test.second:3"}) {
    const Ended ended = RunWith(setting);
    EXPECT_EQ(ended.signal, SIGKILL) << setting;
    const std::string name = std::string(setting).substr(0, std::string(setting).find(':'));
    EXPECT_THAT(ended.standard_error, testing::HasSubstr("killed at crash point " + name + "\n"));
  }
}

TEST(CrashPointTest, GoesOnElsewhere) {
  const Ended ended = RunWith("test.first:4");
  EXPECT_EQ(ended.signal, 0);
  EXPECT_EQ(ended.exit_code, 10);
}

TEST(CrashPointTest, KnowsASettingThatNamesNothing) {
  for (const char* setting : {"", "test", "test.first:0", "test.first:x", "test.first:", "a:1"}) {
    const Ended ended = RunWith(setting);
    EXPECT_EQ(ended.signal, 0) << setting;
    EXPECT_EQ(ended.exit_code, 11) << setting;
  }
}

TEST(CrashPointTest, ListsPointsThatWereNotReached) {
  EXPECT_THAT(CrashPointNames(), testing::IsSupersetOf({"test.first", "test.second"}));
  EXPECT_TRUE(CrashPointSettingIsValid());
}

}  // namespace
}  // namespace slipway
