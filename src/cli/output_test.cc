#include "cli/output.h"

#include <gtest/gtest.h>

#include "cli/progress.h"

namespace slipway::cli {
namespace {

TEST(Table, AlignsColumns) {
  Table table({"NAME", "PHASE"});
  EXPECT_EQ(table.Text(), "");
  table.Add({"a", "Ready"});
  table.Add({"longer-name", ""});
  table.Add({"模型", "x\ny"});
  EXPECT_EQ(table.Text(),
            "NAME          PHASE\n"
            "a             Ready\n"
            "longer-name   -\n"
            "模型            x?y\n");
  EXPECT_EQ(table.LastRow(), "模型            x?y\n");
}

TEST(ParseFormat, KnowsItsWords) {
  EXPECT_EQ(*ParseFormat("wide"), Format::kWide);
  Result<Format> wrong = ParseFormat("xml");
  EXPECT_EQ(wrong.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(wrong.error().message(), "--output: table, wide, json, yaml or name, got xml");
}

std::string& Written() {
  static std::string text;
  return text;
}

Progress::Options ToWritten(bool terminal) {
  return {.terminal = terminal, .columns = 80, .write = [](std::string_view text) {
            Written() += text;
          }};
}

TEST(Progress, IsOneLineAFileInAPipe) {
  FakeClock clock;
  Written().clear();
  Progress progress(clock, "pushing", ToWritten(false));
  progress.Update("labels.txt", 0, 10);
  for (uint64_t done = 0; done <= 1000; done += 100) progress.Update("model.onnx", done, 1000);
  progress.Update("model.onnx", 1000, 1000);
  progress.Update("labels.txt", 10, 10);
  EXPECT_EQ(Written(), "pushing model.onnx: 1.0 kB\npushing labels.txt: 10 B\n");
}

TEST(Progress, IsARateLimitedBarOnATerminal) {
  FakeClock clock;
  Written().clear();
  {
    Progress progress(clock, "pushing", ToWritten(true));
    progress.Update("model.onnx", 0, 1000);
    progress.Update("model.onnx", 400, 1000);  // too early to be drawn
    clock.Advance(std::chrono::milliseconds(150));
    progress.Update("model.onnx", 500, 1000);
  }
  EXPECT_EQ(Written(),
            "\r\x1b[K[                              ]   0% 0 B pushing model.onnx"
            "\r\x1b[K[###############               ]  50% 500 B pushing model.onnx"
            "\r\x1b[K");
}

TEST(Progress, HasOneBarForAllFiles) {
  FakeClock clock;
  Progress progress(clock, "pushing", ToWritten(true));
  progress.Update("a", 0, 500);
  progress.Update("b", 0, 1500);
  progress.Update("b", 400, 1500);
  progress.Update("b", 200, 1500);  // began anew
  Written().clear();
  clock.Advance(std::chrono::milliseconds(150));
  progress.Update("a", 300, 500);
  progress.Update("a", 500, 500);
  EXPECT_EQ(Written(),
            "\r\x1b[K[#######                       ]  25% 500 B pushing file 1 of 2"
            "\r\x1b[Kpushing a: 500 B\n"
            "\r\x1b[K[##########                    ]  35% 700 B pushing file 2 of 2");
  Written().clear();
  progress.Update("b", 1500, 1500);
  EXPECT_EQ(Written(), "\r\x1b[Kpushing b: 1.5 kB\n");
}

}  // namespace
}  // namespace slipway::cli
