#include "engine/worker/descendants.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

namespace slipway::engine::worker {
namespace {

// A child that starts another one in a session of its own, which it leaves to whoever adopts it.
// The number of that one.
pid_t StartOrphan(bool is_workers) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (is_workers) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const pid_t orphan = fork();
    if (orphan == 0) {
      setsid();
      const pid_t self = getpid();
      (void)!write(ends[1], &self, sizeof(self));
      while (true) pause();
    }
    _exit(0);
  }
  pid_t orphan = 0;
  EXPECT_EQ(read(ends[0], &orphan, sizeof(orphan)), ssize_t{sizeof(orphan)});
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  close(ends[0]);
  close(ends[1]);
  return orphan;
}

bool IsThere(pid_t pid) {
  return kill(pid, 0) == 0;
}

TEST(Descendants, WhatWorkersLeftBehindIsKilledAndWaitedFor) {
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
    GTEST_SKIP() << "all processes here are as those of workers";
  }
  AdoptOrphans();
  const pid_t left = StartOrphan(true);
  const pid_t known = StartOrphan(true);
  const pid_t strange = StartOrphan(false);
  KillAdopted([known](pid_t pid) { return pid == known; });
  EXPECT_FALSE(IsThere(left));
  EXPECT_TRUE(IsThere(known));
  EXPECT_TRUE(IsThere(strange)) << "of somebody else";
  KillDescendants(getpid());
  for (const pid_t pid : {known, strange}) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
}

}  // namespace
}  // namespace slipway::engine::worker
