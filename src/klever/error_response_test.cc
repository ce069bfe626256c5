#include "klever/error_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::klever {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  Error error;
  int status;
  std::string harbor_code;
};

TEST(ErrorResponse, IsInTheWordsOfEachProtocol) {
  const Case cases[] = {
      {InvalidArgument("FORM_INVALID", "m"), 400, "BAD_REQUEST"},
      {InvalidArgument("MULTIPART_TYPE", "m"), 415, "BAD_REQUEST"},
      {Unauthenticated("TOKEN_MISSING", "m"), 401, "UNAUTHORIZED"},
      {PermissionDenied("ROLE_MISSING", "m"), 403, "FORBIDDEN"},
      {NotFound("UPLOAD_UNKNOWN", "m"), 404, "NOT_FOUND"},
      {AlreadyExists("TAG_EXISTS", "m"), 409, "CONFLICT"},
      {Error(Code::kAborted, "UPLOAD_CONFLICT", "m"), 409, "CONFLICT"},
      {FailedPrecondition("PROJECT_NOT_EMPTY", "m"), 412, "PRECONDITION"},
      {ResourceExhausted("UPLOADS_OF_SUBJECT", "m"), 429, "TOO_MANY_REQUESTS"},
      {ResourceExhausted("UPLOAD_TOO_LARGE", "m"), 413, "BAD_REQUEST"},
      {Error(Code::kOutOfRange, "DOWNLOAD_RANGE", "m"), 416, "BAD_REQUEST"},
      {ResourceExhausted("DISK_FULL", "m"), 507, "INSUFFICIENT_STORAGE"},
      {DataLoss("BLOB_DAMAGED", "m"), 500, "INTERNAL"},
  };
  for (const Case& c : cases) {
    const net::HttpRequest request;
    const auto klever = KleverErrorResponse(request, c.error);
    EXPECT_EQ(klever.status, c.status) << c.error.reason();
    EXPECT_EQ(Json::parse(std::get<std::string>(klever.body))["reason"], c.error.reason());
    const auto harbor = HarborErrorResponse(request, c.error);
    EXPECT_EQ(harbor.status, c.status) << c.error.reason();
    const Json body = Json::parse(std::get<std::string>(harbor.body));
    EXPECT_EQ(body["errors"][0]["code"], c.harbor_code) << c.error.reason();
  }
}

// Where the server keeps its files is nobody's business.
TEST(ErrorResponse, TellsNoPathOfTheServer) {
  const Error errors[] = {
      NotFound("FILE_NOT_FOUND", "open /data/klever/x: No such file or directory"),
      AlreadyExists("FILE_EXISTS", "open /data/klever/x: File exists"),
      PermissionDenied("FILE_ACCESS", "open /data/klever/x: Permission denied"),
      ResourceExhausted("DISK_FULL", "write /data/klever/x: No space left on device"),
      ResourceExhausted("FILE_SIZE_LIMIT", "write /data/klever/x: File too large"),
  };
  for (const Error& error : errors) {
    const auto response = KleverErrorResponse(net::HttpRequest(), error);
    EXPECT_GE(response.status, 500) << error.reason();
    const std::string& body = std::get<std::string>(response.body);
    EXPECT_THAT(body, Not(HasSubstr("/data"))) << error.reason();
  }
  const Error reserve =
      ResourceExhausted("DISK_FULL", "full but for 5 bytes").With("free_bytes", "3");
  const auto response = KleverErrorResponse(net::HttpRequest(), reserve);
  EXPECT_THAT(std::get<std::string>(response.body), HasSubstr("full but for 5 bytes"));
}

}  // namespace
}  // namespace slipway::klever
