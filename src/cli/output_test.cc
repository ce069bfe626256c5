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

TEST(Progress, IsOneLineAFileInAPipe) {
  FakeClock clock;
  Written().clear();
  Progress progress(clock, {.write = [](std::string_view text) { Written() += text; }});
  for (uint64_t done = 0; done <= 1000; done += 100) progress.Update("model.onnx", done, 1000);
  progress.Update("model.onnx", 1000, 1000);
  EXPECT_EQ(Written(), "model.onnx: 1.0 kB\n");
}

TEST(Progress, IsARateLimitedBarOnATerminal) {
  FakeClock clock;
  Written().clear();
  {
    Progress progress(clock, {.terminal = true, .columns = 60, .write = [](std::string_view text) {
                                Written() += text;
                              }});
    progress.Update("model.onnx", 0, 1000);
    progress.Update("model.onnx", 400, 1000);  // too early to be drawn
    clock.Advance(std::chrono::milliseconds(150));
    progress.Update("model.onnx", 500, 1000);
  }
  EXPECT_EQ(Written(),
            "\r\x1b[K[                              ]   0% 0 B model.onnx"
            "\r\x1b[K[###############               ]  50% 500 B model.onnx"
            "\r\x1b[K");
}

}  // namespace
}  // namespace slipway::cli
