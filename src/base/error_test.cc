#include "base/error.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(ErrorTest, CarriesWhatItWasMadeOf) {
  const Error error(Code::kInvalidArgument, "FIELD_UNKNOWN", "no such field",
                    {{"field", "spec.x"}});
  EXPECT_EQ(error.code(), Code::kInvalidArgument);
  EXPECT_EQ(error.reason(), "FIELD_UNKNOWN");
  EXPECT_EQ(error.message(), "no such field");
  EXPECT_EQ(error.detail("field"), "spec.x");
  EXPECT_EQ(error.detail("other"), "");
  EXPECT_EQ(error.cause(), nullptr);
}

TEST(ErrorTest, ChangesACopyOnly) {
  const Error error = NotFound("GONE", "it is gone");
  const Error changed =
      error.With("name", "x").Prefixed("model: ").CausedBy(Internal("DISK", "bad disk"));
  EXPECT_EQ(error.ToString(), "NOT_FOUND GONE: it is gone");
  EXPECT_EQ(changed.ToString(),
            "NOT_FOUND GONE: model: it is gone (name=x): INTERNAL DISK: bad disk");
  EXPECT_EQ(changed.With("b", "2").ToString(),
            "NOT_FOUND GONE: model: it is gone (name=x, b=2): INTERNAL DISK: bad disk");
}

TEST(ErrorTest, NamesEveryCodeAsGrpcDoes) {
  constexpr const char* kNames[] = {"CANCELLED",
                                    "UNKNOWN",
                                    "INVALID_ARGUMENT",
                                    "DEADLINE_EXCEEDED",
                                    "NOT_FOUND",
                                    "ALREADY_EXISTS",
                                    "PERMISSION_DENIED",
                                    "RESOURCE_EXHAUSTED",
                                    "FAILED_PRECONDITION",
                                    "ABORTED",
                                    "OUT_OF_RANGE",
                                    "UNIMPLEMENTED",
                                    "INTERNAL",
                                    "UNAVAILABLE",
                                    "DATA_LOSS",
                                    "UNAUTHENTICATED"};
  for (int number = 1; number <= 16; ++number) {
    EXPECT_EQ(CodeName(static_cast<Code>(number)), kNames[number - 1]);
  }
}

TEST(ErrorTest, ShorthandsMakeTheirCode) {
  EXPECT_EQ(InvalidArgument("R", "m").code(), Code::kInvalidArgument);
  EXPECT_EQ(NotFound("R", "m").code(), Code::kNotFound);
  EXPECT_EQ(AlreadyExists("R", "m").code(), Code::kAlreadyExists);
  EXPECT_EQ(FailedPrecondition("R", "m").code(), Code::kFailedPrecondition);
  EXPECT_EQ(PermissionDenied("R", "m").code(), Code::kPermissionDenied);
  EXPECT_EQ(Unauthenticated("R", "m").code(), Code::kUnauthenticated);
  EXPECT_EQ(ResourceExhausted("R", "m").code(), Code::kResourceExhausted);
  EXPECT_EQ(Unavailable("R", "m").code(), Code::kUnavailable);
  EXPECT_EQ(Unimplemented("R", "m").code(), Code::kUnimplemented);
  EXPECT_EQ(Internal("R", "m").code(), Code::kInternal);
  EXPECT_EQ(DataLoss("R", "m").code(), Code::kDataLoss);
}

TEST(ErrorTest, TellsWhatTheSystemSaid) {
  struct Row {
    int error_number;
    Code code;
    const char* reason;
  };
  for (const Row& row : {Row{ENOSPC, Code::kResourceExhausted, "DISK_FULL"},
                         Row{EDQUOT, Code::kResourceExhausted, "DISK_FULL"},
                         Row{EFBIG, Code::kResourceExhausted, "FILE_SIZE_LIMIT"},
                         Row{EMFILE, Code::kResourceExhausted, "TOO_MANY_FILES"},
                         Row{ENFILE, Code::kResourceExhausted, "TOO_MANY_FILES"},
                         Row{ENOENT, Code::kNotFound, "FILE_NOT_FOUND"},
                         Row{EEXIST, Code::kAlreadyExists, "FILE_EXISTS"},
                         Row{ENOTDIR, Code::kFailedPrecondition, "FILE_TYPE"},
                         Row{EISDIR, Code::kFailedPrecondition, "FILE_TYPE"},
                         Row{EACCES, Code::kPermissionDenied, "FILE_ACCESS"},
                         Row{EPERM, Code::kPermissionDenied, "FILE_ACCESS"},
                         Row{EROFS, Code::kPermissionDenied, "FILE_ACCESS"},
                         Row{EADDRINUSE, Code::kFailedPrecondition, "ADDRESS_IN_USE"},
                         Row{EIO, Code::kInternal, "SYSTEM"}}) {
    const Error error = SystemError(row.error_number, "open /x");
    EXPECT_EQ(error.code(), row.code) << row.reason;
    EXPECT_EQ(error.reason(), row.reason);
  }
  EXPECT_EQ(SystemError(ENOENT, "open /x").message(), "open /x: No such file or directory");
}

}  // namespace
}  // namespace slipway
