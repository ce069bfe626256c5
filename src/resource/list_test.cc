#include "resource/list.h"

#include <set>

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "resource/limits.h"
#include "resource/selector.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

Resource Labelled(std::string name, std::map<std::string, std::string> labels,
                  std::string project = "default") {
  Resource service = TestStore::WantedService(std::move(name));
  service.metadata.project = std::move(project);
  service.metadata.labels = std::move(labels);
  return service;
}

// All pages of a list, names with their project.
std::vector<std::string> Names(TestStore& store, std::string project, ListOptions options,
                               size_t* pages = nullptr) {
  std::vector<std::string> names;
  for (size_t count = 1; count < 10'000; ++count) {
    Result<ListPage> page = store.TryList("Service", project, options);
    EXPECT_THAT(page, IsOk());
    if (!page.has_value()) return names;
    EXPECT_LE(page->items.size(), options.limit);
    for (const Resource& item : page->items) {
      names.push_back(item.metadata.project + "/" + item.metadata.name);
    }
    if (pages != nullptr) *pages = count;
    if (page->continue_token.empty()) return names;
    options.continue_token = page->continue_token;
  }
  ADD_FAILURE() << "the list has no end";
  return names;
}

TEST(Selector, ParsesAndMatches) {
  std::map<std::string, std::string> labels = {{"a", "1"}, {"team/b", "x"}, {"e", ""}};
  for (std::string_view text :
       {"", "a=1", "a==1", "a=1,team/b=x", "a!=2", "a", "!c", "c!=x", " a = 1 , e ", "e="}) {
    Result<Selector> selector = Selector::Parse(text);
    ASSERT_THAT(selector, IsOk()) << text;
    EXPECT_TRUE(selector->Matches(labels)) << text;
  }
  for (std::string_view text : {"a=2", "a!=1", "c", "!a", "a=1,c", "a="}) {
    Result<Selector> selector = Selector::Parse(text);
    ASSERT_THAT(selector, IsOk()) << text;
    EXPECT_FALSE(selector->Matches(labels)) << text;
  }
  for (const std::string& text :
       {std::string(","), std::string("a=1,"), std::string("a b"), std::string("=1"),
        std::string("a=b=c"), std::string("!"), std::string("a=\xff"), std::string(5000, 'a')}) {
    Result<Selector> selector = Selector::Parse(text);
    ASSERT_THAT(selector, IsError(Code::kInvalidArgument, "SELECTOR_INVALID")) << text;
    EXPECT_EQ(selector.error().detail("field"), "label");
  }
  std::string many = "a";
  for (size_t i = 0; i < kMaxSelectorTerms; ++i) many += ",a";
  EXPECT_THAT(Selector::Parse(many), IsError(Code::kInvalidArgument, "SELECTOR_INVALID"));
}

TEST(List, PagesAreCompleteAndSorted) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "a-team"));
  for (const char* name : {"c", "a", "b", "e", "d"}) store.Create(Labelled(name, {}));
  store.Create(Labelled("z", {}, "a-team"));
  std::vector<std::string> all = {"a-team/z",  "default/a", "default/b",
                                  "default/c", "default/d", "default/e"};
  size_t pages = 0;
  EXPECT_EQ(Names(store, "", {.limit = 500}, &pages), all);
  EXPECT_EQ(pages, 1u);
  EXPECT_EQ(Names(store, "", {.limit = 1}, &pages), all);
  EXPECT_EQ(pages, 6u);
  EXPECT_EQ(Names(store, "", {.limit = 2}, &pages), all);
  EXPECT_EQ(pages, 3u);
  all.erase(all.begin());
  EXPECT_EQ(Names(store, "default", {.limit = 2}), all);
  EXPECT_TRUE(Names(store, "nowhere", {}).empty());
}

TEST(List, LabelsSelect) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "shop"));
  for (int i = 0; i < 40; ++i) {
    std::string name = (i < 10 ? "s0" : "s") + std::to_string(i);
    store.Create(Labelled(name, {{"even", i % 2 == 0 ? "yes" : "no"}, {"n", std::to_string(i)}},
                          i < 20 ? "default" : "shop"));
  }
  EXPECT_EQ(Names(store, "", {.label = "even=yes", .limit = 3}).size(), 20u);
  EXPECT_EQ(Names(store, "shop", {.label = "even=yes", .limit = 3}).size(), 10u);
  EXPECT_EQ(Names(store, "", {.label = "n=7"}), std::vector<std::string>{"default/s07"});
  EXPECT_EQ(Names(store, "", {.label = "even!=yes", .limit = 7}).size(), 20u);
  EXPECT_EQ(Names(store, "", {.label = "even=yes,n!=2,n!=4"}).size(), 18u);
  EXPECT_TRUE(Names(store, "", {.label = "even=maybe"}).empty());
  Resource changed = Labelled("s07", {{"even", "yes"}});
  ASSERT_THAT(store.TryUpdate(changed), IsOk());
  EXPECT_EQ(Names(store, "", {.label = "even=yes"}).size(), 21u);
  EXPECT_TRUE(Names(store, "", {.label = "n=7"}).empty());
}

TEST(List, WritesBetweenPagesLoseNothingThatStays) {
  TestStore store;
  for (int i = 10; i < 60; ++i) store.Create(Labelled("s" + std::to_string(i), {}));
  ListOptions options{.limit = 7};
  std::set<std::string> seen;
  uint64_t first_version = 0;
  for (int step = 0;; ++step) {
    Result<ListPage> page = store.TryList("Service", "default", options);
    ASSERT_THAT(page, IsOk());
    if (step == 0) first_version = page->version;
    EXPECT_EQ(page->version, first_version);
    for (const Resource& item : page->items) {
      EXPECT_TRUE(seen.insert(item.metadata.name).second) << item.metadata.name;
    }
    if (page->continue_token.empty()) break;
    options.continue_token = page->continue_token;
    // The row that the token points at goes, one comes before it and one at the end.
    ASSERT_THAT(store.TryDelete({"Service", "default", page->items.back().metadata.name}), IsOk());
    store.Create(Labelled("a" + std::to_string(step), {}));
    store.Create(Labelled("z" + std::to_string(step), {}));
  }
  for (int i = 10; i < 60; ++i) EXPECT_TRUE(seen.contains("s" + std::to_string(i))) << i;
  // What the list could not see, the watch from its version tells.
  EXPECT_THAT(store.resources().StartWatch("Service", "default", {}, first_version), IsOk());
}

TEST(List, RefusesWrongOptions) {
  TestStore store;
  for (const char* name : {"a", "b", "c"}) store.Create(Labelled(name, {{"x", "y"}}));
  EXPECT_THAT(store.TryList("Service", "", {.limit = 0}),
              IsError(Code::kInvalidArgument, "FIELD_RANGE"));
  EXPECT_THAT(store.TryList("Service", "", {.limit = kMaxPage + 1}),
              IsError(Code::kInvalidArgument, "FIELD_RANGE"));
  EXPECT_THAT(store.TryList("Tree", "", {}), IsError(Code::kNotFound, "KIND_UNKNOWN"));
  std::string token = store.TryList("Service", "", {.limit = 1})->continue_token;
  ASSERT_FALSE(token.empty());
  auto with = [&](std::string kind, std::string project, std::string label, std::string text) {
    return store.TryList(std::move(kind), std::move(project),
                         {.label = std::move(label), .continue_token = std::move(text)});
  };
  EXPECT_THAT(with("Service", "", "", token), IsOk());
  for (const Result<ListPage>& wrong :
       {with("Secret", "", "", token), with("Service", "default", "", token),
        with("Service", "", "x=y", token), with("Service", "", "", "zz"),
        with("Service", "", "", token + "00"), with("Service", "", "", "7b7d"),
        with("Service", "", "", token.substr(0, 9))}) {
    EXPECT_THAT(wrong, IsError(Code::kInvalidArgument, "CONTINUE_INVALID"));
  }
  TestStore other;
  EXPECT_THAT(other.TryList("Service", "", {.continue_token = token}),
              IsError(Code::kOutOfRange, "EXPIRED"));
}

TEST(List, APageOfAFilteredListLooksAtLimitedRows) {
  TestStore store;
  const size_t count = kMaxScannedPerPage + 700;
  Result<void> made = store.resources().TransactNow(
      TestStore::As("tester"), [&](ResourceTransaction& transaction) -> Result<void> {
        for (size_t i = 0; i < count; ++i) {
          TRY_VOID(transaction.Create(Labelled("s" + std::to_string(100'000 + i), {})));
        }
        return {};
      });
  ASSERT_THAT(made, IsOk());
  store.Create(Labelled("z", {{"last", ""}}));
  Result<ListPage> first = store.TryList("Service", "", {.label = "last"});
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE(first->items.empty());
  EXPECT_FALSE(first->continue_token.empty());
  EXPECT_EQ(Names(store, "", {.label = "last"}), std::vector<std::string>{"default/z"});
}

}  // namespace
}  // namespace slipway::resource
