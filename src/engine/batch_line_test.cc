#include "engine/batch_line.h"

#include <string>

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using std::chrono::milliseconds;

const RunTime kStart = RunTime(std::chrono::hours(1));

RunTime At(int ms) {
  return kStart + milliseconds(ms);
}

// Shares runs with those of its kind.
class Job final : public EngineJob {
 public:
  Job(char name, char kind, Wish wish) : name_(name), kind_(kind) { SetWish(wish); }
  bool SharesRunWith(const EngineJob& other) const override {
    return kind_ == static_cast<const Job&>(other).kind_;
  }
  void Execute(std::span<const std::shared_ptr<EngineJob>>) override {}
  char name() const { return name_; }

 private:
  const char name_;
  const char kind_;
};

struct Fixture {
  explicit Fixture(LinePolicy policy) : line(std::move(policy)) {}

  std::shared_ptr<Job> Add(char name, EngineJob::Wish wish, char kind = 'k') {
    auto job = std::make_shared<Job>(name, kind, wish);
    EXPECT_TRUE(line.Add(job)) << name;
    return job;
  }
  // Names of the next batch, as Take gives it at that time.
  std::string Take(int ms) {
    std::vector<BatchLine::Job> jobs;
    line.Take(At(ms), jobs);
    return Names(jobs);
  }
  std::string TakeExpired(int ms) {
    std::vector<BatchLine::Job> jobs;
    line.TakeExpired(At(ms), jobs);
    return Names(jobs);
  }
  static std::string Names(const std::vector<BatchLine::Job>& jobs) {
    std::string names;
    for (const BatchLine::Job& job : jobs) names += static_cast<const Job&>(*job).name();
    return names;
  }

  BatchLine line;
};

EngineJob::Wish Rows(uint64_t rows, int arrived = 0) {
  return {.rows = rows, .arrived = At(arrived)};
}

TEST(BatchLine, WithoutBatchesOneAfterTheOther) {
  Fixture f({.max_rows = 1});
  f.Add('a', Rows(1));
  f.Add('b', Rows(1));
  EXPECT_EQ(f.line.BatchDue(At(0)), At(0));
  EXPECT_EQ(f.Take(0), "a");
  EXPECT_EQ(f.Take(0), "b");
  EXPECT_EQ(f.Take(0), "");
  EXPECT_EQ(f.line.BatchDue(At(0)), RunTime::max());
}

// What one Take gives of a line without delay, by the rows and kinds of those who wait.
TEST(BatchLine, TakesWhatFitsAndIsAlike) {
  struct Case {
    const char* what;
    std::vector<std::pair<uint64_t, char>> jobs;  // named a, b, c, ...
    std::vector<uint64_t> preferred;
    std::vector<std::string> batches;
  };
  const Case cases[] = {
      {"all that wait", {{1, 'k'}, {1, 'k'}, {1, 'k'}}, {}, {"abc"}},
      {"up to the most", {{3, 'k'}, {3, 'k'}, {2, 'k'}, {1, 'k'}}, {}, {"abc", "d"}},
      {"a large one is passed over once", {{3, 'k'}, {6, 'k'}, {5, 'k'}}, {}, {"ac", "b"}},
      {"other kinds are passed over", {{1, 'k'}, {1, 'x'}, {1, 'k'}, {1, 'x'}}, {}, {"ac", "bd"}},
      {"no rows, no company", {{0, 'k'}, {1, 'k'}, {0, 'k'}, {1, 'k'}}, {}, {"a", "bd", "c"}},
      {"more than the most alone", {{9, 'k'}, {1, 'k'}}, {}, {"a", "b"}},
      {"the largest preferred size",
       {{1, 'k'}, {1, 'k'}, {1, 'k'}, {1, 'k'}, {1, 'k'}},
       {2, 4},
       {"abcd", "e"}},
      {"the most is as good as preferred", {{4, 'k'}, {4, 'k'}}, {4}, {"ab"}},
      {"a preferred size that cannot be met", {{3, 'k'}, {2, 'k'}}, {4}, {"ab"}},
  };
  for (const Case& c : cases) {
    Fixture f({.max_rows = 8, .preferred_rows = c.preferred});
    char name = 'a';
    for (const auto& [rows, kind] : c.jobs) f.Add(name++, Rows(rows), kind);
    for (const std::string& batch : c.batches) {
      EXPECT_EQ(f.line.BatchDue(At(0)), At(0)) << c.what;
      EXPECT_EQ(f.Take(0), batch) << c.what;
    }
    EXPECT_TRUE(f.line.empty()) << c.what;
  }
}

TEST(BatchLine, HoldsTheFirstForCompanions) {
  Fixture f({.max_rows = 4, .max_delay = milliseconds(10)});
  f.Add('a', Rows(1, 0));
  EXPECT_EQ(f.line.BatchDue(At(1)), At(10));
  EXPECT_EQ(f.Take(9), "");
  f.Add('b', Rows(1, 5));
  EXPECT_EQ(f.line.BatchDue(At(6)), At(10)) << "the oldest counts";
  EXPECT_EQ(f.Take(10), "ab");
}

TEST(BatchLine, HoldsNobodyForNothing) {
  {
    Fixture f({.max_rows = 4, .max_delay = milliseconds(10)});
    f.Add('a', Rows(3));
    f.Add('b', Rows(1));
    EXPECT_EQ(f.Take(0), "ab") << "it is full";
  }
  {
    Fixture f({.max_rows = 4, .max_delay = milliseconds(10)});
    f.Add('a', Rows(3));
    f.Add('b', Rows(2));
    EXPECT_EQ(f.Take(0), "a") << "the next does not fit, and would wait for its end";
    EXPECT_EQ(f.Take(0), "");
    EXPECT_EQ(f.Take(10), "b");
  }
  {
    Fixture f({.max_rows = 4, .max_delay = milliseconds(10)});
    f.Add('a', Rows(1), 'k');
    f.Add('b', Rows(1), 'x');
    EXPECT_EQ(f.Take(0), "a") << "the next is of another kind, and would wait for its end";
  }
  {
    Fixture f({.max_rows = 8, .max_delay = milliseconds(10), .preferred_rows = {2}});
    f.Add('a', Rows(1));
    EXPECT_EQ(f.Take(0), "");
    f.Add('b', Rows(1));
    EXPECT_EQ(f.Take(0), "ab") << "a preferred size";
  }
}

TEST(BatchLine, HoldsNobodyLongerThanHalfOfItsTime) {
  Fixture f({.max_rows = 4, .max_delay = milliseconds(10)});
  f.Add('a', {.rows = 1, .arrived = At(0), .deadline = At(6)});
  EXPECT_EQ(f.line.BatchDue(At(0)), At(3));
  EXPECT_EQ(f.Take(3), "a");
  f.Add('b', Rows(1, 3));
  f.Add('c', {.rows = 1, .arrived = At(4), .deadline = At(6)});
  EXPECT_EQ(f.line.BatchDue(At(4)), At(5)) << "nor a companion";
}

TEST(BatchLine, LevelsGoFirstAndFillUpFromTheOthers) {
  Fixture f({.max_rows = 2, .levels = 3});
  f.Add('a', {.rows = 1, .level = 3});
  f.Add('b', {.rows = 1, .level = 2});
  f.Add('c', {.rows = 1, .level = 1});
  f.Add('d', {.rows = 1, .level = 9});  // there is no such level: the last
  EXPECT_EQ(f.Take(0), "cb");
  EXPECT_EQ(f.Take(0), "ad");
}

TEST(BatchLine, WaitsEndInRefusal) {
  Fixture f({.max_rows = 1, .levels = 2});
  EXPECT_EQ(f.line.ExpiryDue(), RunTime::max());
  f.Add('a', {.level = 2, .expires = At(5)});
  f.Add('b', {.level = 2, .expires = At(7)});
  f.Add('c', {.level = 1, .expires = At(6)});
  EXPECT_EQ(f.line.ExpiryDue(), At(5));
  EXPECT_EQ(f.TakeExpired(4), "");
  EXPECT_EQ(f.TakeExpired(6), "ca");
  EXPECT_EQ(f.line.ExpiryDue(), At(7));
  EXPECT_EQ(f.Take(6), "b");
  EXPECT_EQ(f.line.ExpiryDue(), RunTime::max());
}

TEST(BatchLine, OrThoseWhoAreLateWaitOnBehindTheirLevel) {
  Fixture f({.max_rows = 1, .levels = 2, .timeout_action = TimeoutAction::kDelay});
  f.Add('a', {.level = 1, .expires = At(5)});
  f.Add('b', {.level = 1, .expires = At(50)});
  f.Add('c', {.level = 2});
  EXPECT_EQ(f.line.ExpiryDue(), RunTime::max());
  EXPECT_EQ(f.TakeExpired(6), "");
  EXPECT_EQ(f.Take(6), "b");
  const auto late = f.Add('d', {.level = 1, .expires = At(6)});
  EXPECT_EQ(f.Take(7), "a") << "first of those who are late";
  EXPECT_TRUE(f.line.Remove(*late));
  EXPECT_EQ(f.Take(7), "c");
}

TEST(BatchLine, IsBoundedAndForgetsThoseWhoLeave) {
  Fixture f({.max_rows = 8, .max_waiting = 2});
  const auto a = f.Add('a', Rows(1));
  f.Add('b', Rows(1));
  const auto c = std::make_shared<Job>('c', 'k', Rows(1));
  EXPECT_FALSE(f.line.Add(c));
  EXPECT_FALSE(f.line.Remove(*c));
  EXPECT_TRUE(f.line.Remove(*a));
  EXPECT_FALSE(f.line.Remove(*a));
  EXPECT_TRUE(f.line.Add(c));
  EXPECT_EQ(f.Take(0), "bc");
  EXPECT_EQ(f.line.size(), 0u);
}

}  // namespace
}  // namespace slipway::engine
