#include "engine/worker/frame.h"

#include <gtest/gtest.h>

#include "engine/worker/limits.h"

namespace slipway::engine::worker {
namespace {

using tensor::DataType;
using tensor::Shape;

std::string MustEncode(const Frame& frame) {
  const Result<std::string> bytes = EncodeFrame(frame);
  EXPECT_TRUE(bytes.has_value());
  return *bytes;
}

std::string Refusal(std::string_view bytes) {
  const Result<Frame> frame = DecodeFrame(bytes);
  if (frame.has_value()) return "taken";
  EXPECT_EQ(frame.error().code(), Code::kDataLoss);
  EXPECT_EQ(frame.error().reason(), "WORKER_FRAME");
  return frame.error().message();
}

RunFrame SomeRun() {
  return {.run = 7,
          .deadline_ns = -1,
          .has_new_input = true,
          .inputs = {{.index = 0,
                      .type = DataType::kInt64,
                      .shape = Shape({2, 3}),
                      .offset = 64,
                      .size_bytes = 48}},
          .wanted = {1, 0}};
}

TEST(WorkerFrame, RunsComeBackAsTheyWere) {
  const Result<Frame> frame = DecodeFrame(MustEncode(SomeRun()));
  ASSERT_TRUE(frame.has_value());
  const auto& run = std::get<RunFrame>(*frame);
  EXPECT_EQ(run.run, 7);
  EXPECT_EQ(run.deadline_ns, -1);
  EXPECT_TRUE(run.has_new_input);
  EXPECT_FALSE(run.has_new_output);
  ASSERT_EQ(run.inputs.size(), 1);
  EXPECT_EQ(run.inputs[0].type, DataType::kInt64);
  EXPECT_EQ(run.inputs[0].shape, Shape({2, 3}));
  EXPECT_EQ(run.inputs[0].offset, 64);
  EXPECT_EQ(run.inputs[0].size_bytes, 48);
  EXPECT_EQ(run.wanted, (std::vector<uint32_t>{1, 0}));
}

TEST(WorkerFrame, DropsComeBackAsTheyWere) {
  for (const bool input : {false, true}) {
    const Result<Frame> frame =
        DecodeFrame(MustEncode(DropFrame{.input = input, .output = !input}));
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(std::get<DropFrame>(*frame).input, input);
    EXPECT_EQ(std::get<DropFrame>(*frame).output, !input);
  }
}

TEST(WorkerFrame, SignaturesComeBackAsTheyWere) {
  LoadedFrame loaded{.decoupled = true, .platform = "python"};
  loaded.signature.inputs.push_back(
      {.name = "x", .type = DataType::kBytes, .shape = Shape({-1, 4}), .symbols = {"n", ""}});
  loaded.signature.outputs.push_back({.name = "y", .shape = Shape()});
  const Result<Frame> frame = DecodeFrame(MustEncode(loaded));
  ASSERT_TRUE(frame.has_value());
  const auto& back = std::get<LoadedFrame>(*frame);
  EXPECT_EQ(back.protocol, kProtocol);
  EXPECT_TRUE(back.decoupled);
  EXPECT_EQ(back.platform, "python");
  EXPECT_EQ(back.signature.inputs.at(0).name, "x");
  EXPECT_EQ(back.signature.inputs.at(0).symbols.at(0), "n");
  EXPECT_EQ(back.signature.outputs.at(0).shape.rank(), 0);
}

TEST(WorkerFrame, EachBeginningOfAFrameIsRefused) {
  const std::string bytes = MustEncode(SomeRun());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(Refusal(bytes.substr(0, size)), "taken") << size;
  }
  EXPECT_NE(Refusal(bytes + "x").find("goes on after its end"), std::string::npos);
}

TEST(WorkerFrame, NumbersOutOfRangeAreRefused) {
  EXPECT_NE(Refusal(std::string(4, '\xff')).find("unknown type"), std::string::npos);
  std::string done = MustEncode(DoneFrame{.run = 1});
  done.replace(done.size() - 4, 4, std::string(4, '\x7f'));
  EXPECT_NE(Refusal(done).find("more than 1024 tensors"), std::string::npos);
  const std::string need = MustEncode(NeedFrame{.run = 1, .size_bytes = kMaxSegmentBytes + 1});
  EXPECT_NE(Refusal(need).find("too much room"), std::string::npos);
  std::string failed = MustEncode(FailedFrame{.reason = "R", .message = "\xff"});
  EXPECT_NE(Refusal(failed).find("not UTF-8"), std::string::npos);
}

TEST(WorkerFrame, WhatIsTooLongIsNotSent) {
  const Result<std::string> bytes =
      EncodeFrame(FailedFrame{.message = std::string(kMaxFrameBytes, 'x')});
  ASSERT_TRUE(bytes.has_error());
  EXPECT_EQ(bytes.error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace slipway::engine::worker
