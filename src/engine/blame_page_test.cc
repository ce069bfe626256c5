#include "engine/blame_page.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

// Each process is a child of its own: a page is opened once in a process.
class BlamePageTest : public testing::Test {
 protected:
  BlamePageTest()
      : path_((std::filesystem::temp_directory_path() / ("blame-" + std::to_string(getpid())))
                  .native()) {}
  void SetUp() override {
    // Sanitizers keep their own handlers of fatal signals, which tell more.
    struct sigaction now{};
    sigaction(SIGSEGV, nullptr, &now);
    if (now.sa_handler != SIG_DFL) GTEST_SKIP();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  template <class F>
  std::string BlamedFor(F&& run) {
    const pid_t child = fork();
    if (child == 0) {
      if (BlamePage::Open(path_).has_error()) _exit(9);
      run();
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 9) << "no page";
    return TakeBlame(path_);
  }

  const std::string path_;
};

TEST_F(BlamePageTest, WhoeverRanOnTheThreadIsBlamed) {
  EXPECT_EQ(BlamedFor([] {
              const BlameNote other(BlamePage::Enter("other"));
              std::thread([] {
                const BlameNote note(BlamePage::Enter("guilty"));
                raise(SIGSEGV);
              }).join();
            }),
            "guilty");
  EXPECT_EQ(TakeBlame(path_), "") << "it was taken";
}

TEST_F(BlamePageTest, TheOnlyOneThatRanIsBlamedForAThreadOfItsEngine) {
  EXPECT_EQ(BlamedFor([] {
              const BlameNote note(BlamePage::Enter("guilty"));
              std::thread([] { raise(SIGSEGV); }).join();
            }),
            "guilty");
  EXPECT_EQ(BlamedFor([] {
              const BlameNote note(BlamePage::Enter("one"));
              std::thread([] {
                const BlameNote other(BlamePage::Enter("another"));
                std::thread([] { raise(SIGSEGV); }).join();
              }).join();
            }),
            "")
      << "it may have been either";
}

TEST_F(BlamePageTest, NobodyIsBlamedForOtherEnds) {
  EXPECT_EQ(BlamedFor([] {
              const BlameNote note(BlamePage::Enter("innocent"));
              raise(SIGKILL);
            }),
            "");
  EXPECT_EQ(BlamedFor([] {
              {
                const BlameNote note(BlamePage::Enter("innocent"));
              }
              raise(SIGSEGV);
            }),
            "");
  EXPECT_EQ(BlamedFor([] {}), "");
}

TEST_F(BlamePageTest, NamesAreGivenAgain) {
  EXPECT_EQ(BlamedFor([] {
              for (int i = 0; i < 10'000; ++i) BlamePage::Leave(BlamePage::Enter("gone"));
              const BlameNote note(BlamePage::Enter("guilty"));
              std::abort();
            }),
            "guilty");
}

TEST_F(BlamePageTest, ARunThatGoesOnIsToldFromThoseThatCome) {
  const pid_t child = fork();
  if (child == 0) {
    if (BlamePage::Open(path_).has_error()) _exit(9);
    std::thread hung([] {
      const BlameNote note(BlamePage::Enter("hung"));
      while (true) pause();
    });
    const uint32_t busy = BlamePage::Enter("busy");
    while (true) {
      const BlameNote note(busy);
    }
  }
  RunsUnderWay before;
  while (before.size() < 2) before = LookAtRuns(path_);
  while (WhoRunsSince(path_, before) != "hung") std::this_thread::yield();
  EXPECT_EQ(WhoRunsSince(path_, {}), "");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(TakeBlame(path_), "") << "no signal that the page knows of";
  EXPECT_TRUE(LookAtRuns(path_).empty()) << "it was taken";
}

TEST(BlamePage, WithoutOneNothingIsNoted) {
  EXPECT_EQ(BlamePage::Enter("x"), 0);
  const BlameNote note(0);
  EXPECT_EQ(TakeBlame("/nowhere"), "");
}

}  // namespace
}  // namespace slipway::engine
