#include "cli/documents.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

TEST(ParseDocuments, SplitsAtMarkersOnly) {
  Result<std::vector<Json>> documents = ParseDocuments(
      "# a comment\n---\nkind: A\ntext: |\n  ---\n  not a marker\n---\n# nothing\n---\n{\"kind\": "
      "\"B\"}\n");
  ASSERT_TRUE(documents.has_value()) << documents.error().ToString();
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ((*documents)[0]["text"], "---\nnot a marker\n");
  EXPECT_EQ((*documents)[1]["kind"], "B");
}

TEST(ParseDocuments, AListStandsForItsItems) {
  Result<std::vector<Json>> documents =
      ParseDocuments("kind: ServiceList\nitems:\n- kind: Service\n- kind: Service\n");
  ASSERT_TRUE(documents.has_value());
  EXPECT_EQ(documents->size(), 2u);
}

TEST(ParseDocuments, SaysWhichDocumentIsWrong) {
  Result<std::vector<Json>> broken = ParseDocuments("kind: A\n---\nkind: [\n");
  ASSERT_FALSE(broken.has_value());
  EXPECT_TRUE(broken.error().message().starts_with("document 2: ")) << broken.error().message();
  Result<std::vector<Json>> scalar = ParseDocuments("just text\n");
  EXPECT_EQ(scalar.error().reason(), "DOCUMENT_TYPE");
  EXPECT_TRUE(ParseDocuments("")->empty());
}

TEST(ParseDocuments, LimitsTheirNumber) {
  std::string text;
  for (size_t i = 0; i <= kMaxDocuments; ++i) text += "---\nkind: A\n";
  EXPECT_EQ(ParseDocuments(text).error().reason(), "TOO_MANY_DOCUMENTS");
}

}  // namespace
}  // namespace slipway::cli
