#include "resource/list.h"

#include <set>

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "resource/kinds/model.h"
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

Resource Version(std::string name, std::string_view format, int64_t accuracy, bool cut = false) {
  Resource version{.kind = "ModelVersion"};
  version.metadata.project = "default";
  version.metadata.name = std::move(name);
  ModelVersionSpec spec{.repository = "default/m",
                        .manifest_digest = "sha256:" + std::string(64, 'a'),
                        .format = std::string(format)};
  version.spec = Encode(spec);
  ModelVersionStatus status;
  status.phase = "Ready";
  status.metadata.emplace();
  status.metadata->metrics["g"].push_back({.name = "accuracy", .value = accuracy});
  status.metadata->cut = cut;
  if (cut) status.metadata->cut_members = {"metrics"};
  version.status = Encode(status);
  return version;
}

// As the registry makes them; users do not.
void CreateAll(TestStore& store, const std::vector<Resource>& all) {
  constexpr size_t kTogether = 200;
  for (size_t begin = 0; begin < all.size(); begin += kTogether) {
    const auto some = std::span(all).subspan(begin, std::min(kTogether, all.size() - begin));
    ASSERT_THAT(
        store.resources().TransactNow(TestStore::As("tester"),
                                      [&](ResourceTransaction& transaction) -> Result<void> {
                                        for (const Resource& each : some)
                                          TRY_VOID(transaction.Create(each));
                                        return {};
                                      }),
        IsOk());
  }
}

TEST(List, WhereSelects) {
  TestStore store;
  std::vector<Resource> all;
  for (int i = 10; i < 60; ++i) {
    all.push_back(Version("v" + std::to_string(i), i % 2 == 0 ? "onnx" : "pmml", i));
  }
  CreateAll(store, all);
  ListOptions options{.where = "metrics.accuracy >= 50 and format = ONNX", .limit = 2};
  std::vector<std::string> names;
  do {
    Result<ListPage> page = store.TryList("ModelVersion", "default", options);
    ASSERT_THAT(page, IsOk());
    EXPECT_LE(page->items.size(), 2u);
    EXPECT_TRUE(page->undecided.empty());
    for (const Resource& item : page->items) names.push_back(item.metadata.name);
    options.continue_token = page->continue_token;
  } while (!options.continue_token.empty());
  EXPECT_EQ(names, (std::vector<std::string>{"v50", "v52", "v54", "v56", "v58"}));
  // A token is of the list with this expression.
  options.continue_token =
      store.TryList("ModelVersion", "default", {.where = "format = onnx", .limit = 1})
          ->continue_token;
  EXPECT_THAT(store.TryList("ModelVersion", "default", options),
              IsError(Code::kInvalidArgument, "CONTINUE_INVALID"));
  EXPECT_THAT(store.TryList("ModelVersion", "", {.where = "formt = onnx"}),
              IsError(Code::kInvalidArgument, "WHERE_FIELD_UNKNOWN"));
  EXPECT_THAT(store.TryList("Service", "", {.where = "format = onnx"}),
              IsError(Code::kInvalidArgument, "WHERE_UNSUPPORTED"));
  EXPECT_THAT(store.resources().StartWatch("ModelVersion", "", {.where = "has tag"}, 0),
              IsError(Code::kInvalidArgument, "WHERE_WATCHED"));
}

TEST(List, WhereNamesWhatItCannotDecide) {
  TestStore store;
  CreateAll(store, {Version("a", "onnx", 90), Version("b", "onnx", 10, /*cut=*/true),
                    Version("c", "onnx", 95, /*cut=*/true), Version("d", "pmml", 1)});
  Result<ListPage> page = store.TryList("ModelVersion", "", {.where = "metrics.accuracy > 50"});
  ASSERT_THAT(page, IsOk());
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[1].metadata.name, "c");
  EXPECT_EQ(page->undecided, std::vector<std::string>{"default/b"});
  EXPECT_TRUE(store.TryList("ModelVersion", "", {.where = "format = onnx"})->undecided.empty());
}

TEST(List, WhereSeesWhatOtherModulesAdd) {
  TestStore store;
  CreateAll(store, {Version("a", "onnx", 1), Version("b", "onnx", 2)});
  size_t reads = 0;
  store.resources().AddSearchPart(
      "ModelVersion",
      {.member = "tags",
       .read = [&reads](const store::Snapshot&, const Json& resource) -> Result<Json> {
         ++reads;
         return Json::array({resource.at("metadata").at("name"), "x"});
       },
       .complete_below = 2});
  EXPECT_EQ(store.TryList("ModelVersion", "", {.where = "format = onnx"})->items.size(), 2u);
  EXPECT_EQ(reads, 0u);
  Result<ListPage> page = store.TryList("ModelVersion", "", {.where = "tag = b"});
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(reads, 2u);
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->undecided, std::vector<std::string>{"default/a"});
}

TEST(List, ASearchOfManyGoesOnPageByPage) {
  TestStore store;
  constexpr size_t kCount = 20'000;
  std::vector<Resource> all;
  for (size_t i = 0; i < kCount; ++i) {
    all.push_back(Version("v" + std::to_string(100'000 + i), "onnx", static_cast<int64_t>(i)));
  }
  CreateAll(store, all);
  size_t reads = 0;
  store.resources().AddSearchPart(
      "ModelVersion",
      {.member = "tags", .read = [&reads](const store::Snapshot&, const Json&) -> Result<Json> {
         ++reads;
         return Json::array({"v1"});
       }});
  ListOptions options{.where = "tag = v1 and metrics.accuracy in (0, 999, 1000, 19999)",
                      .limit = 500};
  std::vector<std::string> names;
  size_t pages = 0;
  do {
    const size_t before = reads;
    Result<ListPage> page = store.TryList("ModelVersion", "default", options);
    ASSERT_THAT(page, IsOk());
    EXPECT_LE(reads - before, kMaxScannedPerPage);
    for (const Resource& item : page->items) names.push_back(item.metadata.name);
    options.continue_token = page->continue_token;
    ASSERT_LT(++pages, 100u);
  } while (!options.continue_token.empty());
  EXPECT_EQ(names, (std::vector<std::string>{"v100000", "v100999", "v101000", "v119999"}));
  EXPECT_EQ(reads, kCount);
}

TEST(List, APageOfASearchLooksAtLimitedRowsAndBytes) {
  TestStore store;
  std::vector<Resource> all;
  for (size_t i = 0; i < kMaxScannedPerPage + 50; ++i) {
    all.push_back(Version("v" + std::to_string(100'000 + i), "onnx", 1));
  }
  CreateAll(store, all);
  Result<ListPage> page = store.TryList("ModelVersion", "", {.where = "format = pmml"});
  ASSERT_THAT(page, IsOk());
  EXPECT_TRUE(page->items.empty());
  ASSERT_FALSE(page->continue_token.empty());
  page = store.TryList("ModelVersion", "",
                       {.where = "format = pmml", .continue_token = page->continue_token});
  ASSERT_THAT(page, IsOk());
  EXPECT_TRUE(page->continue_token.empty());
  // Large ones: fewer of them are looked at.
  std::vector<Resource> large;
  const size_t large_bytes = 200 << 10;
  for (size_t i = 0; i < kMaxWorkPerPage / kReadingWork / large_bytes + 20; ++i) {
    Resource version = Version("a" + std::to_string(100'000 + i), "onnx", 1);
    version.status["metadata"]["description"] = std::string(large_bytes, 'd');
    large.push_back(std::move(version));
  }
  CreateAll(store, large);
  page = store.TryList("ModelVersion", "", {.where = "has format", .limit = 5000});
  ASSERT_THAT(page, IsOk());
  EXPECT_GT(page->items.size(), 100u);
  EXPECT_LT(page->items.size(), large.size());
  EXPECT_FALSE(page->continue_token.empty());
  // And fewer still of a filter that looks at each of their letters many times.
  const std::string pattern = "*" + std::string(500, 'd') + "e*";
  page = store.TryList("ModelVersion", "",
                       {.where = "metadata.description ~ \"" + pattern + "\" or has format"});
  ASSERT_THAT(page, IsOk());
  EXPECT_GT(page->items.size(), 0u);
  EXPECT_LT(page->items.size(), 10u);
  EXPECT_FALSE(page->continue_token.empty());
}

}  // namespace
}  // namespace slipway::resource
