// How models come to be loaded: beside each other or one at a time, and for how long.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "engine/worker/worker.h"
#include "gateway/model_loads.h"
#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

// Before main: `PROGRAM worker ...` is what starts for a model in a process of its own.
__attribute__((constructor)) void BeTheWorker(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "worker") {
    _exit(engine::worker::RunWorker(argc - 1, argv + 1).has_value() ? 0 : 1);
  }
}

class LoadingTest : public testing::Test {
 protected:
  LoadingTest()
      : gate_(std::filesystem::temp_directory_path() / ("gate-" + std::to_string(getpid()))) {}
  void TearDown() override { std::filesystem::remove(gate_); }

  // Loads until Open.
  runtime::ServingRevision Slow(int64_t number, bool own_process) {
    auto revision = plane_.Fake(number, R"(,"loadUntilFile":")" + gate_.native() + R"(")");
    revision.own_process = own_process;
    return revision;
  }
  runtime::ServingRevision Quick(int64_t number, bool own_process) {
    auto revision = plane_.Fake(number);
    revision.own_process = own_process;
    return revision;
  }
  void Open() { std::ofstream(gate_) << "open"; }
  void ExpectReady(const runtime::ServingRevision& revision) {
    EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane_.Phase(revision.uid) == "Ready"; }))
        << plane_.Phase(revision.uid);
  }

  const std::filesystem::path gate_;
  PlaneFixture plane_;
};

TEST_F(LoadingTest, OneThatIsSlowElsewhereDelaysNobody) {
  const auto slow = Slow(1, true);
  const auto other = Quick(1, true);
  const auto shared = Quick(1, false);
  plane_.Apply({PlaneFixture::Service("a", {slow}), PlaneFixture::Service("b", {other}),
                PlaneFixture::Service("c", {shared})});
  ExpectReady(other);
  ExpectReady(shared);
  EXPECT_EQ(plane_.Phase(slow.uid), "Loading");
  EXPECT_FALSE(plane_.plane().settled());
  Open();
  ExpectReady(slow);
}

TEST_F(LoadingTest, InThisProcessOneLoadsAfterTheOther) {
  const auto slow = Slow(1, false);
  const auto next = Quick(1, false);
  const auto other = Quick(1, true);
  plane_.Apply({PlaneFixture::Service("a", {slow}), PlaneFixture::Service("b", {next}),
                PlaneFixture::Service("c", {other})});
  ExpectReady(other);
  EXPECT_EQ(plane_.Phase(next.uid), "Loading");
  Open();
  ExpectReady(slow);
  ExpectReady(next);
}

TEST_F(LoadingTest, TheOldestOfEachServiceComeFirst) {
  const auto served = Quick(1, false);
  const auto slow = Slow(2, false);
  const auto other = Quick(1, false);
  plane_.Apply({PlaneFixture::Service("a", {served, slow}), PlaneFixture::Service("b", {other})});
  ExpectReady(served);
  ExpectReady(other);
  EXPECT_EQ(plane_.Phase(slow.uid), "Loading");
  Open();
  ExpectReady(slow);
}

TEST_F(LoadingTest, OneThatNobodyWantsAnyMoreIsInterrupted) {
  const auto slow = Slow(1, true);
  plane_.Apply({PlaneFixture::Service("a", {slow})});
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane_.Phase(slow.uid) == "Loading"; }));
  plane_.Apply({});
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane_.Phase(slow.uid).empty(); }));
  // What is wanted again is loaded again.
  plane_.Apply({PlaneFixture::Service("a", {slow})});
  plane_.Apply({});
  plane_.Apply({PlaneFixture::Service("a", {slow})});
  Open();
  ExpectReady(slow);
}

TEST_F(LoadingTest, TheEndWaitsForNoLoadElsewhere) {
  const auto slow = Slow(1, true);
  plane_.Apply({PlaneFixture::Service("a", {slow})});
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane_.Phase(slow.uid) == "Loading"; }));
}

TEST_F(LoadingTest, AFailureThatMayPassIsTriedAgain) {
  const auto late = Quick(1, false);
  const std::filesystem::path file = std::filesystem::path(late.path) / late.model_file;
  const std::filesystem::path aside = file.native() + ".aside";
  std::filesystem::rename(file, aside);
  plane_.Serve({PlaneFixture::Service("a", {late})});
  EXPECT_EQ(plane_.Phase(late.uid), "Failed: MODEL_FILE_MISSING");
  EXPECT_TRUE(plane_.plane().settled());
  const auto measured = plane_.plane().status().revisions.at(0);
  EXPECT_GT(measured.next_try_ms, 0);
  std::filesystem::rename(aside, file);
  ExpectReady(late);
  EXPECT_EQ(plane_.plane().status().revisions.at(0).next_try_ms, 0);
  HttpCaller caller(plane_.port());
  EXPECT_EQ(caller.Post("/v2/models/a/infer", kFourFloats)->status, 200);
}

TEST_F(LoadingTest, AModelThatIsWrongIsNotTriedAgain) {
  const auto bad = plane_.Fake(1, R"(,"failLoad":"no luck")");
  plane_.Serve({PlaneFixture::Service("a", {bad})});
  EXPECT_EQ(plane_.Phase(bad.uid), "Failed: LOAD_FAILED");
  EXPECT_EQ(plane_.plane().status().revisions.at(0).next_try_ms, 0);
}

TEST_F(LoadingTest, ThereIsRoomForSoMany) {
  engine::PluginHost host;
  ModelLoads loads(host, 2, [] {});
  const auto own = Slow(1, true);
  const auto shared = Quick(1, false);
  const auto source = [](const runtime::ServingRevision& revision) {
    return engine::ModelSource{.format = revision.format,
                               .path = revision.path + "/" + revision.model_file,
                               .own_process = revision.own_process};
  };
  loads.Start(own, source(own));
  EXPECT_TRUE(loads.HasRoomFor(own));
  const uint64_t second = loads.Start(own, source(own));
  EXPECT_FALSE(loads.HasRoomFor(own));
  EXPECT_TRUE(loads.HasRoomFor(shared));
  loads.Interrupt(second);
  std::vector<ModelLoads::Ended> ended;
  EXPECT_TRUE(PlaneFixture::WaitFor([&] {
    ended = loads.TakeEnded();
    return !ended.empty();
  }));
  EXPECT_EQ(ended.at(0).number, second);
  EXPECT_TRUE(ended.at(0).was_interrupted);
  EXPECT_TRUE(loads.HasRoomFor(own));
}

}  // namespace
}  // namespace slipway::gateway
