#include "resource/resource_store.h"

#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "resource/events.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

const Key kFraud{"Service", "default", "fraud"};

template <class T>
void ExpectError(const Result<T>& result, Code code, std::string_view reason,
                 std::string_view field = {}) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), code) << result.error().ToString();
  EXPECT_EQ(result.error().reason(), reason) << result.error().ToString();
  EXPECT_EQ(result.error().detail("field"), field) << result.error().ToString();
}

std::vector<std::string> AllRows(store::MetaStore& meta, std::string_view prefix) {
  std::vector<std::string> rows;
  Result<void> read = meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, snapshot.Scan(prefix, store::PrefixEnd(prefix), 10'000));
    for (const store::KeyValue& row : found) rows.push_back(row.key + "=" + row.value);
    return {};
  });
  EXPECT_TRUE(read.has_value());
  return rows;
}

std::vector<std::string> EventTypes(TestStore& store, const Key& key) {
  std::vector<std::string> types;
  Result<void> read = store.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(events, EventsOf(snapshot, key));
    for (const Event& event : events) types.push_back(event.type + " " + event.reason);
    return {};
  });
  EXPECT_TRUE(read.has_value());
  return types;
}

// A Revision that the service owns, made as its controller does.
Result<Resource> CreateRevision(TestStore& store, const Resource& service, const std::string& name,
                                std::vector<std::string> finalizers = {}) {
  std::string spec = R"({"service": "fraud", "number": 1, "predictor": {"model": "m:v1"},
      "repository": "default/m", "manifestDigest": "sha256:)" +
                     std::string(64, 'a') + "\"}";
  Resource revision = TestStore::Wanted("Revision", "default", name, spec);
  revision.metadata.owners = {{service.kind, service.metadata.name, service.metadata.uid}};
  revision.metadata.finalizers = std::move(finalizers);
  return store.TryCreate(revision);
}

TEST(ResourceStore, CreateFillsMetadataAndDefaults) {
  TestStore store;
  Resource made = store.Create(TestStore::WantedService("fraud"));
  EXPECT_EQ(made.metadata.uid.size(), 32u);
  EXPECT_EQ(made.metadata.generation, 1u);
  EXPECT_EQ(made.metadata.created_at, "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(made.metadata.created_by, "tester");
  EXPECT_EQ(made.spec["predictor"]["instances"], 0);
  EXPECT_EQ(made.spec["follow"], false);
  Resource found = store.Get(kFraud);
  EXPECT_EQ(DumpJson(ToJson(found)), DumpJson(ToJson(made)));
}

TEST(ResourceStore, CreateRefuses) {
  TestStore store;
  store.Create(TestStore::WantedService("fraud"));
  ExpectError(store.TryCreate(TestStore::WantedService("fraud")), Code::kAlreadyExists,
              "RESOURCE_EXISTS");
  Resource other = TestStore::WantedService("a");
  other.metadata.project = "nowhere";
  ExpectError(store.TryCreate(other), Code::kNotFound, "PROJECT_UNKNOWN", "metadata.project");
  ExpectError(store.TryCreate(TestStore::Wanted("Tree", "default", "a")), Code::kNotFound,
              "KIND_UNKNOWN");
  ExpectError(store.TryCreate(TestStore::WantedService("A")), Code::kInvalidArgument,
              "FIELD_FORMAT", "metadata.name");
  ExpectError(store.TryCreate(TestStore::WantedService("stats")), Code::kInvalidArgument,
              "FIELD_FORMAT", "metadata.name");
  ExpectError(store.TryCreate(TestStore::Wanted("Service", "default", "b")), Code::kInvalidArgument,
              "FIELD_REQUIRED", "spec.predictor");
  ExpectError(store.TryCreate(TestStore::Wanted("Service", "default", "b", R"({"x": 1})")),
              Code::kInvalidArgument, "FIELD_UNKNOWN", "spec.x");
  other.metadata.project = "";
  ExpectError(store.TryCreate(other), Code::kInvalidArgument, "FIELD_REQUIRED", "metadata.project");
  ExpectError(store.TryCreate(TestStore::Wanted("Site", "default", "b")), Code::kInvalidArgument,
              "FIELD_REQUIRED", "metadata.project");
  ExpectError(store.TryCreate(TestStore::Wanted("Project", "", "a.b")), Code::kInvalidArgument,
              "FIELD_FORMAT", "metadata.name");
  Resource labelled = TestStore::WantedService("c");
  labelled.metadata.labels["a"] = "b c";
  ExpectError(store.TryCreate(labelled), Code::kInvalidArgument, "FIELD_FORMAT",
              "metadata.labels.a");
}

TEST(ResourceStore, TooLargeIsRefusedAndLeavesNothing) {
  TestStore store;
  Resource large = TestStore::WantedService("large");
  large.metadata.annotations["a"] = std::string(300 << 10, 'x');
  size_t before = AllRows(store.meta(), "r").size();
  ExpectError(store.TryCreate(large), Code::kResourceExhausted, "RESOURCE_TOO_LARGE");
  EXPECT_EQ(AllRows(store.meta(), "r").size(), before);
}

TEST(ResourceStore, GenerationRisesOnlyWithSpec) {
  TestStore store;
  Resource made = store.Create(TestStore::WantedService("fraud"));
  Resource same = TestStore::WantedService("fraud");
  Result<Resource> unchanged = store.TryUpdate(same);
  ASSERT_TRUE(unchanged.has_value());
  EXPECT_EQ(unchanged->metadata.version, made.metadata.version);

  same.metadata.labels["team"] = "x";
  Result<Resource> labelled = store.TryUpdate(same);
  ASSERT_TRUE(labelled.has_value());
  EXPECT_EQ(labelled->metadata.generation, 1u);
  EXPECT_GT(labelled->metadata.version, made.metadata.version);

  same.spec["follow"] = true;
  Result<Resource> changed = store.TryUpdate(same);
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(changed->metadata.generation, 2u);
  EXPECT_EQ(changed->metadata.uid, made.metadata.uid);
  EXPECT_EQ(changed->metadata.created_by, "tester");
}

TEST(ResourceStore, UpdateChecksVersionAndUid) {
  TestStore store;
  ExpectError(store.TryUpdate(TestStore::WantedService("fraud")), Code::kNotFound,
              "RESOURCE_UNKNOWN");
  Resource made = store.Create(TestStore::WantedService("fraud"));
  Resource changed = TestStore::WantedService("fraud");
  changed.spec["follow"] = true;
  ExpectError(store.TryUpdate(changed, made.metadata.version + 1), Code::kAborted,
              "VERSION_CONFLICT");
  changed.metadata.uid = std::string(32, 'f');
  ExpectError(store.TryUpdate(changed), Code::kAborted, "UID_CONFLICT", "metadata.uid");
  changed.metadata.uid = made.metadata.uid;
  EXPECT_TRUE(store.TryUpdate(changed, made.metadata.version).has_value());
  ExpectError(store.TryDelete(kFraud, made.metadata.version), Code::kAborted, "VERSION_CONFLICT");
  EXPECT_TRUE(store.TryDelete(kFraud).has_value());
  ExpectError(store.TryDelete(kFraud), Code::kNotFound, "RESOURCE_UNKNOWN");
}

TEST(ResourceStore, StatusIsItsOwn) {
  TestStore store;
  Resource made = store.Create(TestStore::WantedService("fraud"));
  store.clock().Advance(std::chrono::seconds(1));
  std::string_view ready =
      R"({"observedGeneration": 1, "phase": "Ready", "readyRevision": 1,
          "conditions": [{"type": "Ready", "status": "True", "reason": "LOADED"}]})";
  Result<Resource> updated = store.TryUpdateStatus(kFraud, ready);
  ASSERT_TRUE(updated.has_value()) << updated.error().ToString();
  EXPECT_EQ(updated->status["conditions"][0]["changedAt"], "2023-11-14T22:13:21.000Z");
  EXPECT_EQ(updated->metadata.generation, 1u);

  store.clock().Advance(std::chrono::seconds(1));
  Result<Resource> again = store.TryUpdateStatus(kFraud, ready);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->metadata.version, updated->metadata.version);

  Resource spec_changed = TestStore::WantedService("fraud");
  spec_changed.spec["follow"] = true;
  ASSERT_TRUE(store.TryUpdate(spec_changed).has_value());
  EXPECT_EQ(store.Get(kFraud).status["phase"], "Ready");

  Result<Resource> failed = store.TryUpdateStatus(
      kFraud, R"({"conditions": [{"type": "Ready", "status": "False", "reason": "X"}]})");
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->status["conditions"][0]["changedAt"], "2023-11-14T22:13:22.000Z");
  ExpectError(store.TryUpdateStatus(kFraud, R"({"colour": 1})"), Code::kInvalidArgument,
              "FIELD_UNKNOWN", "status.colour");
}

TEST(ResourceStore, VolatileStatusIsMergedAndForgotten) {
  TestStore store;
  Resource site = store.Get({"Site", "", "local"});
  store.resources().SetVolatileStatus({"Site", "", "local"}, Json{{"lastSeenAt", "now"}});
  Resource seen = store.Get({"Site", "", "local"});
  EXPECT_EQ(seen.status["lastSeenAt"], "now");
  EXPECT_EQ(seen.metadata.version, site.metadata.version);
  EXPECT_EQ(store.TryList("Site", "")->items[0].status["lastSeenAt"], "now");
  store.clock().JumpWall(std::chrono::hours(-24 * 365));
  EXPECT_TRUE(store.Get({"Site", "", "local"}).status.contains("lastSeenAt"));
  store.clock().Advance(std::chrono::minutes(11));
  EXPECT_FALSE(store.Get({"Site", "", "local"}).status.contains("lastSeenAt"));
}

TEST(ResourceStore, ImmutableSpecs) {
  TestStore store;
  Resource service = store.Create(TestStore::WantedService("fraud"));
  Result<Resource> revision = CreateRevision(store, service, "fraud-1");
  ASSERT_TRUE(revision.has_value()) << revision.error().ToString();
  Resource changed = *revision;
  changed.spec["predictor"]["threads"] = 2;
  ExpectError(store.TryUpdate(changed), Code::kFailedPrecondition, "IMMUTABLE",
              "spec.predictor.threads");
  changed.spec = revision->spec;
  changed.metadata.labels["a"] = "b";
  EXPECT_TRUE(store.TryUpdate(changed).has_value());
}

TEST(ResourceStore, DeletingAnOwnerTakesItsDependents) {
  TestStore store;
  size_t rows_before = AllRows(store.meta(), "r/").size();
  size_t index_before = AllRows(store.meta(), "rx/uid").size();
  Resource service = store.Create(TestStore::WantedService("fraud"));
  Resource other = store.Create(TestStore::WantedService("other"));
  ASSERT_TRUE(CreateRevision(store, service, "fraud-1").has_value());
  Result<Resource> shared = CreateRevision(store, service, "fraud-2");
  ASSERT_TRUE(shared.has_value());
  Resource two_owners = TestStore::Wanted("Revision", "default", "both", DumpJson(shared->spec));
  two_owners.metadata.owners = {{"Service", "fraud", service.metadata.uid},
                                {"Service", "other", other.metadata.uid}};
  store.Create(two_owners);

  ASSERT_TRUE(store.TryDelete(kFraud).has_value());
  ExpectError(store.TryGet({"Revision", "default", "fraud-1"}), Code::kNotFound,
              "RESOURCE_UNKNOWN");
  Resource both = store.Get({"Revision", "default", "both"});
  ASSERT_EQ(both.metadata.owners.size(), 1u);
  EXPECT_EQ(both.metadata.owners[0].name, "other");
  ASSERT_TRUE(store.TryDelete({"Service", "default", "other"}).has_value());
  EXPECT_EQ(AllRows(store.meta(), "r/").size(), rows_before);
  EXPECT_EQ(AllRows(store.meta(), "rx/uid").size(), index_before);
  EXPECT_EQ(AllRows(store.meta(), "rx/owner").size(), 0u);
  EXPECT_EQ(AllRows(store.meta(), "rx/label").size(), 0u);
  EXPECT_EQ(AllRows(store.meta(), "rx/event/Service").size(), 0u);
}

TEST(ResourceStore, OwnersMustExist) {
  TestStore store;
  Resource service = store.Create(TestStore::WantedService("fraud"));
  service.metadata.uid = std::string(32, '0');
  ExpectError(CreateRevision(store, service, "fraud-1"), Code::kNotFound, "OWNER_UNKNOWN",
              "metadata.owners[0]");
}

TEST(ResourceStore, FinalizersHoldADeletedObject) {
  TestStore store;
  Resource service = store.Create(TestStore::WantedService("fraud"));
  ASSERT_TRUE(CreateRevision(store, service, "fraud-1", {"slipway/unload"}).has_value());
  const Key revision{"Revision", "default", "fraud-1"};
  ASSERT_TRUE(store.TryDelete(kFraud).has_value());
  Resource deleting = store.Get(revision);
  EXPECT_TRUE(deleting.metadata.deleted_at.has_value());
  Resource changed = deleting;
  changed.metadata.labels["a"] = "b";
  ExpectError(store.TryUpdate(changed), Code::kFailedPrecondition, "RESOURCE_DELETING");
  EXPECT_TRUE(store.TryUpdateStatus(revision, R"({"phase": "Retired"})").has_value());
  EXPECT_TRUE(store.TryDelete(revision).has_value());

  auto set = [&](std::vector<std::string> finalizers) {
    return store.resources().TransactNow(
        TestStore::As("system/test"), [&](ResourceTransaction& transaction) -> Result<void> {
          TRY_VOID(transaction.SetFinalizers(revision, finalizers));
          return {};
        });
  };
  ExpectError(set({"slipway/unload", "slipway/other"}), Code::kFailedPrecondition,
              "RESOURCE_DELETING");
  EXPECT_TRUE(set({}).has_value());
  ExpectError(store.TryGet(revision), Code::kNotFound, "RESOURCE_UNKNOWN");
}

TEST(ResourceStore, AProjectMayGoWithAllThatIsInIt) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "shop"));
  Resource service = TestStore::WantedService("fraud");
  service.metadata.project = "shop";
  store.Create(std::move(service));
  store.Create(TestStore::Wanted("Secret", "shop", "upstream", R"({"data": {"key": "value"}})"));
  const Resource kept = store.Create(TestStore::WantedService("fraud"));
  auto remove = [&](const std::string& name, std::optional<uint64_t> version) {
    return RunSync(store.resources().Delete(TestStore::As("tester"), {"Project", "", name}, version,
                                            Cascade::kYes));
  };
  ExpectError(remove("shop", 1), Code::kAborted, "VERSION_CONFLICT");
  EXPECT_TRUE(store.TryGet({"Service", "shop", "fraud"}).has_value());
  ExpectError(remove("default", {}), Code::kFailedPrecondition, "PROJECT_NEEDED");
  EXPECT_TRUE(remove("shop", {}).has_value());
  for (const Key& key : {Key{"Project", "", "shop"}, Key{"Service", "shop", "fraud"},
                         Key{"Secret", "shop", "upstream"}}) {
    ExpectError(store.TryGet(key), Code::kNotFound, "RESOURCE_UNKNOWN");
  }
  EXPECT_EQ(store.Get(KeyOf(kept)).metadata.uid, kept.metadata.uid);
  ExpectError(remove("shop", {}), Code::kNotFound, "RESOURCE_UNKNOWN");
}

TEST(ResourceStore, RemovalsRefuseOrTakeAlong) {
  TestStore store;
  bool refuse = true;
  store.resources().AddRemoval(
      "service", [&](ResourceTransaction& transaction, const Resource& now, Cascade cascade) {
        EXPECT_EQ(cascade, Cascade::kNo);
        EXPECT_EQ(now.metadata.name, "fraud");
        if (refuse) return Result<void>(FailedPrecondition("BUSY", "wait"));
        return transaction.Delete(KeyOf(now));
      });
  store.Create(TestStore::WantedService("fraud"));
  const Key key{"Service", "default", "fraud"};
  ExpectError(store.TryDelete(key), Code::kFailedPrecondition, "BUSY");
  EXPECT_TRUE(store.TryGet(key).has_value());
  refuse = false;
  EXPECT_TRUE(store.TryDelete(key).has_value());
  ExpectError(store.TryGet(key), Code::kNotFound, "RESOURCE_UNKNOWN");
}

TEST(ResourceStore, ProjectsGoOnlyEmpty) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "shop"));
  Resource service = TestStore::WantedService("fraud");
  service.metadata.project = "shop";
  store.Create(service);
  ExpectError(store.TryDelete({"Project", "", "shop"}), Code::kFailedPrecondition,
              "PROJECT_NOT_EMPTY");
  ASSERT_TRUE(store.TryDelete({"Service", "shop", "fraud"}).has_value());
  EXPECT_TRUE(store.TryDelete({"Project", "", "shop"}).has_value());
  ExpectError(store.TryDelete({"Project", "", "default"}), Code::kFailedPrecondition,
              "PROJECT_NEEDED");
  ExpectError(store.TryDelete({"Site", "", "local"}), Code::kFailedPrecondition, "SITE_NEEDED");
}

TEST(ResourceStore, EventsTellTransitions) {
  TestStore store;
  store.Create(TestStore::WantedService("fraud"));
  ASSERT_TRUE(store
                  .TryUpdateStatus(kFraud, R"({"phase": "Ready", "conditions": [{"type": "Ready",
                      "status": "True", "reason": "LOADED", "message": "fine"}]})")
                  .has_value());
  Resource changed = TestStore::WantedService("fraud");
  changed.spec["follow"] = true;
  ASSERT_TRUE(store.TryUpdate(changed).has_value());
  EXPECT_EQ(EventTypes(store, kFraud),
            (std::vector<std::string>{"Created ", "Phase Ready", "Condition LOADED", "Changed "}));
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(
        store.TryUpdateStatus(kFraud, R"({"phase": "P)" + std::to_string(i) + "\"}").has_value());
  }
  std::vector<std::string> types = EventTypes(store, kFraud);
  ASSERT_EQ(types.size(), 32u);
  EXPECT_EQ(types.back(), "Phase P199");
  ASSERT_TRUE(store.TryDelete(kFraud).has_value());
  Result<void> read = store.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(events, EventsOfProject(snapshot, "default"));
    EXPECT_EQ(events.back().type, "Deleted");
    EXPECT_EQ(events.back().name, "fraud");
    EXPECT_EQ(events.back().actor, "tester");
    EXPECT_EQ(events.back().request_id, "request-1");
    return {};
  });
  EXPECT_TRUE(read.has_value());
}

TEST(ResourceStore, AdmissionRunsForUsersWrites) {
  TestStore store;
  int calls = 0;
  store.resources().AddAdmission(
      "service", [&](ResourceTransaction&, Resource& now, const Resource* old) -> Result<void> {
        ++calls;
        if (now.metadata.name == "no") return FailedPrecondition("NOT_HERE", "no");
        now.spec["predictor"]["threads"] = old == nullptr ? 3 : 4;
        return {};
      });
  EXPECT_EQ(store.Create(TestStore::WantedService("fraud")).spec["predictor"]["threads"], 3);
  EXPECT_EQ(store.TryUpdate(TestStore::WantedService("fraud"))->spec["predictor"]["threads"], 4);
  ExpectError(store.TryCreate(TestStore::WantedService("no")), Code::kFailedPrecondition,
              "NOT_HERE");
  // A spec that is wrong is refused before.
  ExpectError(store.TryCreate(TestStore::Wanted("Service", "default", "b")), Code::kInvalidArgument,
              "FIELD_REQUIRED", "spec.predictor");
  EXPECT_EQ(calls, 3);
}

TEST(ResourceStore, AProjectMayForbidAnonymousServices) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "shop", R"({"allowAnonymous": false})"));
  Resource service = TestStore::WantedService("fraud");
  service.metadata.project = "shop";
  service.spec["access"] = "anonymous";
  ExpectError(store.TryCreate(service), Code::kFailedPrecondition, "ANONYMOUS_FORBIDDEN",
              "spec.access");
  service.spec["access"] = "token";
  store.Create(service);
  service.spec["access"] = "anonymous";
  ExpectError(store.TryUpdate(service), Code::kFailedPrecondition, "ANONYMOUS_FORBIDDEN",
              "spec.access");
  service.metadata.project = "default";
  EXPECT_TRUE(store.TryCreate(service).has_value());
}

TEST(ResourceStore, AdmissionResultIsValidated) {
  TestStore store;
  store.resources().AddAdmission(
      "Service", [](ResourceTransaction&, Resource& now, const Resource*) -> Result<void> {
        now.spec["predictor"]["threads"] = -1;
        return {};
      });
  ExpectError(store.TryCreate(TestStore::WantedService("fraud")), Code::kInvalidArgument,
              "FIELD_RANGE", "spec.predictor.threads");
}

TEST(ResourceStore, AFailedTransactionChangesNothing) {
  TestStore store;
  std::vector<std::string> before = AllRows(store.meta(), "r");
  Result<void> done = store.resources().TransactNow(
      TestStore::As("tester"), [](ResourceTransaction& transaction) -> Result<void> {
        TRY_VOID(transaction.Create(TestStore::WantedService("fraud")));
        return FailedPrecondition("STOP", "stop");
      });
  ExpectError(done, Code::kFailedPrecondition, "STOP");
  EXPECT_EQ(AllRows(store.meta(), "r"), before);
}

}  // namespace
}  // namespace slipway::resource
