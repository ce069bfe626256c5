#include <gtest/gtest.h>

#include "gateway/grpc/environment.h"

namespace slipway::gateway::grpc {
namespace {

TEST(GrpcStatus, IsTheCodeOfTheErrorButForTritonsTimeout) {
  for (int code = 1; code <= 16; ++code) {
    EXPECT_EQ(StatusOf(Error(static_cast<Code>(code), "ANY", "text")), code);
  }
  EXPECT_EQ(StatusOf(Error(Code::kDeadlineExceeded, "REQUEST_TIMEOUT", "text")), 14);
  EXPECT_EQ(StatusOf(Error(Code::kDeadlineExceeded, "RUN_TIMEOUT", "text")), 4);
  EXPECT_EQ(StatusOf(Unavailable("QUEUE_FULL", "text")), 14);
  EXPECT_EQ(StatusOf(NotFound("MODEL_UNKNOWN", "text")), 5);
}

TEST(GrpcModelName, MayNameAProject) {
  const v2::ModelName plain = NameOf("fraud", "");
  EXPECT_EQ(plain.project, "default");
  EXPECT_EQ(plain.service, "fraud");
  EXPECT_FALSE(plain.version.has_value());
  const v2::ModelName other = NameOf("team/fraud", "3");
  EXPECT_EQ(other.project, "team");
  EXPECT_EQ(other.service, "fraud");
  EXPECT_EQ(other.version, "3");
}

}  // namespace
}  // namespace slipway::gateway::grpc
