#include "engine/worker/environment.h"

#include <gtest/gtest.h>

namespace slipway::engine::worker {
namespace {

TEST(Environment, NamesOfSecretsAreKnownByTheirWords) {
  for (const char* name :
       {"OTEL_EXPORTER_OTLP_HEADERS", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "COSIGN_PASSWORD",
        "PGPASSWORD_PASSWD", "api_key", "GOOGLE_APPLICATION_CREDENTIALS", "TOKEN", "X-AUTH"}) {
    EXPECT_TRUE(IsSecret(name, "x")) << name;
  }
  for (const char* name : {"PATH", "PWD", "HOME", "TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS",
                           "KEYBOARD", "SLIPWAY_MODELS", "LD_LIBRARY_PATH", "AUTHOR", ""}) {
    EXPECT_FALSE(IsSecret(name, "x")) << name;
  }
}

TEST(Environment, AddressesWithAPasswordAreSecret) {
  EXPECT_TRUE(IsSecret("DATABASE_URL", "postgres://me:word@db/x"));
  EXPECT_TRUE(IsSecret("HTTPS_PROXY", "http://me:@proxy:3128"));
  EXPECT_FALSE(IsSecret("HTTPS_PROXY", "http://proxy:3128/a@b:c"));
  EXPECT_FALSE(IsSecret("DATABASE_URL", "postgres://me@db:5432/x"));
}

}  // namespace
}  // namespace slipway::engine::worker
