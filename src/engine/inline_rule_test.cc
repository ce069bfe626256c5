#include "engine/inline_rule.h"

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

TEST(InlineRule, Table) {
  struct Row {
    const char* what;
    InlineQuestion question;
    bool inlined;
  };
  const Row rows[] = {
      {"a cheap run", {.predicted = 3us, .budget_left = 200us, .completes_in_call = true}, true},
      {"a run that nobody knows", {.budget_left = 200us, .completes_in_call = true}, false},
      {"just below the price of a hop",
       {.predicted = 29'999ns, .budget_left = 200us, .completes_in_call = true},
       true},
      {"the price of a hop",
       {.predicted = 30us, .budget_left = 200us, .completes_in_call = true},
       false},
      {"the whole rest of the turn",
       {.predicted = 20us, .budget_left = 20us, .completes_in_call = true},
       true},
      {"more than the rest of the turn",
       {.predicted = 20us, .budget_left = 19'999ns, .completes_in_call = true},
       false},
      {"an overspent turn",
       {.predicted = 1us, .budget_left = -50us, .completes_in_call = true},
       false},
      {"an engine with threads of its own",
       {.predicted = 3us, .budget_left = 200us, .completes_in_call = false},
       false},
      {"a model that held a core",
       {.predicted = 3us, .budget_left = 200us, .completes_in_call = true, .trusted = false},
       false},
      {"others wait, but none share a run",
       {.predicted = 3us, .budget_left = 200us, .completes_in_call = true, .waiting = 5},
       true},
      {"runs are shared, and nobody waits",
       {.predicted = 3us, .budget_left = 200us, .completes_in_call = true, .shares_runs = true},
       true},
      {"runs are shared, and somebody waits",
       {.predicted = 3us,
        .budget_left = 200us,
        .completes_in_call = true,
        .shares_runs = true,
        .waiting = 1},
       false},
  };
  for (const Row& row : rows) EXPECT_EQ(RunsInline(row.question), row.inlined) << row.what;
}

}  // namespace
}  // namespace slipway::engine
